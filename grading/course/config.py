"""The course's configuration, read from ``course.toml``.

A field that is annotated with a rule is a key of the file: to add one, declare it.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from grading.course.dates import WRITTEN, moment
from grading.course.late import Late, contradictions
from grading.course.mail import Mail
from grading.course.tables import TABLE, Rule, is_number, problems
from grading.errors import UserError
from grading.files import write_atomically
from grading.messages import languages, message

FILE = "course.toml"
EXTENSIONS = "extensions.csv"  # beside the roster
GRADEBOOK = "gradebook.url"  # among the course's files: where its gradebook is, if elsewhere
LANGUAGES = languages()

_MOST = 10**9  # beyond it, in bytes, a limit is more than the system can express


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value.splitlines()) == 1


def _matches(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


LINE = Rule("a line of text in quotes", _is_line)
LANGUAGE = Rule(
    "one of: " + ", ".join(f"{lang} ({message('language.name', lang)})" for lang in LANGUAGES),
    lambda value: value in LANGUAGES,
)
REPOSITORY = Rule(
    "owner/name, as on GitHub, in quotes",
    lambda value: _matches(r"[A-Za-z0-9-]+/[\w.-]+", value),
)
GIT_NAME = Rule(
    "a git tag or branch in quotes: letters, digits and . _ - /",
    lambda value: _matches(r"[A-Za-z0-9][\w./-]*", value),
)
RELATIVE_PATH = Rule(
    "a path in quotes, relative to the folder of course.toml",
    lambda value: _is_line(value) and not PureWindowsPath(value).anchor,
)
# A lab's name becomes that of files and folders, and nbgrader uses it as a pattern.
LAB_NAME = Rule(
    "1 to 64 letters, digits and . _ - in quotes, beginning with a letter or a digit",
    lambda value: _matches(r"[A-Za-z0-9][\w.-]{0,63}", value),
    unique=True,
)
TITLES = Rule(
    f"a table with a line of text for each language: {', '.join(LANGUAGES)}",
    lambda value: (
        isinstance(value, dict)
        and all(lang in LANGUAGES and _is_line(text) for lang, text in value.items())
    ),
)
ZONE = Rule(
    "the name of a time zone in quotes, such as Europe/Madrid",
    lambda value: isinstance(value, str) and value in available_timezones(),
)
DATE = Rule(
    f"a date and time such as {WRITTEN}", lambda value: isinstance(value, date) or _is_line(value)
)
NUMBER = Rule("a number of 0 or more", lambda value: is_number(value) and value >= 0)
WHOLE = Rule(
    f"a whole number from 1 to {_MOST}",
    lambda value: is_number(value) and isinstance(value, int) and 1 <= value <= _MOST,
)
SECONDS = Rule("a number of seconds above 0", lambda value: is_number(value) and value > 0)


@dataclass(frozen=True)
class Limits:
    """What one submission may use while it is graded; ``place`` says where to change that."""

    memory_mb: Annotated[int, WHOLE] = 2048  # address space
    processes: Annotated[int, WHOLE] = 64  # processes and threads
    file_mb: Annotated[int, WHOLE] = 256  # largest file, and the size of the private /tmp
    cell_output_kb: Annotated[int, WHOLE] = 4096  # outputs of one cell
    output_mb: Annotated[int, WHOLE] = 32  # outputs of the whole notebook
    cell_seconds: Annotated[float, SECONDS] = 120.0  # processor time of one cell
    submission_seconds: Annotated[float, SECONDS] = 600.0  # and of the whole notebook
    place: str = f"[limits], {FILE}"


@dataclass(frozen=True)
class LabInfo:
    """One lab as the course lists it; ``due`` is an instant in UTC."""

    name: Annotated[str, LAB_NAME]
    title: Annotated[dict[str, str], TITLES]
    weight: Annotated[float, NUMBER] = 1.0
    hours: Annotated[float, NUMBER] = 4.0
    due: Annotated[datetime | None, DATE] = None


@dataclass(frozen=True)
class Course:
    """A course: who gives it, its labs, its limits and where its files are.

    ``root`` is the folder of ``course.toml``; everything that commands write goes under
    ``root / "course"``.
    """

    root: Path
    name: Annotated[str, LINE]
    institution: Annotated[str, LINE]
    term: Annotated[str, LINE]
    language: Annotated[str, LANGUAGE]
    repository: Annotated[str, REPOSITORY]
    tag: Annotated[str, GIT_NAME]
    roster: Annotated[Path, RELATIVE_PATH]
    labs: tuple[LabInfo, ...]
    timezone: Annotated[str, ZONE] = ""
    limits: Limits = field(default_factory=Limits)
    late: Late | None = None
    mail: Mail | None = None

    @property
    def zone(self) -> tzinfo | None:
        """The zone in which times are shown; None is the machine's, as in `datetime.astimezone`."""
        return ZoneInfo(self.timezone) if self.timezone else None

    @property
    def home(self) -> Path:
        """Folder of everything that the commands write, in nbgrader's own layout."""
        return self.root / "course"

    @property
    def extensions(self) -> Path:
        """Where it stands who has more time, if anybody has."""
        return self.roster.parent / EXTENSIONS

    @property
    def private(self) -> tuple[Path, ...]:
        """What no submission may see: the course's folder, and what of it lies elsewhere."""
        return (
            self.root,
            self.home,
            self.root / "notebooks" / "source",
            self.roster,
            self.extensions,
        )

    @property
    def db_url(self) -> str:
        """URL of the gradebook, unless the command line names another."""
        return gradebook_of(self.home)

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


def gradebook_of(home: Path) -> str:
    """Return the URL of the gradebook of the course whose files are in ``home``.

    It is the one that was remembered, else a file there.
    """
    try:
        return (home / GRADEBOOK).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return sqlite_url(home / "gradebook.db")


def remember_gradebook(home: Path, url: str) -> None:
    """Make ``url``, which holds no password, that of the course's gradebook."""
    if url == sqlite_url(home / "gradebook.db"):
        (home / GRADEBOOK).unlink(missing_ok=True)
    elif url != gradebook_of(home):
        write_atomically(home / GRADEBOOK, f"{url}\n".encode())


def sqlite_url(path: Path) -> str:
    """Return the URL of a database in a file, whose folders may have any name.

    Examples
    --------
    >>> sqlite_url(Path("/courses/why? 100%/gradebook.db"))
    'sqlite:////courses/why%3F 100%25/gradebook.db'
    """
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


@dataclass(frozen=True)
class CourseFile:
    """The tables of ``course.toml``."""

    course: Annotated[Course, TABLE]
    labs: Annotated[tuple[LabInfo, ...], TABLE] = ()
    limits: Annotated[Limits, TABLE] = field(default_factory=Limits)
    late: Annotated[Late | None, TABLE] = None
    mail: Annotated[Mail | None, TABLE] = None


def load_course(root: Path) -> Course:
    """Read ``root/course.toml``.

    Raises
    ------
    UserError
        If the file is missing or is not TOML, or with one line for each key that is unknown,
        missing or not what is expected, or contradicts another.
    """
    raw = _read(root / FILE)
    if found := list(problems(CourseFile, raw, f"{FILE}: ")):
        raise UserError("\n".join(found))
    about, late = raw["course"], raw.get("late")
    if late and (found := [f"{FILE}: [late]: {line}" for line in contradictions(late)]):
        raise UserError("\n".join(found))
    return Course(
        root=root,
        labs=_labs(raw.get("labs", []), about.get("timezone", "")),
        limits=Limits(**raw.get("limits", {})),
        late=Late(**late) if late else None,
        mail=Mail(**raw["mail"]) if "mail" in raw else None,
        **about | {"roster": root / about["roster"]},
    )


def _labs(tables: list[dict[str, Any]], timezone: str) -> tuple[LabInfo, ...]:
    """Return the labs, when each is due in UTC."""
    labs, found = [], []
    for table in tables:
        due = table.get("due")
        try:
            instant = moment(due, _named(timezone)) if due else None
        except ValueError as error:
            found.append(f"{FILE}: [[labs]] {table['name']}: due is {error}")
        else:
            labs.append(LabInfo(**table | {"due": instant}))
    if found:
        raise UserError("\n".join(found))
    return tuple(labs)


def _named(timezone: str) -> ZoneInfo:
    if not timezone:
        raise ValueError(
            'in no time zone; expected one in [course], such as timezone = "Europe/Madrid"'
        )
    return ZoneInfo(timezone)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"no {FILE} in {path.parent}; run the command from the course's folder"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # as Windows's Notepad saves it
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: this is not UTF-8; save the file with that encoding"
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is not valid TOML: {error}") from None
