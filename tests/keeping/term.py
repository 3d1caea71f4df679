"""A course after a term of one lab, all that the kit writes of it there; nothing was executed."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grading.cells.metadata import is_question
from grading.cli.app import app
from grading.collect.submitted import Place
from grading.course.config import Course, load_course
from grading.course.roster import read_roster
from grading.files import write_atomically
from grading.gradebook.grade import EvidenceGrader
from grading.gradebook.marks import Marks
from grading.judging.basis import kit
from grading.judging.results import CheckMark, Result, digest, texts
from tests import mini

ZOE, BRUNO, CARLA = "u1001", "u1002", "u1003"  # the first two are a pair
NAMES = {ZOE: "Zoé Ñandú", BRUNO: "Bruno O'Díaz", CARLA: "Carla Ruiz Gil"}
MAILS = {ZOE: "zoe@uni.example", BRUNO: "bruno@uni.example", CARLA: "carla@uni.example"}
GROUPS = {ZOE: "evening", BRUNO: "morning", CARLA: "morning"}
EXTENSIONS = f"""\
student_id,group,lab,until,reason
{ZOE},,mini,2026-10-12 23:59,ill
,evening,mini,2026-10-09,the room was closed
{CARLA},,mini,2026-10-07,moved house
"""
EXCUSED = f"student_id,lab,reason\n{ZOE},mini,ill\n"
ADJUSTMENTS = f"student_id,lab,marks,reason\n{ZOE},mini,-1,a photo\n{CARLA},mini,-1,a photo\n"
EXAM = f"student_id,marks\n{ZOE},7\n{BRUNO},8\n{CARLA},9.5\n"
MORE = """

[[exams]]
name = "exam"
title = { es = "Examen", en = "Exam" }
file = "exam.csv"
maximum = 10

[mail]
sender = "Ana Gil <ana@uni.example>"
"""
HANDED_IN = datetime(2026, 10, 11, 10, tzinfo=UTC)
EARNED = {ZOE: 6.0, BRUNO: 6.0, CARLA: 9.0}


def make_term(root: Path, url: str = "") -> Course:
    """Make the course with release, hand-ins, marks, pages and exports, and return it."""
    course = make_course(root)
    url = url or course.db_url
    release(course, url)
    collect(course, root.parent / f"{root.name}-download")
    grade(course, url)
    return course


def make_course(root: Path) -> Course:
    mini.make_course(root)
    text = (root / "course.toml").read_text(encoding="utf-8")
    text = text.replace('tag = "main"', 'tag = "main"\ntimezone = "Europe/Madrid"')
    text = text.replace("[limits]", '[late]\npolicy = "percent"\npercent = 10\n\n[limits]')
    text = text.replace('name = "mini"', 'name = "mini"\ndue = "2026-10-05 23:59"', 1)
    (root / "course.toml").write_text(text + MORE, encoding="utf-8")
    rows = [f"{one},{NAMES[one]},{MAILS[one]},{GROUPS[one]}" for one in NAMES]
    roster = "\n".join(["student_id,name,email,group", *rows, ""])
    (root / "roster.csv").write_text(roster, encoding="utf-8")
    for name, content in (
        ("extensions", EXTENSIONS),
        ("excused", EXCUSED),
        ("adjustments", ADJUSTMENTS),
        ("exam", EXAM),
    ):
        (root / f"{name}.csv").write_text(content, encoding="utf-8")
    return load_course(root)


def release(course: Course, url: str) -> None:
    """Put the release where `release` puts it, and its cells into a new gradebook."""
    for step, notebook in (("source", mini.solution(course)), ("release", mini.blank(course))):
        path = course.home / step / "mini" / "mini.ipynb"
        write_atomically(path, nbformat.writes(notebook).encode())
    with Marks(url):
        pass
    with Gradebook(url, "") as book:
        book.add_assignment("mini")
        book.add_notebook("mini", "mini")
        book.add_grade_cell("check-double", "mini", "mini", max_score=5, cell_type="code")
        book.add_grade_cell("check-slope", "mini", "mini", max_score=4, cell_type="code")
        book.add_grade_cell("why", "mini", "mini", max_score=2, cell_type="markdown")
        book.add_solution_cell("why", "mini", "mini")


def signed(course: Course, students: Iterable[str], **answers: str) -> NotebookNode:
    """Return a solved notebook that names its authors."""
    notebook = mini.answered(course, mini.solved(course) | answers)
    (cell,) = (cell for cell in notebook.cells if cell["id"] == "identity")
    for number, student in enumerate(students, start=1):
        for field, value in (("STUDENT", student), ("SIGNATURE", NAMES[student])):
            cell.source = cell.source.replace(
                f'{field}_{number} = ""', f'{field}_{number} = "{value}"'
            )
    return notebook


def collect(course: Course, download: Path) -> None:
    """Collect a notebook of the pair and, in two versions, one of Carla."""
    works = [
        (ZOE, signed(course, (ZOE, BRUNO))),
        (CARLA, signed(course, (CARLA,), why="An older answer.")),
        (CARLA, signed(course, (CARLA,), why="A newer answer.")),
    ]
    for number, (student, notebook) in enumerate(works):
        path = download / f"{number}" / f"{NAMES[student]}_1045{number}_assignsubmission_file"
        path.mkdir(parents=True)
        nbformat.write(notebook, path / "hand in.ipynb")
        at = HANDED_IN.timestamp() + number
        os.utime(path / "hand in.ipynb", (at, at))
        run(course, "collect", "mini", str(path.parent), "--from", "moodle")


def result_of(course: Course, student: str, team: Iterable[str] = ()) -> Result:
    """Return what grading would say of what was collected, with the marks of `EARNED`."""
    content = Place(course.home, student, "mini").content() or b""
    notebook = nbformat.reads(content.decode(), as_version=4)
    slope = EARNED[student] - 5
    return Result(
        student,
        "mini",
        EARNED[student],
        9.0,
        "graded",
        checks=[
            CheckMark("check-double", "double on vectors", 5.0, 5.0, ""),
            CheckMark("check-slope", "unseen points", slope, 4.0, "" if slope == 4 else "far off"),
        ],
        submission=digest(content),
        texts=texts("mini", filter(is_question, notebook.cells)),
        team=list(team),
        basis=EvidenceGrader(course, "mini").basis(),
        profile="quick",
        kit=kit(),
        seeds=[1, 2],
    )


def grade(course: Course, url: str) -> None:
    """Write marks as `grade` does, have a person mark, and write every page and export."""
    pair = (ZOE, BRUNO)
    with Marks(url) as marks:
        for student in NAMES:
            place = Place(course.home, student, "mini")
            made = course.home / "autograded" / student / "mini" / "mini.ipynb"
            write_atomically(made, place.content() or b"")
            team = pair if student in pair else ()
            marks.save(result_of(course, student, team), place.modified())
    db = ["--db", url]
    with Marks(url) as marks:
        marks.add_students(read_roster(course.roster))
    for one in (ZOE, CARLA):
        run(course, "mark", "mini", one, "why", "--marks", "1.5", "--why", f"of {one}", *db)
    run(course, "report", "mini", *db)
    for form in ("csv", "xlsx", "moodle", "canvas"):
        run(course, "export", "mini", "--to", form, *db)
    run(course, "feedback", "mini", "--mail", "--zip", "moodle", *db)
    run(course, "course", *db)
    run(course, "similar", "mini")


def run(course: Course, *words: str, input: str = "") -> str:
    """Run a command in the course's folder; return what it printed, or raise what it raised."""
    before = Path.cwd()
    os.chdir(course.root)
    try:
        done = CliRunner().invoke(app, list(words), input=input, catch_exceptions=False)
    finally:
        os.chdir(before)
    assert done.exit_code in (0, 1), done.output
    return done.output
