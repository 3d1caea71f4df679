"""The course's configuration, read from ``course.toml``."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from grading.errors import UserError
from grading.messages import languages, message

LANGUAGES = languages()


@dataclass(frozen=True)
class Limits:
    """What one submission may use while it is graded."""

    memory_mb: int = 2048  # address space
    processes: int = 64  # processes and threads
    file_mb: int = 256  # largest file, and the size of the private /tmp
    cell_output_kb: int = 4096  # outputs of one cell
    output_mb: int = 32  # outputs of the whole notebook
    cell_seconds: float = 120.0  # wall time of one cell
    submission_seconds: float = 600.0  # wall time of the whole notebook


@dataclass(frozen=True)
class LabInfo:
    """One lab as the course lists it."""

    name: str
    title: dict[str, str]
    weight: float = 1.0
    hours: float = 4.0


@dataclass(frozen=True)
class Course:
    """A course: who gives it, its labs, its limits and where its files are.

    ``root`` is the folder of ``course.toml``; everything that commands write goes under
    ``root / "course"``.
    """

    root: Path
    name: str
    institution: str
    term: str
    language: str
    repository: str
    tag: str
    roster: Path
    labs: tuple[LabInfo, ...]
    limits: Limits = field(default_factory=Limits)

    @property
    def home(self) -> Path:
        """Folder of everything that the commands write, in nbgrader's own layout."""
        return self.root / "course"

    @property
    def db_url(self) -> str:
        """URL of the gradebook, unless the command line names another."""
        return f"sqlite:///{self.home / 'gradebook.db'}"

    @property
    def lab_names(self) -> tuple[str, ...]:
        """The names of the labs, in order."""
        return tuple(lab.name for lab in self.labs)

    def lab(self, name: str) -> LabInfo:
        """Return the lab called ``name``, or raise `UserError` listing those there are."""
        for lab in self.labs:
            if lab.name == name:
                return lab
        known = ", ".join(lab.name for lab in self.labs) or "none"
        raise UserError(f"there is no lab {name!r} in course.toml; it lists: {known}")


def load_course(root: Path) -> Course:
    """Read ``root/course.toml``.

    Raises
    ------
    UserError
        If the file is missing, is not TOML, or a key is unknown, missing or of the wrong type.
    """
    path = root / "course.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"no course.toml in {root}; run the command from the course's folder"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
    try:
        about = raw["course"]
        course = Course(
            root=root,
            name=_expect(about, "name", str),
            institution=_expect(about, "institution", str),
            term=_expect(about, "term", str),
            language=_expect(about, "language", str),
            repository=_expect(about, "repository", str),
            tag=_expect(about, "tag", str),
            roster=root / _expect(about, "roster", str),
            labs=tuple(_lab(entry) for entry in raw.get("labs", [])),
            limits=_limits(raw.get("limits", {})),
        )
    except KeyError as error:
        raise UserError(f"{path}: {error.args[0]} is missing") from None
    except TypeError as error:
        raise UserError(f"{path}: {error}") from None
    if course.language not in LANGUAGES:
        known = ", ".join(f"{lang} ({message('language.name', lang)})" for lang in LANGUAGES)
        raise UserError(f"{path}: language is {course.language!r}; expected one of: {known}")
    return course


def _expect(table: dict[str, Any], key: str, kind: type) -> Any:
    value = table[key]
    if not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}; expected {kind.__name__}")
    return value


def _lab(entry: dict[str, Any]) -> LabInfo:
    return LabInfo(
        name=_expect(entry, "name", str),
        title=_expect(entry, "title", dict),
        weight=float(entry.get("weight", 1.0)),
        hours=float(entry.get("hours", 4.0)),
    )


def _limits(entry: dict[str, Any]) -> Limits:
    known = {item.name: item.type for item in fields(Limits)}
    for key, value in entry.items():
        if key not in known:
            raise TypeError(f"[limits] has no {key!r}; it has {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise TypeError(f"[limits] {key} is {value!r}; expected a number above 0")
    return Limits(**entry)
