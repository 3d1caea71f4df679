"""Where a lab's source is: one file for a small lab, or a folder with one file a part."""

import re
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UserError

_PART = re.compile(r"(\d+)_\w+\.py")
ANSWERS = ".answers.toml"  # what ends the name of the file beside a part, see `listed`
RUBRICS = ".rubrics.toml"  # and of the one with the rubrics of its questions, see `rubrics`


@dataclass(frozen=True)
class Place:
    """A line of a lab's source, as an error names it.

    Attributes
    ----------
    file : Path
    line : int
        Counted from 1.
    """

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def short(self) -> str:
        """The place without the folder, for a second place in the same lab."""
        return f"{self.file.name}:{self.line}"

    def below(self, lines: int) -> "Place":
        """Return the place some lines further down."""
        return Place(self.file, self.line + lines)


def source_of(folder: Path, lab: str) -> Path:
    """Return the source of ``lab`` among those in a folder: its own folder, else its file."""
    parts = folder / lab
    return parts if parts.is_dir() else folder / f"{lab}.py"


def part_files(source: Path) -> list[Path]:
    """Return the files of a lab's source in the order of their numbers.

    Hidden files, which systems and editors leave, are not looked at, nor those that list answers or
    rubrics.

    Raises
    ------
    UserError
        If the lab has a file and a folder, or its folder holds no part, two parts of one number
        or anything else.
    """
    folder, file = source, source.with_name(f"{source.name}.py")
    if not source.is_dir():
        folder, file = source.with_suffix(""), source
    if folder.is_dir() and file.exists():
        raise UserError(f"{folder} and {file.name} beside it are the same lab; keep one of them")
    if source is file:
        return [file]
    numbered: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith((ANSWERS, RUBRICS)):
            continue
        match = _PART.fullmatch(path.name)
        if not match or path.is_dir():
            raise UserError(
                f"{path} is no part of the lab; name a part after its number and topic, such as "
                "1_topic.py, and move anything else elsewhere"
            )
        first = numbered.setdefault(int(match[1]), path)
        if first != path:
            raise UserError(f"{path} is part {int(match[1])}, as {first.name} is; renumber one")
    if not numbered:
        raise UserError(f"{folder} holds no part of the lab; begin with a file 1_topic.py")
    return [path for _, path in sorted(numbered.items())]
