"""`course` and `adjust`: what they print and write, and what they refuse without writing."""

import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grading.cli.app import app
from grading.course.config import Course, load_course
from grading.errors import UserError
from grading.gradebook.marks import Marks
from grading.judging.results import CheckMark, Result
from tests import mini

DUE = datetime(2026, 1, 10, 22, 59, tzinfo=UTC)  # 23:59 in Madrid
LABS = "".join(
    f'[[labs]]\nname = "{lab}"\ntitle = {{ es = "{lab}", en = "{lab}" }}\n'
    'due = "2026-01-10 23:59"\n'
    for lab in ("one", "two")
)
MORE = """
[late]
policy = "percent"
percent = 10

[mark]
scale = "0-10"

[[exams]]
name = "final"
title = { es = "Examen", en = "Exam" }
file = "exam.csv"
maximum = 20
weight = 2
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a course of two labs with 10 marks; ada has 8 and 6, the latter a day late, bob 5."""
    root = tmp_path_factory.mktemp("course")
    about = mini.COURSE.split("[[labs]]")[0]
    about = about.replace("[course]", '[course]\ntimezone = "Europe/Madrid"')
    (root / "course.toml").write_text(about + LABS + MORE, encoding="utf-8")
    (root / "roster.csv").write_text(mini.ROSTER, encoding="utf-8")
    course = load_course(root)
    course.home.mkdir()
    with Marks(course.db_url):
        pass
    with Gradebook(course.db_url) as book:
        for lab in course.lab_names:
            book.add_assignment(lab)
            book.add_notebook(lab, lab)
            book.add_grade_cell("check", lab, lab, max_score=10, cell_type="code")
    grade(course, "one", "ada", 8.0)
    grade(course, "two", "ada", 6.0, late=True)
    grade(course, "one", "bob", 5.0)
    return root


@pytest.fixture
def course(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JUPYTERHUB_USER", "eva")
    return load_course(tmp_path)


def grade(course: Course, lab: str, student: str, score: float, late: bool = False) -> None:
    checks = [CheckMark("check", "step", score, 10.0, "")]
    result = Result(student, lab, score, 10.0, "graded", checks=checks, submission=f"{score}")
    with Marks(course.db_url) as marks:
        marks.save(result, DUE + timedelta(hours=1 if late else -1))


def run(*words: str) -> str:
    found = CliRunner().invoke(app, words, catch_exceptions=False, env={"COLUMNS": "80"})
    assert found.exit_code == 0, found.output
    return found.output


def refused(*words: str) -> str:
    with pytest.raises(UserError) as caught:
        CliRunner().invoke(app, words, catch_exceptions=False)
    return str(caught.value)


def marks_of(course: Course, column: str = "mark") -> dict[str, str]:
    path = course.home / "reports" / "marks.csv"
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {row["student_id"]: row[column] for row in csv.DictReader(stream)}


def files(course: Course) -> dict[Path, bytes]:
    """What there is, but for the gradebook."""
    return {
        path: path.read_bytes()
        for path in course.root.rglob("*")
        if path.is_file() and "gradebook" not in path.name
    }


def test_the_course_has_final_marks_in_a_table_a_file_and_pages(course: Course) -> None:
    said = run("course")
    assert "Ada Lovelace (ada)" in said and "Exam" in said
    assert "so final does not count so far" in said
    assert marks_of(course) == {"ada": "6.7", "bob": "2.5", "cyd": "0"}  # (8 + 0.9 * 6) / 2
    assert set(marks_of(course, "state").values()) == {"provisional"}
    assert sorted(path.stem for path in course.home.glob("reports/students/*.html")) == [
        "ada", "bob", "cyd",
    ]  # fmt: skip
    (course.root / "exam.csv").write_text("student_id;nota\nada;15,5\nbob;20\n")
    assert "does not count" not in run("course")
    assert marks_of(course) == {"ada": "7.2", "bob": "6.3", "cyd": "0"}
    assert set(marks_of(course, "state").values()) == {"final"}


def test_the_workbook_has_the_course_and_a_sheet_a_lab_in_numbers_and_harmless_texts(
    course: Course,
) -> None:
    course.roster.write_text(mini.ROSTER.replace("Ada Lovelace", "=HYPERLINK(1)"))
    run("course")
    path = course.home / "reports" / "marks.xlsx"
    assert not path.exists()
    assert "Workbook: course/reports/marks.xlsx" in run("course", "--xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Course", "Labs and exams", "one", "two"]
    rows = {row[0].value: row for row in book["Course"].iter_rows(min_row=2)}
    name, mark = rows["ada"][1], rows["ada"][4]
    assert (name.value, name.data_type) == ("'=HYPERLINK(1)", "s")
    assert (mark.value, mark.data_type) == (6.7, "n")
    title, *labs = [cell.value for cell in book["two"]["E"]]
    assert title == "score" and sorted(labs, key=str) == [5.4, None, None]
    spread = [[cell.value for cell in row] for row in book["Labs and exams"].iter_rows()]
    assert ["one", "All", 2, 65, 65, 21.21] in spread
    assert ["one", "1", 2, 65, 65, 21.21] in spread and ["one", "2", 0, *[None] * 3] in spread


def test_extensions_and_excuses_count_at_once(course: Course) -> None:
    course.extensions.write_text("student_id,lab,until\nada,two,2026-01-12\n")
    course.excused.write_text("student_id,lab,reason\nbob,two,ill\n")
    run("course")
    assert marks_of(course) == {"ada": "7", "bob": "5", "cyd": "0"}


def test_what_was_handed_in_and_not_graded_is_not_missing(course: Course) -> None:
    folder = course.home / "submitted" / "bob" / "two"
    folder.mkdir(parents=True)
    (folder / "two.ipynb").write_text("{}")
    run("course")
    assert marks_of(course)["bob"] == "5"


def test_an_adjustment_stays_through_a_regrade_and_shows_everywhere(course: Course) -> None:
    said = run("adjust", "ADA", "one", "--marks", "-2", "--because", "a photo of the screen")
    assert "one, ada: 8 → 6; kept in adjustments.csv" in said
    listed = run("adjust", "--list").strip()
    assert listed.startswith("one, ada: −2 (eva, 20") and listed.endswith(
        ": a photo of the screen)"
    )
    grade(course, "one", "ada", 9.0)
    run("course")
    assert marks_of(course)["ada"] == "6.2"  # (9 - 2 + 5.4) / 2
    assert "−2 by hand (eva" in marks_of(course, "one: note")["ada"]
    assert "7/10" in run("report", "one") and "a photo of the screen" in run("report", "one")
    run("export", "one")
    with (course.home / "reports" / "one" / "one.csv").open(encoding="utf-8-sig") as stream:
        ada = next(csv.DictReader(stream))
    assert (ada["score"], ada["by_hand"], ada["raw"]) == ("7", "-2", "9")
    assert "a photo of the screen" in ada["notes"]
    reports = course.home / "reports"
    for page in (reports / "index.html", reports / "students" / "ada.html"):
        assert "a photo of the screen" in page.read_text(encoding="utf-8")


def test_a_further_adjustment_undoes_one_and_both_are_kept(course: Course) -> None:
    run("adjust", "ada", "one", "--marks", "-2", "--because", "a mistake")
    assert "6 → 8" in run("adjust", "ada", "one", "--marks", "+2", "--because", "ours, not hers")
    assert len(run("adjust", "--list").splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["zoe", "one"], "student_id 'zoe' is not in the roster"),
        (["ada", "thre"], "there is no lab 'thre' in course.toml; it lists: one, two"),
        (["ada", "one", "--marks", "some"], "marks are 'some'; expected what to add"),
        (["ada", "one", "--because", " "], "expected a reason for changing ada's marks in one"),
        (["cyd", "one"], "nothing of one by cyd is graded"),
        (["ada", "one", "--marks", "2,5"], "would be 10.5; expected from 0 to 10"),
        (
            ["ada", "two", "--marks", "-5.5"],
            "ada has 5.4 marks in two, and -5.5 more would be -0.1",
        ),
        ([], "expected STUDENT LAB --marks MARKS --because REASON, or --list"),
        (["ada", "one", "--marks", ""], "expected STUDENT LAB --marks MARKS"),
    ],
)
def test_what_is_no_adjustment_changes_nothing(course: Course, words: list[str], said: str) -> None:
    before = files(course)
    more = [] if "--marks" in words else ["--marks", "1"]
    more += [] if "--because" in words else ["--because", "x"]
    found = refused("adjust", *words, *more)
    assert said in found and len(found.splitlines()) == 1
    assert files(course) == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("exam.csv", "student_id,marks\nzoe,5\n", "exam.csv, line 2: student_id 'zoe'"),
        ("exam.csv", "student_id,marks\nada,21\n", "line 2: marks of ada are '21'"),
        ("exam.csv", "student_id,marks\nada,1\nada,2\n", "line 3: ada is there before"),
        ("excused.csv", "student_id,lab,reason\nada,three,x\n", "excused.csv, line 2: there is no"),
        ("extensions.csv", "student_id,lab,until\nada,one,x\n", "extensions.csv, line 2: until"),
        (
            "adjustments.csv",
            "student_id,lab,marks,reason\nada,one,1,\n",
            "line 2: expected a reason",
        ),
    ],
)
def test_a_wrong_file_is_one_line_and_nothing_is_written(
    course: Course, name: str, text: str, said: str
) -> None:
    (course.root / name).write_text(text)
    before = files(course)
    found = refused("course")
    assert said in found and len(found.splitlines()) == 1
    assert files(course) == before


def test_a_change_of_what_is_not_graded_is_said(course: Course) -> None:
    course.adjustments.write_text("student_id,lab,marks,reason\ncyd,one,1,oral\n")
    assert "nothing of one by cyd is graded, so nothing is changed by hand" in run("course")
    assert marks_of(course)["cyd"] == "0"


def test_a_course_needs_a_gradebook(course: Course) -> None:
    (course.home / "gradebook.db").unlink()
    assert "nothing is graded yet" in refused("course")
