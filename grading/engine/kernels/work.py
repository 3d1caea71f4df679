"""A kernel's working directory: what it is given, and what it leaves behind.

Files go by relative path; a path that ends in ``/`` is a folder, which needs naming only if it may
be empty.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LONGEST_PATH = 1024  # characters; what lies deeper could not be put below another folder
MOST_FILES = 60_000  # fewer than a kernel can have, or the next one could make none
PAGE = 4096
_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True)
class Work:
    """What a kernel left in its working directory.

    Attributes
    ----------
    files : mapping of str to bytes
        By relative path.
    left_out : tuple of str
        Paths of what is not among them: links, special files, what could not be read, and what
        would be more than there is room for.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def furnish(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` below ``folder``."""
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755)  # a program stays one, and bytes do not say which file is


def left_in(folder: Path, limit: int) -> Work:
    """Return what lies in ``folder`` once nothing writes to it any more.

    Whoever filled it is not trusted: no link is followed, no special file opened, and no more than
    ``limit`` bytes are taken, counted as they will lie in memory: names included, in whole pages.
    """
    files: dict[str, bytes] = {}
    left_out: list[str] = []
    room = limit
    folders = [""]
    while folders:
        within = folders.pop()
        try:
            entries = sorted(os.scandir(folder / within), key=lambda entry: entry.name)
        except OSError:
            left_out.append(within)
            continue
        for entry in entries:
            name = within + entry.name
            content: bytes | None = b""
            if entry.is_dir(follow_symlinks=False):
                name += "/"
            else:
                content = _read(entry.path, room)
            size = len(name) + -(-len(content or b"") // PAGE) * PAGE
            fits = size <= room and len(name) <= LONGEST_PATH and len(files) < MOST_FILES
            if content is None or not fits:
                left_out.append(name[:LONGEST_PATH])
                continue
            files[name] = content
            room -= size
            if name.endswith("/"):
                folders.append(name)
    return Work(files, tuple(left_out))


def _read(path: str, most: int) -> bytes | None:
    """Return the content of a regular file of at most ``most`` bytes, None of anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _AS_IT_IS)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        return file.read() if stat.S_ISREG(about.st_mode) and about.st_size <= most else None
