"""The arguments that several commands share, and what they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.errors import UserError

if TYPE_CHECKING:
    from grading.course.config import Course
    from grading.course.roster import Roster
    from utils.profile import Profile

LabName = Annotated[str, typer.Argument(metavar="LAB", help="A lab of course.toml.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--db", metavar="URL", help="Gradebook; else the one of the last release."),
]
SchedulerUrl = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="URL", help="A Dask scheduler, such as tls://host:8786."),
]
ProfileName = Annotated[str, typer.Option("--profile", help="quick or full.")]


def course_here() -> Course:
    """Return the course of the folder that the command is run in, ours or nbgrader's."""
    from grading.course.config import load_course

    if not Path("course.toml").exists():
        from grading.native.course import is_nbgrader_course, load_nbgrader_course

        if is_nbgrader_course(Path.cwd()):
            return load_nbgrader_course(Path.cwd())
    return load_course(Path.cwd())


def labs_course_here(instead: str) -> Course:
    """Return the course of the folder that the command is run in, if it has labs of ours.

    Raises
    ------
    UserError
        If it is only nbgrader's; ``instead`` says what to do there.
    """
    from grading.native.course import NbgraderCourse

    course = course_here()
    if isinstance(course, NbgraderCourse):
        raise UserError(f"there is no course.toml here, this is a course of nbgrader's: {instead}")
    return course


def roster_of(course: Course) -> Roster | None:
    """Return the course's roster, None if it has none."""
    from grading.course.roster import read_roster

    return read_roster(course.roster) if course.roster.exists() else None


def gradebook_url(course: Course, url: str | None) -> str:
    """Return the gradebook that is asked for, else the course's own."""
    from grading.gradebook.database import address

    return address(url) if url else course.db_url


def profile_of(name: str) -> Profile:
    """Return the profile called ``name``, or raise `UserError`."""
    from utils.profile import PROFILES

    for profile in PROFILES:
        if profile == name:
            return profile
    raise UserError(f"profile {name!r} is not known; expected one of {', '.join(PROFILES)}")
