"""A course in one file: its gradebook, what was handed in, what came of it, and by what."""

import hashlib
import os
import re
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from grading.course.config import FILE, GRADEBOOK, LTI_KEY, SERVICE_SECRET, Course
from grading.errors import UserError
from grading.files import written_atomically
from grading.gradebook.copying import copy_gradebook
from grading.keeping.manifest import MANIFEST, Kept, Manifest, is_inside, versions
from grading.places import KEYS

DATABASE = "gradebook.db"
# What of course/ an archive has otherwise or not at all: the gradebook, wherever it is, goes as one
# file, and the service's secret and key stay where they are.
LEFT_OUT = {
    GRADEBOOK,
    SERVICE_SECRET,
    LTI_KEY,
    *(DATABASE + ending for ending in ("", "-wal", "-shm", "-journal")),
}
CHUNK = 1 << 20
DAWN = (1980, 1, 1, 0, 0, 0)  # of a zip's calendar: the manifest has the true times


@dataclass(frozen=True)
class Archived:
    """What was written.

    Attributes
    ----------
    files : int
    sha256 : str
        Of the archive itself.
    left_out : tuple of str
        Links and the like, which no archive holds.
    """

    files: int
    sha256: str
    left_out: tuple[str, ...]


def archive_name(course: Course) -> str:
    """Return what the archive of a course is called if nobody says otherwise."""
    term = re.sub(r"[^\w.-]+", "-", course.term).strip("-.")
    return f"archive-{term or 'course'}.zip"


def archive(course: Course, url: str, path: Path) -> Archived:
    """Write a course with the gradebook at ``url`` into a new file.

    Raises
    ------
    UserError
        If there is something at ``path`` already, the course's files are elsewhere than in its
        folder, or the gradebook cannot be read. Nothing is written then.
    """
    _check_target(course, path)
    found = dict(_files(course))
    left_out = tuple(name for name, file in found.items() if not _can_be_kept(name, file))
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, DATABASE)
        copy_gradebook(url, copy)
        files = {name: file for name, file in found.items() if name not in left_out}
        files[_name(course, course.home / DATABASE)] = copy
        with written_atomically(path) as stream:
            _write(course, files, stream)
    with path.open("rb") as whole:
        digest = hashlib.file_digest(whole, "sha256").hexdigest()
    return Archived(len(files), digest, left_out)


def _check_target(course: Course, path: Path) -> None:
    if path.exists():
        raise UserError(f"{path} is there already; name another file with --to")
    for folder in (course.home, course.root / "notebooks"):
        if path.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{path} is in {folder}, which is archived; name another place for it")


def _files(course: Course) -> Iterator[tuple[str, Path]]:
    """Yield every file of a course but its gradebook, with its path in the archive."""
    yield _name(course, course.root / FILE), course.root / FILE
    for path in (course.roster, *course.listings):
        if path.exists():
            yield _name(course, path), path
    for lab in course.lab_names:
        if (key := KEYS / f"{lab}.json").exists():
            yield f"keys/{lab}.json", key
    for folder in (course.root / "notebooks", course.home):
        for path in _below(folder):
            if path.parent != course.home or path.name not in LEFT_OUT:
                yield _name(course, path), path


def _below(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder and those below it and is no folder, in the same order always."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in sorted([*names, *links]))


def _name(course: Course, path: Path) -> str:
    root = os.path.abspath(course.root)
    name = os.path.relpath(os.path.abspath(path), root).replace(os.sep, "/")
    if name.startswith("../"):
        raise UserError(f"{path} is not in {root}, the course's folder; move it there")
    return name


def _can_be_kept(name: str, path: Path) -> bool:
    return is_inside(name) and stat.S_ISREG(path.lstat().st_mode)


def _write(course: Course, files: dict[str, Path], stream: BinaryIO) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        kept = {name: _add(target, name, files[name]) for name in sorted(files)}
        made = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = Manifest(course.name, course.term, made, versions(), kept)
        target.writestr(_entry(MANIFEST), manifest.to_json())


def _add(target: zipfile.ZipFile, name: str, path: Path) -> Kept:
    whole, size = hashlib.sha256(), 0
    with path.open("rb") as source:
        about = os.fstat(source.fileno())
        entry = _entry(name)
        entry.file_size = about.st_size  # so that zipfile knows what is large
        with target.open(entry, "w") as stream:
            while chunk := source.read(CHUNK):
                whole.update(chunk)
                size += len(chunk)
                stream.write(chunk)
    return Kept(whole.hexdigest(), size, about.st_mtime)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DAWN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry
