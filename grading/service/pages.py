"""The page of an attempt, in the look of those that `feedback` writes: made by the worker."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.course.roster import Roster, Student
from grading.feedback.page import page
from grading.files import write_atomically
from grading.judging.record import Record, Written
from grading.judging.results import Result
from grading.reporting.outline import Outline, outline_of
from grading.reporting.standings import standings
from grading.service.queue import HandIn
from grading.service.store import page_path
from grading.service.written import is_released, questions


def write(
    course: Course,
    roster: Roster,
    handin: HandIn,
    result: Result,
    executed: NotebookNode | None,
) -> None:
    """Write the page of an attempt for the student who handed it in."""
    student = roster.find(handin.student) or Student(handin.student, "")
    record = _record(course, handin, result)
    (row,) = standings([record], Roster((student,)), course.zone, course.language)
    when = datetime.now().astimezone(course.zone)
    text = page(course, handin.lab, row, _outline(course, handin.lab), executed, when)
    path = page_path(course.home, handin.student, handin.lab, handin.attempt)
    write_atomically(path, text.encode(errors="replace"))


def _record(course: Course, handin: HandIn, result: Result) -> Record:
    """Return the mark of an attempt, in which all that a person reads still waits."""
    written = _questions(course, handin.lab, result)
    return Record(
        student=result.student,
        max_score=result.max_score + sum(one.max for one in written),
        result=result,
        checked=result.score,
        written=written,
        waiting=any(one.marks is None for one in written),
        handed_in=handin.received,
    )


def _questions(course: Course, lab: str, result: Result) -> tuple[Written, ...]:
    asked = questions(course, lab) if is_released(course, lab) else []
    return tuple(
        Written(one.cell, 0.0 if one.cell in result.unanswered else None, one.most) for one in asked
    )


def _outline(course: Course, lab: str) -> Outline:
    path = course.release_path(lab)
    return _read_outline(path, path.stat().st_mtime_ns) if path.exists() else {}


@lru_cache(maxsize=16)
def _read_outline(path: Path, changed: int) -> Outline:
    return outline_of(read_notebook(path.read_bytes()))
