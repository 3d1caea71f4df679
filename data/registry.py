"""Which files the labs use, and how to get a verified copy of one of them.

``registry.toml`` names every file with its address and the SHA-256 of its decompressed content.
:func:`fetch` looks for a file in this order and believes none of the places:

1. the mirror, a folder named by ``DL_DATA_MIRROR``;
2. the cache, ``pooch.os_cache("dl-course-kit")`` or the folder named by ``DL_DATA_CACHE``;
3. the network, through pooch: to a temporary file, verified, then moved into the cache.
"""

import functools
import gzip
import hashlib
import os
import tempfile
import tomllib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pooch
import requests
from filelock import FileLock
from tqdm.auto import tqdm

from utils.language import sentence

CHUNK = 1 << 18  # bytes held at once while copying and hashing
TIMEOUT = 30.0  # seconds of silence from a server before giving up
BAR_DELAY = 1.0  # seconds that a download may take before it shows a progress bar
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class DataFile:
    """One file of the registry."""

    name: str  # e.g. "multi30k/train.de": its path under the cache and under a mirror
    url: str  # where the original is; its bytes may be gzip
    sha256: str  # of the decompressed content
    licence: str
    citation: str


def read_registry(path: Path) -> dict[str, DataFile]:
    """Read a registry file.

    Parameters
    ----------
    path : Path
        A TOML file: a table a data set with ``licence``, ``citation`` and ``files``, and under
        ``files`` a table a file with ``url`` and ``sha256``.

    Returns
    -------
    dict
        The files by name.

    Raises
    ------
    ValueError
        If the file is not such TOML; the message names the data set or file.
    """
    try:
        sets = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML ({error}); correct it.") from None
    files = {}
    for title, data_set in sets.items():
        try:
            for name, entry in data_set["files"].items():
                files[name] = DataFile(
                    name, entry["url"], entry["sha256"], data_set["licence"], data_set["citation"]
                )
        except KeyError as missing:
            raise ValueError(
                f"{path}, data set {title!r}: {missing} is missing; expected licence and citation "
                "for the set, url and sha256 for each of its files."
            ) from None
    return files


@functools.cache
def registry() -> dict[str, DataFile]:
    """Return the files that the labs use, by name."""
    return read_registry(Path(__file__).with_name("registry.toml"))


def cache_folder() -> Path:
    """Return the folder that keeps verified copies, whether it exists yet or not."""
    return Path(os.environ.get("DL_DATA_CACHE") or pooch.os_cache("dl-course-kit")).expanduser()


def absent() -> list[str]:
    """Return the files that neither the mirror nor the cache has, without verifying the others."""
    files = registry().values()
    return [f.name for f in files if not (_mirror_copy(f) or (cache_folder() / f.name).is_file())]


def fetch(name: str) -> Path:
    """Return the path of a verified, decompressed copy of a registered file.

    Parameters
    ----------
    name : str
        The file's name in the registry, such as ``"multi30k/train.de"``.

    Returns
    -------
    Path
        In the cache; or in the mirror itself, if the mirror's copy is not compressed.

    Raises
    ------
    ValueError
        If the registry has no such file.
    RuntimeError
        If there is no copy to be had, if the copy found is not the registered content, or if the
        cache cannot be written. The message is one line that says what to do.

    Notes
    -----
    The content is verified at every call. Processes may call this at the same time: one of them
    fetches while the others wait, and a process killed meanwhile leaves nothing that a later call
    takes for the file.
    """
    wanted = registry().get(name)
    if wanted is None:
        raise ValueError(sentence("data.no_file", name=name, known=", ".join(registry())))
    cached = cache_folder() / name
    mirrored = _mirror_copy(wanted)
    if mirrored is not None:
        with _reading(mirrored), mirrored.open("rb") as raw:
            _verify(wanted, raw, mirrored)
            if not _is_gzip(raw):
                return mirrored
    if not _holds(cached, wanted):
        with _writing(cached), _locked(cached):
            if not _holds(cached, wanted):  # nobody fetched it while this process waited
                cached.unlink(missing_ok=True)  # corrupt: must not outlive a failed download
                with mirrored.open("rb") if mirrored else _download(wanted, cached.parent) as raw:
                    _store(wanted, raw, cached, mirrored or wanted.url)
    return cached


def _mirror_copy(wanted: DataFile) -> Path | None:
    """Return the mirror's copy of a file, compressed or not; None without mirror or copy."""
    setting = os.environ.get("DL_DATA_MIRROR")
    if not setting:
        return None
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        raise RuntimeError(sentence("data.no_mirror", found=setting))
    copies = (folder / wanted.name, folder / f"{wanted.name}.gz")
    return next((copy for copy in copies if copy.is_file()), None)


class _Bar(tqdm):
    """A progress bar for pooch that stays unseen while a download is short."""

    def reset(self, total: float | None = None) -> None:
        """Count from 0 again, as pooch asks at the end; tqdm's own reset would show the bar."""
        self.n = 0


@contextmanager
def _download(wanted: DataFile, folder: Path) -> Iterator[BinaryIO]:
    """Download a file to a nameless temporary file in ``folder``, unverified."""
    with tempfile.TemporaryFile(dir=folder) as raw:
        # pooch sets the true total, once it knows it.
        with _Bar(
            desc=wanted.name,
            total=1,
            unit="B",
            unit_scale=True,
            delay=BAR_DELAY,
            leave=False,
        ) as bar:
            get = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT)
            try:
                get(wanted.url, raw, None)
            except requests.RequestException as error:
                raise RuntimeError(_unreachable(wanted, error)) from None
        yield raw


def _store(wanted: DataFile, raw: BinaryIO, cached: Path, origin: Path | str) -> None:
    """Decompress ``raw`` to a temporary file, verify it, then move it into the cache."""
    part = cached.with_name(f"{cached.name}.part")
    try:
        with part.open("wb") as out:
            _verify(wanted, raw, origin, out)
        part.replace(cached)
    finally:
        part.unlink(missing_ok=True)


def _verify(
    wanted: DataFile, raw: BinaryIO, origin: Path | str, out: BinaryIO | None = None
) -> None:
    """Compare the content of ``raw`` with the registry, copying it to ``out`` on the way."""
    found, size = hashlib.sha256(), 0
    for chunk in _content(raw):
        found.update(chunk)
        size += len(chunk)
        if out is not None:
            out.write(chunk)
    if found.hexdigest() != wanted.sha256:
        is_mirrored = isinstance(origin, Path)
        raise RuntimeError(
            sentence(
                "data.other_content",
                name=wanted.name,
                origin=origin,
                expected=wanted.sha256,
                found=found.hexdigest(),
                size=size,
                advice=sentence("data.replace_copy")
                if is_mirrored
                else sentence("data.origin_changed", name=wanted.name),
            )
        )


def _content(raw: BinaryIO) -> Iterator[bytes]:
    """Yield the decompressed content of ``raw``; a damaged gzip stream ends where it breaks.

    Ending early is safe because every caller compares the hash of the whole. The first bytes
    decide whether to decompress, not the name: a server may have done it already.
    """
    stream: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if _is_gzip(raw) else raw
    try:
        while chunk := stream.read(CHUNK):
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return


def _is_gzip(raw: BinaryIO) -> bool:
    """Return whether ``raw`` holds gzip bytes, and rewind it."""
    raw.seek(0)
    magic = raw.read(len(GZIP_MAGIC))
    raw.seek(0)
    return magic == GZIP_MAGIC


def _holds(path: Path, wanted: DataFile) -> bool:
    """Return whether ``path`` is a readable file with exactly the registered content."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError:
        return False


@contextmanager
def _locked(cached: Path) -> Iterator[None]:
    """Let one process at a time write ``cached``; a killed one's lock is released with it."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cached.with_name(f".{cached.name}.lock")):
        yield


@contextmanager
def _writing(cached: Path) -> Iterator[None]:
    """Turn an error of the disk under ``cached`` into one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise RuntimeError(sentence("data.not_written", path=cached, reason=reason)) from None


@contextmanager
def _reading(mirrored: Path) -> Iterator[None]:
    """Turn an error of the disk that holds the mirror into one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise RuntimeError(sentence("data.not_read", path=mirrored, reason=reason)) from None


def _unreachable(wanted: DataFile, error: requests.RequestException) -> str:
    """Say what was wanted, from where, what happened and what to do, in one line."""
    if error.response is not None:
        answer = error.response
        reason = sentence("data.answered", status=answer.status_code, reason=answer.reason)
    elif isinstance(error, requests.Timeout):
        reason = sentence("data.no_answer", seconds=f"{TIMEOUT:g}")
    else:
        reason = sentence("data.no_connection")
    mirror = os.environ.get("DL_DATA_MIRROR")
    note = sentence("data.not_in_mirror", mirror=mirror) if mirror else ""
    return sentence(
        "data.unreachable", name=wanted.name, url=wanted.url, reason=reason, mirror=note
    )
