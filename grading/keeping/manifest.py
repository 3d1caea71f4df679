"""What an archive of a course says of itself: its files, and by what they were made."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import distributions
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from grading.errors import UserError
from grading.judging.basis import kit

FORMAT = 1
MANIFEST = "manifest.json"
KIT = "dl-course-kit"
_HEX = set("0123456789abcdef")


@dataclass(frozen=True)
class Kept:
    """A file of an archive; ``modified`` is in seconds since 1970."""

    sha256: str
    size: int
    modified: float


@dataclass(frozen=True)
class Manifest:
    """The first thing to read of an archive.

    Attributes
    ----------
    course, term : str
    made : str
        When, in UTC.
    versions : mapping
        ``kit``, ``code`` (digest of what can change a mark), ``python`` and ``packages``.
    files : mapping of str to Kept
        By their path in the course's folder, with ``/``.
    """

    course: str
    term: str
    made: str
    versions: Mapping[str, Any]
    files: Mapping[str, Kept]

    def to_json(self) -> bytes:
        """Return the content of `MANIFEST`."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1)
        return f"{text}\n".encode()

    @classmethod
    def of_json(cls, content: bytes) -> "Manifest":
        """Return what a file says.

        Raises
        ------
        UserError
            In a line that goes on from the archive's name, if it is no manifest, is of a newer
            format, or names what is no path within a folder.
        """
        try:
            data = json.loads(content)
            form = int(data.pop("format"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(f"its {MANIFEST} is damaged; take another copy of it") from None
        if form > FORMAT:
            raise UserError(
                f"it is of format {form}, and this kit reads up to {FORMAT}; take a newer kit"
            )
        try:
            files = {name: Kept(**about) for name, about in data.pop("files").items()}
            found = cls(**data, files=files)
            code = found.versions["code"]
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"its {MANIFEST} is damaged; take another copy of it") from None
        if not isinstance(code, str) or not all(map(_is_kept, files.values())):
            raise UserError(f"its {MANIFEST} is damaged; take another copy of it")
        for name in files:
            if not is_inside(name) or not files.keys().isdisjoint(_folders(name)):
                raise UserError(
                    f"it names a file {name!r:.200}, which is no path in its folder; "
                    "it was not made by `archive`"
                )
        return found


def versions() -> dict[str, Any]:
    """Return by what this process would make and read marks."""
    packages = {found.name: found.version for found in distributions()}
    return {
        "kit": packages.get(KIT, ""),
        "code": kit(),
        "python": platform.python_version(),
        "packages": dict(sorted(packages.items())),
    }


def is_inside(name: str) -> bool:
    r"""Whether a path with ``/`` means a file below the folder that it is seen from, anywhere.

    Examples
    --------
    >>> [is_inside(name) for name in ("a/b.txt", "../a", "/a", "C:a", "a/./b", r"a\..\b")]
    [True, False, False, False, False, False]
    """
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and name == "/".join(parts)
        and ".." not in parts
        and not PureWindowsPath(name).anchor
        and "\\" not in name
        and name.isprintable()
    )


def _is_kept(about: Kept) -> bool:
    return (
        isinstance(about.sha256, str)
        and len(about.sha256) == 64
        and set(about.sha256) <= _HEX
        and isinstance(about.size, int)
        and isinstance(about.modified, int | float)
    )


def _folders(name: str) -> set[str]:
    return {folder.as_posix() for folder in PurePosixPath(name).parents}
