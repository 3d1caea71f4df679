"""Commands for what becomes of a course: archive, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from grading.cli.console import note, say, shown
from grading.cli.options import DatabaseUrl, gradebook_url, labs_course_here

MB = 1e6


def archive(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The archive, a new zip file.")
    ] = None,
    db: DatabaseUrl = None,
) -> None:
    """Write the whole course into one file: gradebook, notebooks, course files, versions."""
    from grading.keeping.archive import archive as archive_course
    from grading.keeping.archive import archive_name

    course = labs_course_here("all of it is in this folder, so archive the folder")
    path = to or course.root / archive_name(course)
    done = archive_course(course, gradebook_url(course, db), path)
    say(f"{shown(path)}: {done.files} files, {path.stat().st_size / MB:.1f} MB")
    say(f"SHA-256: {done.sha256}")
    note("it holds names, marks and work of students: keep it as you keep those")
    for name in done.left_out:
        note(f"left out, for it is a link or no file that other systems could have: {name}")
    if done.left_out:
        raise typer.Exit(1)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `archive` made.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="A new folder; else one named as the file."),
    ] = None,
) -> None:
    """Write the course of an archive into a new folder, after looking through all of it."""
    from grading.judging.basis import kit
    from grading.keeping.restore import restore as restore_course

    folder = to or Path(file.stem)
    manifest = restore_course(file, folder)
    say(f"{manifest.course}, {manifest.term}, as it was at {manifest.made}")
    say(f"{shown(folder)}: {len(manifest.files)} files, each of them as the archive says")
    if manifest.versions["code"] != kit():
        note(
            "its marks were kept by another version of the kit than this one, so graded again they "
            "may come out otherwise; manifest.json in the archive says by which"
        )
