"""The course's configuration, read from ``course.toml``.

A field that is annotated with a rule is a key of the file: to add one, declare it.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from grading.course.dates import WRITTEN, moment
from grading.course.late import Late
from grading.course.late import contradictions as late_contradictions
from grading.course.mail import Mail
from grading.course.scales import MARK, SWITCH, Marking
from grading.course.scales import contradictions as mark_contradictions
from grading.course.service import HandingIn, Service, handing_in_of, service_of
from grading.course.tables import TABLE, Rule, is_number, problems
from grading.errors import UserError
from grading.files import write_atomically
from grading.messages import languages, message

FILE = "course.toml"
# Beside the roster.
EXTENSIONS, EXCUSED, ADJUSTMENTS = "extensions.csv", "excused.csv", "adjustments.csv"
GRADEBOOK = "gradebook.url"  # among the course's files: where its gradebook is, if elsewhere
# And what its service signs with, which no archive has.
SERVICE_SECRET, LTI_KEY = "service.secret", "lti.pem"
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
LAB_NAMES = Rule(
    "a list of labs' names in quotes",
    lambda value: isinstance(value, list) and all(map(LAB_NAME.accepts, value)),
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
SHARE = Rule("a percentage from 0 to 100", lambda value: is_number(value) and 0 <= value <= 100)
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
    """One lab as the course lists it; ``due`` is an instant in UTC.

    ``needs`` names the labs that it builds on, which students do before.
    ``minimum`` is the percentage of its marks without which nobody passes the course; a ``bonus``
    adds to the course's mark and lowers nobody's. ``service`` is how it may be handed in, the
    course's rules for all labs included.
    """

    name: Annotated[str, LAB_NAME]
    title: Annotated[dict[str, str], TITLES]
    weight: Annotated[float, NUMBER] = 1.0
    hours: Annotated[float, NUMBER] = 4.0
    needs: Annotated[tuple[str, ...], LAB_NAMES] = ()
    due: Annotated[datetime | None, DATE] = None
    minimum: Annotated[float, SHARE] = 0.0
    bonus: Annotated[bool, SWITCH] = False
    service: Annotated[HandingIn, TABLE] = field(default_factory=HandingIn)


@dataclass(frozen=True)
class ExamInfo:
    """What was marked elsewhere and counts in the course's mark; its marks are in a CSV file."""

    name: Annotated[str, LAB_NAME]
    title: Annotated[dict[str, str], TITLES]
    file: Annotated[Path, RELATIVE_PATH]
    maximum: Annotated[float, MARK]
    weight: Annotated[float, NUMBER] = 1.0
    minimum: Annotated[float, SHARE] = 0.0
    bonus: Annotated[bool, SWITCH] = False


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
    exams: tuple[ExamInfo, ...] = ()
    mark: Marking = field(default_factory=Marking)
    mail: Mail | None = None
    service: Service = field(default_factory=Service)

    @property
    def zone(self) -> tzinfo | None:
        """The zone in which times are shown; None is the machine's, as in `datetime.astimezone`."""
        return ZoneInfo(self.timezone) if self.timezone else None

    @property
    def home(self) -> Path:
        """Folder of everything that the commands write, in nbgrader's own layout."""
        return self.root / "course"

    def release_path(self, lab: str) -> Path:
        """Return where the notebook of a lab is that students were given, or would be."""
        return self.home / "release" / lab / f"{lab}.ipynb"

    @property
    def extensions(self) -> Path:
        """Where it stands who has more time, if anybody has."""
        return self.roster.parent / EXTENSIONS

    @property
    def excused(self) -> Path:
        """Where it stands which labs do not count for whom, if any."""
        return self.roster.parent / EXCUSED

    @property
    def adjustments(self) -> Path:
        """Where it stands which labs' marks were changed by hand, if any."""
        return self.roster.parent / ADJUSTMENTS

    @property
    def listings(self) -> tuple[Path, ...]:
        """The files beside the roster whose rows are about students, whether they are there or not.

        A row of `extensions` may be about a group, too.
        """
        return (self.extensions, self.excused, self.adjustments, *(one.file for one in self.exams))

    @property
    def private(self) -> tuple[Path, ...]:
        """What no submission may see: the course's folder, and what of it lies elsewhere."""
        return (
            self.root,
            self.home,
            self.root / "notebooks" / "source",
            self.roster,
            *self.listings,
        )

    @property
    def db_url(self) -> str:
        """URL of the gradebook, unless the command line names another."""
        return gradebook_of(self.home)

    @property
    def parts(self) -> tuple[LabInfo | ExamInfo, ...]:
        """What the course's mark is made of: labs, then exams."""
        return (*self.labs, *self.exams)

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
    exams: Annotated[tuple[ExamInfo, ...], TABLE] = ()
    mark: Annotated[Marking, TABLE] = field(default_factory=Marking)
    mail: Annotated[Mail | None, TABLE] = None
    service: Annotated[Service, TABLE] = field(default_factory=Service)


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
    if found := [f"{FILE}: {line}" for line in _contradictions(raw)]:
        raise UserError("\n".join(found))
    return Course(
        root=root,
        labs=_labs(raw.get("labs", []), about.get("timezone", ""), raw.get("service", {})),
        limits=Limits(**raw.get("limits", {})),
        late=Late(**late) if late else None,
        exams=tuple(
            ExamInfo(**exam | {"file": root / exam["file"]}) for exam in raw.get("exams", [])
        ),
        mark=Marking(**raw.get("mark", {})),
        mail=Mail(**raw["mail"]) if "mail" in raw else None,
        service=service_of(raw.get("service", {})),
        **about | {"roster": root / about["roster"]},
    )


def _contradictions(raw: dict[str, Any]) -> Iterator[str]:
    """Yield one line for what the tables of a right file say against themselves or each other."""
    if late := raw.get("late"):
        yield from (f"[late]: {line}" for line in late_contradictions(late))
    mark, labs, exams = raw.get("mark", {}), raw.get("labs", []), raw.get("exams", [])
    yield from (f"[mark]: {line}" for line in mark_contradictions(mark))
    names = {lab["name"].casefold() for lab in labs}
    for part in (*labs, *exams):
        where = f"[[{'labs' if part in labs else 'exams'}]] {part['name']}"
        if part in exams and part["name"].casefold() in names:
            yield f"{where}: a lab has this name, too; expected another"
        if part.get("bonus") and part.get("minimum"):
            yield f"{where}: a bonus has no minimum; leave one of the two out"
    above: list[str] = []
    for lab in labs:
        for name in lab.get("needs", []):
            if name not in above:
                yield (
                    f"[[labs]] {lab['name']}: needs is {name!r}; expected a lab listed above it, "
                    f"one of: {', '.join(above) or 'none, as it is the first'}"
                )
        above.append(lab["name"])
    counts = [part.get("weight", 1) for part in (*labs, *exams) if not part.get("bonus")]
    if (labs or exams) and not any(counts):
        yield "the weights of labs and exams add up to 0; expected one above 0 that is no bonus"
    droppable = sum(bool(lab.get("weight", 1)) for lab in labs if not lab.get("bonus"))
    if mark.get("drop", 0) >= max(droppable, 1):
        yield f"[mark]: drop is {mark['drop']}; expected less than the {droppable} labs that count"


def _labs(
    tables: list[dict[str, Any]], timezone: str, service: dict[str, Any]
) -> tuple[LabInfo, ...]:
    """Return the labs, when each is due in UTC."""
    labs, found = [], []
    for table in tables:
        due = table.get("due")
        try:
            instant = moment(due, _named(timezone)) if due else None
        except ValueError as error:
            found.append(f"{FILE}: [[labs]] {table['name']}: due is {error}")
        else:
            handing_in = handing_in_of(service, table.get("service", {}))
            needs = tuple(table.get("needs", ()))
            labs.append(LabInfo(**table | {"due": instant, "service": handing_in, "needs": needs}))
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
