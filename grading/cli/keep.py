"""Commands for what becomes of a course: archive, restore, forget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say, shown
from grading.cli.options import DatabaseUrl, gradebook_url, labs_course_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grading.keeping.forget import Plan

MB = 1e6
# What `forget` cannot reach.
BEYOND = (
    "the LMS has its own copy of what was handed in, and of marks and feedback that were uploaded",
    "archives and copies of this folder that were made before still have everything; so has mail, "
    "and so have files given away, such as exports and what `--json` wrote elsewhere",
    "what was downloaded from the LMS to be collected is where you put it; to collect it again "
    "brings a pair's notebook back with both names",
    "a server of PostgreSQL keeps what it says in its own backups and logs",
)


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


def forget(
    student: Annotated[str, typer.Argument(help="Id of the student.")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
    db: DatabaseUrl = None,
) -> None:
    """Remove a student and all that is kept of them; partners keep their work and marks."""
    from grading.keeping.forget import Forgetting

    course = labs_course_here("remove the student's folders, and `nbgrader db student remove ID`")
    forgetting = Forgetting(course, gradebook_url(course, db))
    plan = forgetting.plan(student)
    about = ", ".join(filter(None, (plan.student.id, plan.student.name, plan.student.email)))
    say(f"Of {about}:")
    for line in _lines(plan):
        say(f"  {line}")
    if not yes and not typer.confirm("Remove all this? It cannot be undone"):
        say("nothing was removed")
        return
    forgetting.carry_out(plan)
    say("removed")
    for line in BEYOND:
        note(line)
    left = forgetting.left(plan)
    for name in left:
        note(f"{name} still tells of {plan.student.id}; no command changes it: look for yourself")
    if left:
        raise typer.Exit(1)


def _lines(plan: Plan) -> Iterator[str]:
    """Yield what becomes of each thing that there is of a student."""
    for path in plan.own:
        yield f"removed: {shown(path)}"
    for path in plan.derived:
        yield f"removed, to be made again for the others: {shown(path)}"
    for path, content in plan.partners.items():
        what = "removed" if content is None else "stays the partner's, without them"
        yield f"{what}: {shown(path)}"
    for table, count in plan.rows.items():
        yield f"removed from the gradebook: {table}, {count} rows"
    for path in plan.lists:
        yield f"a line goes: {shown(path)}"
