"""A class that handed in one written answer each, graded, and waiting for people."""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_output

from grading.cells.metadata import grade_id, is_question
from grading.collect.submitted import Place
from grading.course.config import Course, load_course
from grading.files import write_atomically
from grading.gradebook.marks import Marks
from grading.judging.results import CheckMark, Result, digest, texts
from tests import mini
from tests.service.handing import make_course

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)
RUBRIC = """
[why]
start = "zero"

[[why.items]]
points = 1
es = "Nombra el sobreajuste"
en = "Names overfitting"

[[why.items]]
points = 0.5
es = "Da una señal"
en = "Gives a sign of it"

[[why.items]]
points = 0.5
es = "Propone un remedio"
en = "Proposes a remedy"
"""


def classroom(
    root: Path,
    answers: Mapping[str, str],
    rubric: str = RUBRIC,
    more: str = "",
    teams: tuple[tuple[str, str], ...] = (),
) -> Course:
    """Make a course in which these students answered; an empty text is a blank answer."""
    shutil.copytree(_made(tuple(answers.items()), teams), root, dirs_exist_ok=True)
    path = root / "course.toml"
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    (root / "notebooks" / "source" / "mini.rubrics.toml").write_text(rubric, encoding="utf-8")
    return load_course(root)


@cache
def _made(answers: tuple[tuple[str, str], ...], teams: tuple[tuple[str, str], ...]) -> Path:
    """Make such a course once, to be copied."""
    root = Path(tempfile.mkdtemp(prefix="dl-classroom-"))
    atexit.register(shutil.rmtree, root)
    course = make_course(root)
    rows = [
        f"{student},{name_of(student)},{student}@uni.example,{group_of(student)}"
        for student, _ in answers
    ]
    course.roster.write_text("\n".join(["student_id,name,email,group", *rows, ""]))
    hand_all_in(course, answers, teams)
    with closing(sqlite3.connect(course.home / "gradebook.db")) as gradebook:
        gradebook.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return root


def hand_all_in(
    course: Course,
    answers: Iterable[tuple[str, str]],
    teams: tuple[tuple[str, str], ...] = (),
    url: str = "",
) -> None:
    """Have a class's answers graded, into the course's gradebook or another."""
    with Marks(url or course.db_url) as marks:
        for student, text in answers:
            team = next((team for team in teams if student in team), ())
            marks.save(_graded(course, student, text, team, 0.0))


def name_of(student: str) -> str:
    return f"{student.capitalize()} Testperson"


def group_of(student: str) -> str:
    return "morning" if student < "m" else "evening"


def hand_in(
    course: Course, student: str, text: str, team: tuple[str, ...] = (), lost: float = 0.0
) -> None:
    """Have a student's answer graded as a worker does; the second check has lost some marks."""
    with Marks(course.db_url) as marks:
        marks.save(_graded(course, student, text, team, lost))


def _graded(course: Course, student: str, text: str, team: tuple[str, ...], lost: float) -> Result:
    """Return the result of an answer with a picture above it, whose notebooks lie where they do."""
    notebook = mini.answered(course, {"why": text} if text else {}, student)
    kept = nbformat.writes(notebook).encode()  # graded, with pictures in words
    for cell in notebook.cells:
        if grade_id(cell) == "check-slope":
            cell.outputs = [new_output("display_data", {"image/png": PIXEL})]
        if grade_id(cell) == "hand_in":
            cell.outputs = [new_output("stream", text=f"received from {student}")]
    content = nbformat.writes(notebook).encode()
    write_atomically(Place(course.home, student, mini.LAB).notebook, content)
    folder = course.home / "autograded" / student / mini.LAB
    write_atomically(folder / f"{mini.LAB}.ipynb", kept)
    return Result(
        student,
        mini.LAB,
        9.0 - lost,
        9.0,
        "graded",
        checks=[
            CheckMark("check-double", "double", 5.0, 5.0, ""),
            CheckMark(
                "check-slope", "slope", 4.0 - lost, 4.0, f"{name_of(student)} is off" * bool(lost)
            ),
        ],
        submission=digest(content if not team else repr(team).encode()),
        unanswered=[] if text else ["why"],
        texts=texts(mini.LAB, filter(is_question, notebook.cells)),
        team=list(team),
    )
