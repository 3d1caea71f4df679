"""A course out of its archive, which is looked through before anything is written."""

import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grading.errors import UserError
from grading.keeping.manifest import MANIFEST, Manifest

LARGEST_MANIFEST = 256 << 20
DAMAGE = (  # what zipfile raises for a file that is not whole, or not a zip
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def restore(path: Path, folder: Path) -> Manifest:
    """Write the course of an archive into a new or empty folder, all of it or nothing.

    Raises
    ------
    UserError
        If there is something in the folder, or the archive is not whole, was changed, is of a
        newer format, or would write anywhere else.
    """
    _check_target(folder)
    with _opened(path) as archive:
        manifest = _manifest(archive)
        _check(archive, manifest)
        _write(archive, manifest, folder)
    return manifest


def _check_target(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty; name a new folder with --to")
    if folder.resolve() == Path.cwd():
        raise UserError("a course is not restored into the folder you are in; name a new one")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise UserError(
            f"{path} is no archive of a course, or is cut off: {error}; take another copy of it"
        ) from None
    with archive:
        try:
            yield archive
        except UserError as error:
            raise UserError(f"{path}: {error}; nothing was written") from None


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        entry = archive.getinfo(MANIFEST)
    except KeyError:
        raise UserError(f"there is no {MANIFEST} in it; expected what `archive` made") from None
    if entry.file_size > LARGEST_MANIFEST:
        raise UserError(f"its {MANIFEST} is far too large; expected what `archive` made")
    try:
        return Manifest.of_json(archive.read(entry))
    except DAMAGE as error:
        raise UserError(f"its {MANIFEST} is damaged: {error}; take another copy of it") from None


def _check(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    """Raise `UserError` unless an archive holds what its manifest says, to the byte."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    expected = {MANIFEST, *manifest.files}
    if twice := len(entries) - len(names):
        raise UserError(f"{twice} of its files are in it twice; it was changed")
    if odd := sorted(names ^ expected):
        where = "is not in its manifest" if odd[0] in names else "is in its manifest only"
        raise UserError(f"{odd[0]!r:.200} {where}; it was changed")
    for entry in entries:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{entry.filename} is a link or a device, not a file; it was changed")
    for name, kept in manifest.files.items():
        entry = archive.getinfo(name)
        if entry.file_size != kept.size or _digest(archive, entry) != kept.sha256:
            raise UserError(f"{name} is not what the manifest says; it was changed")


def _digest(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    try:
        with archive.open(entry) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except DAMAGE as error:
        raise UserError(f"{entry.filename} is damaged: {error}; take another copy of it") from None


def _write(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> None:
    """Build the folder beside its place, then move it there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".restore-") as scratch:
            new = Path(scratch, "course")
            for name, kept in manifest.files.items():
                place = new / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, place.open("xb") as target:
                    shutil.copyfileobj(source, target)
                os.utime(place, (kept.modified, kept.modified))
            if folder.exists():
                folder.rmdir()
            new.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None
