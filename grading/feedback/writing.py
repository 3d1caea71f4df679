"""Write the pages of a lab, below ``course/feedback``, where nbgrader has its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.course.roster import Roster, Student
from grading.errors import UserError
from grading.feedback.page import page
from grading.files import write_atomically
from grading.judging.record import Record
from grading.judging.results import FAILED
from grading.reporting.outline import read_outline
from grading.reporting.standings import standings


@dataclass(frozen=True)
class Returned:
    """A student's page.

    Attributes
    ----------
    student, name, email : str
        Name and address are empty where the roster has none.
    path : Path
    score, max_score : float
        What it says of the total.
    is_final : bool
        Whether nothing in the total waits for a person.
    """

    student: str
    name: str
    email: str
    path: Path
    score: float
    max_score: float
    is_final: bool


_MADE = re.compile(r'<time class="made".*?</time>')


def page_path(home: Path, student: str, lab: str) -> Path:
    """Return where a student's page of a lab lies."""
    return home / "feedback" / student / lab / f"{lab}.html"


def write_feedback(
    course: Course, lab: str, records: Sequence[Record], roster: Roster | None
) -> list[Returned]:
    """Write a page for every student with a record, and return what they are.

    A page that would say what it says already stays as it is, with its time.

    Raises
    ------
    UserError
        If nothing is graded.
    """
    if not records:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    known = roster or Roster(())
    students = [known.find(one.student) or Student(one.student, "") for one in records]
    outline = read_outline(course, lab)
    when = datetime.now().astimezone(course.zone)
    written = []
    for row in standings(records, Roster(tuple(students)), course.zone, course.language):
        stored = course.home / "autograded" / row.student / lab / f"{lab}.ipynb"
        is_read = row.status != FAILED and stored.exists()
        notebook = read_notebook(stored.read_bytes()) if is_read else None
        path = page_path(course.home, row.student, lab)
        text = page(course, lab, row, outline, notebook, when).encode(errors="replace")
        if not path.exists() or _undated(path.read_bytes()) != _undated(text):
            write_atomically(path, text)
        about = row.student, row.name, row.email
        written.append(Returned(*about, path, row.score or 0.0, row.max_score, not row.waiting))
    return written


def _undated(page: bytes) -> str:
    return _MADE.sub("", page.decode(errors="replace"))
