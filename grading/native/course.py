"""A course as nbgrader has it: a folder without ``course.toml``, and nbgrader's own settings."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets.config import Config

from grading.cells.metadata import lab_of
from grading.cells.reading import read_notebook
from grading.course.config import Course, LabInfo, Limits, sqlite_url
from grading.course.tables import problems
from grading.errors import UserError
from grading.gradebook.settings import CONFIG_FILE
from grading.gradebook.settings import read_settings as nbgrader_settings

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

LIMITS = "DLLimits"  # the section of nbgrader's settings where ours are
CELL_SECONDS = 30  # nbgrader's own limit, where no setting names another
# Named, not imported, as all of nbgrader here: it is slow, and the engine waits for this.
OURS = "grading.gradebook.nbgrader_plugin"


@dataclass(frozen=True, kw_only=True)
class NbgraderCourse(Course):
    """A course that is only nbgrader's; its settings are those that nbgrader reads."""

    settings: Config

    @property
    def home(self) -> Path:
        """The course's folder itself."""
        return self.root

    @property
    def db_url(self) -> str:
        """The gradebook that nbgrader uses."""
        if "db_url" in self.settings.CourseDirectory:
            return str(_directory(self.settings).db_url)
        return sqlite_url(self.root / "gradebook.db")  # nbgrader would misread some folders

    def lab(self, name: str) -> LabInfo:
        """Return the assignment called ``name``; the gradebook says whether there is one."""
        return LabInfo(name, {self.language: name})


def is_nbgrader_course(folder: Path) -> bool:
    """Whether ``folder`` is where nbgrader is run."""
    return any((folder / name).is_file() for name in (CONFIG_FILE, "gradebook.db"))


def load_nbgrader_course(folder: Path) -> NbgraderCourse:
    """Return the course in ``folder``, its limits from nbgrader's settings.

    Raises
    ------
    UserError
        If these settings cannot be read, or set a limit to what is none.
    """
    settings = read_settings(folder)
    root = Path(os.path.abspath(settings.CourseDirectory.root))
    return NbgraderCourse(
        root=root,
        name=root.name,
        institution="",
        term="",
        language="en",
        repository="",
        tag="",
        roster=root / "roster.csv",
        labs=(),
        limits=_limits(settings),
        settings=settings,
    )


def settings_of(course: Course) -> Config:
    """Return nbgrader's settings for the plain notebooks of any course."""
    return course.settings if isinstance(course, NbgraderCourse) else read_settings(course.home)


def read_settings(home: Path) -> Config:
    """Return the settings that nbgrader finds for the course in ``home``.

    Where this kit has put its own judging in place of nbgrader's marking, nbgrader's is put back:
    it is what plain notebooks were written for.
    """
    settings = nbgrader_settings(home)
    kinds = settings.Autograde.get("autograde_preprocessors", ())
    if any(getattr(kind, "__module__", "") == OURS for kind in kinds):
        del settings.Autograde["autograde_preprocessors"]
        del settings.Autograde["sanitize_preprocessors"]
    return settings


def is_plain(course: Course, lab: str) -> bool:
    """Whether the marks of ``lab`` are nbgrader's own: its source has no evidence checks.

    Raises
    ------
    UserError
        If ``lab`` is not in ``course.toml``, or has evidence checks in a folder without one.
    """
    course.lab(lab)
    declared = [bool(lab_of(read_notebook(path.read_bytes()))) for path in _sources(course, lab)]
    if not isinstance(course, NbgraderCourse):
        return bool(declared) and not any(declared)
    if any(declared):
        raise UserError(
            f"{lab} has evidence checks, which need the course's settings; "
            "run the command from the folder of course.toml"
        )
    return True


def _sources(course: Course, lab: str) -> Iterator[Path]:
    places = _directory(settings_of(course))
    yield from Path(places.format_path(places.source_directory, ".", lab)).glob("*.ipynb")


def _directory(settings: Config) -> "CourseDirectory":
    from nbgrader.coursedir import CourseDirectory

    return CourseDirectory(config=settings)


def _cell_seconds(settings: Config) -> int | None:
    """Return nbgrader's limit on a cell, None where it has none."""
    if not any("timeout" in section for section in settings.values()):
        return CELL_SECONDS
    from nbgrader.preprocessors import Execute  # a setting of a class that it inherits from holds

    seconds: int | None = Execute(config=settings).timeout
    return seconds


def _limits(settings: Config) -> Limits:
    """Return ours: nbgrader's on the time of a cell, the usual ones, and over them those given."""
    seconds: float | None = _cell_seconds(settings)
    limits = Limits(place=f"c.{LIMITS}, {CONFIG_FILE}")
    if seconds is None or seconds <= 0:  # nbgrader then waits for ever
        seconds = limits.submission_seconds
    longest = max(limits.submission_seconds, seconds)
    limits = replace(limits, cell_seconds=float(seconds), submission_seconds=float(longest))
    given = dict(settings.get(LIMITS, {}))
    if found := list(problems(Limits, given, f"{CONFIG_FILE}, c.{LIMITS}: ")):
        raise UserError("\n".join(found))
    return replace(limits, **given)
