"""A due date that is moved shows in the next report, export and feedback; nothing runs again."""

import csv
from datetime import UTC, datetime

import nbformat
import pytest
from nbgrader.api import Gradebook

from grading.course.config import Course, load_course
from grading.gradebook.marks import Marks
from grading.judging.results import CheckMark, Result
from tests import mini
from tests.command import command as run

HANDED_IN = datetime(2030, 1, 11, 12, tzinfo=UTC)
LATE = '\n[late]\npolicy = "percent"\npercent = 50\n'


def command(course: Course, *arguments: str, code: int = 0) -> str:
    done = run(course.root, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def make_due(course: Course, due: str) -> None:
    """Write when the lab is due, and what lateness costs."""
    path = course.root / "course.toml"
    before, _, after = path.read_text(encoding="utf-8").partition("[limits]")
    lines = [line for line in before.splitlines() if not line.startswith(("due", "timezone"))]
    lines.insert(1, 'timezone = "Europe/Madrid"')
    limits = after.removesuffix(LATE)
    path.write_text("\n".join([*lines, f'due = "{due}"', "[limits]"]) + limits + LATE)


def exported(course: Course) -> dict[str, str]:
    command(course, "export", "mini")
    path = course.home / "reports" / "mini" / "mini.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = (row for row in csv.DictReader(stream) if row["student_id"] == "ada")
    return row


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Return a course in which ada was graded: 5 of 9 marks, a day after the due date."""
    course = mini.make_course(tmp_path_factory.mktemp("course"))
    make_due(course, "2030-01-10 23:59")
    command(course, "release", "mini")
    checks = [
        CheckMark("check-double", "double on vectors", 3.0, 3.0, ""),
        CheckMark("check-double", "double of the seed", 2.0, 2.0, ""),
        CheckMark("check-slope", "unseen points", 0.0, 4.0, "the error is 3"),
    ]
    result = Result("ada", "mini", 5.0, 9.0, "graded", checks=checks, unanswered=["why"])
    with Marks(course.db_url) as marks:
        marks.save(result, HANDED_IN)
    path = course.home / "autograded" / "ada" / "mini" / "mini.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.read(course.home / "release" / "mini" / "mini.ipynb", 4), path)
    return load_course(course.root)


@pytest.mark.slow
def test_release_tells_nbgrader_when_the_lab_is_due(course: Course) -> None:
    make_due(course, "2030-02-01 10:00")
    command(course, "release", "mini")
    with Gradebook(course.db_url) as book:
        assert book.find_assignment("mini").duedate == datetime(2030, 2, 1, 9)


def test_release_says_that_a_due_date_has_passed(course: Course) -> None:
    for due, said in (
        ("2030-02-01 10:00", ""),
        ("2020-02-01 10:00", "Note: mini was due on 2020-02-01 at 10:00, so "),
    ):
        make_due(course, due)
        done = run(course.root, "release", "mini")
        assert (
            done.returncode == 0
            and done.stderr.startswith(said)
            and bool(done.stderr) == bool(said)
        )


def test_a_moved_due_date_shows_everywhere_without_grading(course: Course) -> None:
    make_due(course, "2030-01-10 23:59")
    assert "5 − 2.5 = 2.5" in command(course, "report", "mini")
    row = exported(course)
    assert (row["raw"], row["late"], row["score"]) == ("5", "-2.5", "2.5")
    assert "due 2030-01-10 23:59; days late: 1" in row["notes"]
    (page,) = (course.home / "reports").glob("mini/index.html")
    assert "5 − 2.5 = 2.5" in page.read_text(encoding="utf-8")

    make_due(course, "2030-01-12")
    assert " = " not in command(course, "report", "mini")
    row = exported(course)
    assert (row["raw"], row["late"], row["score"], row["notes"]) == ("5", "", "5", "")
    assert "5 − 2.5" not in page.read_text(encoding="utf-8")


def test_feedback_is_of_the_due_date_as_it_is_now(course: Course) -> None:
    page = course.home / "feedback" / "ada" / "mini" / "mini.html"
    make_due(course, "2030-01-12")
    command(course, "feedback", "mini")
    assert "Taken off for lateness" not in page.read_text(encoding="utf-8")
    make_due(course, "2030-01-10 23:59")
    command(course, "feedback", "mini")
    text = page.read_text(encoding="utf-8")
    assert "<dt>Taken off for lateness</dt><dd>−2.5</dd>" in text
    assert "<dt>Before lateness</dt><dd>5</dd>" in text


@pytest.mark.parametrize(
    "words",
    [[name, "mini"] for name in ("report", "export", "feedback")]
    + [["grade", "mini", "--no-sandbox"]],
)
def test_bad_extensions_are_one_line_and_change_nothing(course: Course, words: list[str]) -> None:
    make_due(course, "2030-01-10 23:59")
    before = exported(course)
    course.extensions.write_text("student_id,lab,until\nada,mini,2030-01-12\nzoe,mini,2030-01-12\n")
    try:
        (line,) = command(course, *words, code=2).splitlines()
        assert line.startswith(f"error: {course.extensions}, line 3: student_id 'zoe' is not")
    finally:
        course.extensions.unlink()
    with Marks(course.db_url) as marks:
        (record,) = marks.records("mini")
    assert f"{record.score:g}" == before["score"] == "2.5"
    course.extensions.write_text("student_id,lab,until\nada,mini,2030-01-12\n")
    assert exported(course)["score"] == "5"
    course.extensions.unlink()


def test_a_policy_against_itself_is_one_line(course: Course) -> None:
    make_due(course, "2030-01-10 23:59")
    path = course.root / "course.toml"
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace('"percent"\npercent', '"closed"\npercent'), encoding="utf-8")
    (line,) = command(course, "report", "mini", code=2).splitlines()
    path.write_text(right, encoding="utf-8")
    assert line.startswith(
        'error: course.toml: [late]: percent means nothing to the policy "closed"'
    )
