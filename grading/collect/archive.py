"""The files of a folder or a zip that was handed in, none of them trusted.

Nothing is ever unpacked: a listing says what may be read, and each file is read into memory
within limits. So are the notebooks of a zip that lies in a folder or in another zip. What may not
be read is refused by name.
"""

import io
import os
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath

from grading.collect.spelling import spellings
from grading.errors import UserError

MB = 1_000_000
MAX_FILE = 200 * MB
MAX_TOTAL = 2_000 * MB  # of what a zip expands to
MAX_RATIO = 200  # of expanded to packed bytes; notebooks pack at 3 to 20 to one
MIN_RATIO_SIZE = 10 * MB  # below it the ratio does not matter
MAX_ENTRIES = 20_000
MAX_NAME = 4096  # characters of a path
MAX_NESTED_ENTRIES = 1_000  # of a zip in what was downloaded, with those of zips in it
MAX_DEPTH = 2  # a zip in a zip that a student made, and no further

NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
ENCRYPTED, IN_UTF8 = 0x1, 0x800  # bits of a zip entry's flags
UNICODE_PATH = 0x7075  # extra field of a zip entry: its name in UTF-8, beside the other one
UNIX_TIME = 0x5455  # extra field: when the file was changed, whatever the zone
ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory
TOO_MANY = f"it has more than {MAX_NESTED_ENTRIES} entries: unpack it"
NOT_A_ZIP = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError)
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Upload:
    """A file that may be read.

    Attributes
    ----------
    names : tuple of str
        Its path within the folder or zip, with ``/``, in each spelling that it may have, the
        likely one first.
    modified : datetime
        When it was handed in.
    saved : datetime
        The same, but within a zip that was handed in the file's own time.
    read : callable
        Returns its bytes or raises `UserError`.
    """

    names: tuple[str, ...]
    modified: datetime
    saved: datetime
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """Its path in the likely spelling."""
        return self.names[0]


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
def opened(path: Path, zone: tzinfo | None = None) -> Iterator[Listing]:
    """List a folder or a zip file; its uploads can be read inside the ``with`` block.

    Parameters
    ----------
    path : Path
    zone : tzinfo, optional
        In which the clock stood that a zip's times are from, as a zip does not say; this machine's
        by default.

    Raises
    ------
    UserError
        If there is no such path, or it is neither a folder nor a zip that can be opened.
    """
    lister = _Lister(zone)
    if path.is_dir():
        lister.list_folder(path)
        yield lister.listing
        return
    if not path.is_file():
        found = "neither" if path.exists() else "not there"
        raise UserError(f"expected a folder or a zip file of submissions, {path} is {found}")
    try:
        archive = zipfile.ZipFile(path)
    except NOT_A_ZIP as error:
        raise UserError(f"{path} cannot be opened as a zip file: {error}") from None
    with archive:
        if (count := len(archive.infolist())) > MAX_ENTRIES:
            raise UserError(
                f"{path} has {count} entries; at most {MAX_ENTRIES} are taken: split it"
            )
        moment = _moment(path.stat().st_mtime)
        lister.list_zip(_Zip((), moment, lambda: archive, _Allowance(MAX_ENTRIES, MAX_TOTAL)))
        yield lister.listing


def printable(text: str, limit: int = 160) -> str:
    """Return text that others chose as one line that is safe to show in a terminal."""
    plain = "".join(char if char.isprintable() else "?" for char in text)
    return plain if len(plain) <= limit else f"{plain[: limit - 41]}…{plain[-40:]}"


def megabytes(size: int) -> str:
    """Return a number of bytes as text in MB."""
    return f"{size / MB:,.1f} MB"


@dataclass
class _Allowance:
    """How many entries a zip may still have, and how many bytes they may expand to."""

    entries: int
    total: int


@dataclass(frozen=True)
class _Zip:
    """A zip to be listed: the one downloaded, whose ``names`` are empty, or one within."""

    names: tuple[str, ...]
    modified: datetime
    open: Callable[[], zipfile.ZipFile]
    allowance: _Allowance
    depth: int = 0


class _Lister:
    """Lists what may be read; keeps in memory one zip that lies within another, the last read."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self.listing = Listing()
        self._shelf: tuple[Callable[[], bytes], zipfile.ZipFile] | None = None

    def list_folder(self, root: Path) -> None:
        """List a folder and those below it."""
        folders = [root]
        while folders:
            folder = folders.pop()
            try:
                paths = sorted(folder.iterdir())
            except OSError as error:
                self._refuse(_names(folder, root)[0], f"cannot be read: {error.strerror}")
                continue
            for path in paths:
                names = _names(path, root)
                if _is_junk(names[0]):
                    continue
                try:
                    about = path.lstat()
                except OSError as error:
                    self._refuse(names[0], f"cannot be read: {error.strerror}")
                    continue
                reason = (
                    _refusal_by_type(about.st_mode)
                    or _refusal_by_name(names[0])
                    or _refusal_by_size(about.st_size)
                )
                if stat.S_ISDIR(about.st_mode) and not _is_notebook(names[0]):
                    folders.append(path)
                elif reason:
                    self._refuse(names[0], reason)
                else:
                    moment = _moment(about.st_mtime)
                    self._add(Upload(names, moment, moment, partial(_read, path)))

    def list_zip(self, zipped: _Zip) -> None:
        """List the entries of a zip."""
        for entry in zipped.open().infolist():
            own = _spelled(entry)
            reason = _refusal_of_entry(entry, own[0])
            if not reason and (own[0].endswith("/") or _is_junk(own[0])):
                continue
            if not reason and entry.file_size > zipped.allowance.total:
                reason = (
                    f"the zip expands to more than is taken, {megabytes(MAX_TOTAL)} in all and "
                    f"{megabytes(MAX_FILE)} within another zip; unpack it and collect the folder"
                )
            names = tuple(f"{outer}/{name}" for name in own for outer in zipped.names) or own
            if reason:
                self._refuse(names[0], reason)
                continue
            zipped.allowance.total -= entry.file_size
            saved = _moment_of_entry(entry, self._zone, zipped.modified)
            modified = zipped.modified if zipped.names else saved
            read = partial(_read_entry, zipped.open, entry)
            self._add(Upload(names, modified, saved, read), zipped)

    def _add(self, upload: Upload, within: _Zip | None = None) -> None:
        """Add an upload to the listing or, if it is a zip, the notebooks in it."""
        if not _is_zip(upload.name):
            self.listing.uploads.append(upload)
            return
        outer, self.listing = self.listing, Listing()
        try:
            self.list_zip(self._nested(upload, within))
        except UserError as error:
            self._refuse(upload.name, str(error))
        else:
            # What lies beside a student's notebooks is theirs, and no try at handing in.
            kept = [item for item in self.listing.refused if not _refusal_by_name(item.file)]
            if not self.listing.uploads and not kept:
                kept = [Refused(upload.name, "there is no notebook in this zip")]
            self.listing.refused[:] = kept
        outer.uploads.extend(self.listing.uploads)
        outer.refused.extend(self.listing.refused)
        self.listing = outer

    def _nested(self, upload: Upload, within: _Zip | None) -> _Zip:
        allowance, depth = _Allowance(MAX_NESTED_ENTRIES, MAX_FILE), 1
        if within and within.names:
            allowance, depth = within.allowance, within.depth + 1
        if depth > MAX_DEPTH:
            raise UserError("it is a zip too deep in other zips: unpack it")
        found = partial(self._taken_down, upload.read)
        allowance.entries -= len(found().infolist())
        if allowance.entries < 0:
            raise UserError(TOO_MANY)
        return _Zip(upload.names, upload.modified, found, allowance, depth)

    def _taken_down(self, read: Callable[[], bytes]) -> zipfile.ZipFile:
        """Return the zip within another that ``read`` reads."""
        if self._shelf is None or self._shelf[0] is not read:
            content = read()
            self._shelf = None
            if content.count(ENTRY) > MAX_NESTED_ENTRIES:  # counted before zipfile reads them all
                raise UserError(TOO_MANY)
            try:
                self._shelf = (read, zipfile.ZipFile(io.BytesIO(content)))
            except NOT_A_ZIP as error:
                raise UserError(f"it cannot be opened as a zip file: {error}") from None
        return self._shelf[1]

    def _refuse(self, name: str, reason: str) -> None:
        self.listing.refused.append(Refused(name, reason))


def _names(path: Path, root: Path) -> tuple[str, ...]:
    return spellings(os.fsencode(path.relative_to(root)))


def _is_junk(name: str) -> bool:
    """Tell whether an operating system or an editor left the file, not a person."""
    return any(part.startswith(".") or part in JUNK for part in PurePosixPath(name).parts)


def _is_notebook(name: str) -> bool:
    return name.casefold().endswith(".ipynb")


def _is_zip(name: str) -> bool:
    return name.casefold().endswith(".zip")


def _refusal_by_name(name: str) -> str:
    """Let through what may be a notebook; mail programs add .txt or turn .ipynb into .json."""
    if name.casefold().endswith((".ipynb", ".ipynb.txt", ".json")) or _is_zip(name):
        return ""
    return "not a notebook: expected a file whose name ends in .ipynb, or a zip of one"


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
        return file.read(about.st_size)


def _spelled(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the name of a zip entry in each spelling that it may have.

    `zipfile` reads what does not say that it is UTF-8 as cp437, in which every byte is a letter.
    """
    raw = entry.orig_filename.encode("utf-8" if entry.flag_bits & IN_UTF8 else "cp437")
    return spellings(_unicode_path(entry.extra, raw) or raw)


def _unicode_path(extra: bytes, raw: bytes) -> bytes:
    """Return the name in UTF-8 that some archivers put beside that of the entry, if it is of it."""
    field = _extra_field(extra, UNICODE_PATH)
    is_of_it = len(field) > 5 and int.from_bytes(field[1:5], "little") == zlib.crc32(raw)
    return field[5:] if is_of_it else b""


def _extra_field(extra: bytes, wanted: int) -> bytes:
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == wanted:
            return extra[4 : 4 + size]
        extra = extra[4 + size :]
    return b""


def _refusal_of_entry(entry: zipfile.ZipInfo, name: str) -> str:
    is_path = len(name) <= MAX_NAME and "\0" not in name
    if not is_path or PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive:
        return "its path in the zip is absolute, too long or not a path"
    if ".." in PurePosixPath(name).parts:
        return "its path in the zip leads out of the folder with '..'"
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISDIR(mode) and (reason := _refusal_by_type(mode)):
        return reason
    if name.endswith("/"):
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


def _moment_of_entry(entry: zipfile.ZipInfo, zone: tzinfo | None, instead: datetime) -> datetime:
    """Return the time of a zip entry, or another one if it is no date.

    It is the time of a clock in ``zone``, unless the archiver put the seconds since 1970 beside it.
    """
    field = _extra_field(entry.extra, UNIX_TIME)
    if len(field) >= 5 and field[0] & 1:
        return _moment(int.from_bytes(field[1:5], "little", signed=True))
    try:
        return _moment(datetime(*entry.date_time, tzinfo=zone).timestamp())
    except (ValueError, OverflowError, OSError):
        return instead


def _read_entry(archive: Callable[[], zipfile.ZipFile], entry: zipfile.ZipInfo) -> bytes:
    """Read an entry, never more of it than the zip says that there is."""
    try:
        with archive().open(entry) as file:
            return file.read(entry.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"this entry of the zip is damaged: {error}") from None
