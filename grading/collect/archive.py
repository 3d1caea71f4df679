"""The files of a folder or a zip that was handed in, none of them trusted.

Nothing is ever unpacked: a listing says what may be read, and each file is read into memory
within limits. What may not be read is refused by name.
"""

import os
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from grading.errors import UserError

MB = 1_000_000
MAX_FILE = 200 * MB
MAX_TOTAL = 2_000 * MB  # of what a zip expands to
MAX_RATIO = 200  # of expanded to packed bytes; notebooks pack at 3 to 20 to one
MIN_RATIO_SIZE = 10 * MB  # below it the ratio does not matter
MAX_ENTRIES = 20_000
MAX_NAME = 4096  # characters of a path

NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
ENCRYPTED = 0x1  # bit of a zip entry's flags
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Upload:
    """A file that may be read.

    ``name`` is its path within the folder or zip, with ``/``; ``read`` returns its bytes or
    raises `UserError`.
    """

    name: str
    modified: datetime
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Refused:
    """A file that is not taken, and why."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{printable(self.file)}: {printable(self.reason, 300)}"


@dataclass(frozen=True)
class Listing:
    """What a folder or a zip holds."""

    uploads: list[Upload] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


@contextmanager
def opened(path: Path) -> Iterator[Listing]:
    """List a folder or a zip file; its uploads can be read inside the ``with`` block.

    Raises
    ------
    UserError
        If there is no such path, or it is neither a folder nor a zip that can be opened.
    """
    if path.is_dir():
        yield _list_folder(path)
        return
    if not path.is_file():
        found = "neither" if path.exists() else "not there"
        raise UserError(f"expected a folder or a zip file of submissions, {path} is {found}")
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UserError(f"{path} cannot be opened as a zip file: {error}") from None
    with archive:
        yield _list_zip(archive, path)


def printable(text: str, limit: int = 160) -> str:
    """Return text that others chose as one line that is safe to show in a terminal."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return plain if len(plain) <= limit else f"{plain[: limit - 41]}…{plain[-40:]}"


def megabytes(size: int) -> str:
    """Return a number of bytes as text in MB."""
    return f"{size / MB:,.1f} MB"


def _list_folder(root: Path) -> Listing:
    listing = Listing()
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            paths = sorted(folder.iterdir())
        except OSError as error:
            listing.refused.append(
                Refused(_name(folder, root), f"cannot be read: {error.strerror}")
            )
            continue
        for path in paths:
            name = _name(path, root)
            if _is_junk(name):
                continue
            try:
                about = path.lstat()
            except OSError as error:
                listing.refused.append(Refused(name, f"cannot be read: {error.strerror}"))
                continue
            reason = (
                _refusal_by_type(about.st_mode)
                or _refusal_by_name(name)
                or _refusal_by_size(about.st_size)
            )
            if stat.S_ISDIR(about.st_mode) and not _is_notebook(name):
                folders.append(path)
            elif reason:
                listing.refused.append(Refused(name, reason))
            else:
                modified = _moment(about.st_mtime)
                listing.uploads.append(Upload(name, modified, partial(_read, path)))
    return listing


def _name(path: Path, root: Path) -> str:
    return printable(path.relative_to(root).as_posix(), MAX_NAME)


def _is_junk(name: str) -> bool:
    """Tell whether an operating system or an editor left the file, not a person."""
    return any(part.startswith(".") or part in JUNK for part in PurePosixPath(name).parts)


def _is_notebook(name: str) -> bool:
    return name.casefold().endswith(".ipynb")


def _refusal_by_name(name: str) -> str:
    """Let through what may be a notebook; mail programs add .txt or turn .ipynb into .json."""
    if name.casefold().endswith((".ipynb", ".ipynb.txt", ".json")):
        return ""
    return "not a notebook: expected a file whose name ends in .ipynb"


def _refusal_by_type(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "",
        stat.S_IFDIR: "it is a folder, not a notebook",
        stat.S_IFLNK: "it is a symbolic link, not a notebook; it was not followed",
        stat.S_IFIFO: "it is a named pipe, not a notebook",
    }
    return kinds.get(stat.S_IFMT(mode), "it is a device or a socket, not a notebook")


def _refusal_by_size(size: int) -> str:
    if size <= MAX_FILE:
        return ""
    return (
        f"it has {megabytes(size)}; at most {megabytes(MAX_FILE)} are taken: "
        "clear the outputs and hand it in again"
    )


def _moment(seconds: float) -> datetime:
    """Return a file's time; one that a wrong clock put into the future is taken as now."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), time.time()), UTC)


def _read(path: Path) -> bytes:
    """Read a plain file; the checks are made again on what was opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINKS)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        reason = _refusal_by_type(about.st_mode) or _refusal_by_size(about.st_size)
        if reason:
            raise UserError(reason)
        return file.read(MAX_FILE)


def _list_zip(archive: zipfile.ZipFile, path: Path) -> Listing:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise UserError(
            f"{path} has {len(entries)} entries; at most {MAX_ENTRIES} are taken: split it"
        )
    listing, total = Listing(), 0
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        reason = _refusal_of_entry(entry, name)
        name = printable(name, MAX_NAME)
        if not reason and (entry.is_dir() or _is_junk(name)):
            continue
        if not reason and total + entry.file_size > MAX_TOTAL:
            reason = (
                f"the zip expands to more than {megabytes(MAX_TOTAL)}, counted up to this file; "
                "unpack it and collect the folder"
            )
        if reason:
            listing.refused.append(Refused(name, reason))
            continue
        total += entry.file_size
        modified = _moment_of_entry(entry, path)
        listing.uploads.append(Upload(name, modified, partial(_read_entry, archive, entry)))
    return listing


def _refusal_of_entry(entry: zipfile.ZipInfo, name: str) -> str:
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or "\0" in name:
        return "its path in the zip is absolute or not a path"
    if ".." in PurePosixPath(name).parts:
        return "its path in the zip leads out of the folder with '..'"
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISDIR(mode) and (reason := _refusal_by_type(mode)):
        return reason
    if entry.is_dir():
        return _refusal_by_type(stat.S_IFDIR) if _is_notebook(name.rstrip("/")) else ""
    if _is_junk(name):
        return ""
    if reason := _refusal_by_name(name):
        return reason
    if entry.flag_bits & ENCRYPTED:
        return "it is encrypted; hand it in without a password"
    ratio = entry.file_size / max(entry.compress_size, 1)
    if entry.file_size > MIN_RATIO_SIZE and ratio > MAX_RATIO:
        return (
            f"it expands {ratio:.0f} times, to {megabytes(entry.file_size)}; "
            f"at most {MAX_RATIO} times are taken"
        )
    return _refusal_by_size(entry.file_size)


def _moment_of_entry(entry: zipfile.ZipInfo, path: Path) -> datetime:
    """Return the time of a zip entry, which is local time, or the zip's own if it is no date."""
    try:
        return _moment(datetime(*entry.date_time).timestamp())
    except (ValueError, OverflowError, OSError):
        return _moment(path.stat().st_mtime)


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read an entry, never more of it than the zip says that there is."""
    try:
        with archive.open(entry) as file:
            return file.read(entry.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"this entry of the zip is damaged: {error}") from None
