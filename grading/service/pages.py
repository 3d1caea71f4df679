"""The page of an attempt, in the look of those that `feedback` writes: made by the worker."""

from datetime import datetime

from nbformat import NotebookNode

from grading.cells.metadata import grade_id, is_question
from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.course.roster import Roster, Student
from grading.feedback.page import page
from grading.files import write_atomically
from grading.judging.record import Record, Written
from grading.judging.results import Result
from grading.reporting.outline import read_outline
from grading.reporting.standings import standings
from grading.service.queue import HandIn
from grading.service.store import page_path


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
    outline = read_outline(course, handin.lab)
    text = page(course, handin.lab, row, outline, executed, when)
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
    path = course.release_path(lab)
    cells = read_notebook(path.read_bytes()).cells if path.exists() else []
    return tuple(
        Written(cell, 0.0 if cell in result.unanswered else None, marks)
        for cell, marks in (
            (grade_id(one), float(one.metadata["nbgrader"]["points"]))
            for one in cells
            if is_question(one)
        )
    )
