"""Every mark is traced to what it was made of, and one that cannot be is named."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from grading.cli.app import app
from grading.collect.submitted import Place
from grading.course.config import Course, load_course
from grading.errors import UserError
from grading.gradebook.marks import Marks
from tests import mini
from tests.engines import skip_without_sandbox
from tests.gradebook.test_grade import WRONG_DOUBLE, command, hand_in
from tests.keeping import term
from tests.keeping.term import BRUNO, CARLA, ZOE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return term.make_term(tmp_path_factory.mktemp("term") / "course").root


@pytest.fixture
def course(whole: Path, tmp_path: Path) -> Course:
    return load_course(Path(shutil.copytree(whole, tmp_path / "course")))


def verify(course: Course, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, list[str]]:
    monkeypatch.chdir(course.root)
    done = CliRunner().invoke(app, ["verify", *words], catch_exceptions=False)
    return done.exit_code, done.output.splitlines()


def execute(course: Course, statement: str) -> None:
    """Do what a script does that writes into the gradebook."""
    with Marks(course.db_url) as marks:
        marks._db.execute(sa.text(statement))
        marks._db.commit()


def rewrite(course: Course, student: str, **values: object) -> None:
    """Change what a result says of itself."""
    with Marks(course.db_url) as marks:
        result = marks.result("mini", student)
        assert result
        text = json.dumps(asdict(result) | values)
        marks._db.execute(
            sa.text("UPDATE dl_result SET result = :text WHERE student = :student"),
            {"text": text, "student": student},
        )
        marks._db.commit()


GRADE_OF = (
    "SELECT grade.id FROM grade JOIN base_cell ON base_cell.id = cell_id "
    "JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id "
    "JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id "
    "WHERE base_cell.name = '{}' AND student_id = '{}'"
)


def set_mark(course: Course, column: str, cell: str, student: str) -> None:
    execute(course, f"UPDATE grade SET {column} = 2 WHERE id IN ({GRADE_OF.format(cell, student)})")


def test_all_is_traced_with_what_people_gave_and_said_why(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--marks", "3.5", "--why", "a typo of ours"]
    term.run(course, "mark", "mini", CARLA, "check-slope", *words)
    set_mark(course, "manual_score", "why", CARLA)  # a written answer, whoever marked it
    code, lines = verify(course, monkeypatch)
    assert code == 0
    assert lines == [
        "mini: marks of 3 students, 3 traced to what was handed in, the release, the seed and "
        "the kit"
    ]


def change_notebook(course: Course) -> None:
    place = Place(course.home, CARLA, "mini")
    place.notebook.write_bytes((place.content() or b"") + b"\n")


def remove_notebook(course: Course) -> None:
    shutil.rmtree(course.home / "submitted" / CARLA)


def change_solution(course: Course) -> None:
    path = course.home / "source" / "mini" / "mini.ipynb"
    path.write_text(path.read_text() + "\n")


def remove_release(course: Course) -> None:
    shutil.rmtree(course.home / "release")


@pytest.mark.parametrize(
    ("spoil", "said", "whose"),
    [
        (change_notebook, "what was handed in was changed since", {CARLA}),
        (remove_notebook, "what was handed in is gone", {CARLA}),
        (change_solution, "on another release than the one that is there", {ZOE, BRUNO, CARLA}),
        (remove_release, "the release that it was graded on is gone", {ZOE, BRUNO, CARLA}),
        (
            lambda course: execute(course, f"DELETE FROM dl_result WHERE student = '{CARLA}'"),
            "nothing says what its marks were made of",
            {CARLA},
        ),
        (
            lambda course: rewrite(course, CARLA, seeds=[]),
            "nothing says with which seed",
            {CARLA},
        ),
        (
            lambda course: rewrite(course, CARLA, basis="0" * 64, kit=""),
            "on another release, or by another version of the kit",
            {CARLA},
        ),
        (lambda course: rewrite(course, CARLA, basis=""), "was stopped", {CARLA}),
        (
            lambda course: set_mark(course, "auto_score", "check-double", CARLA),
            "check-double has -3 to what the judge gave, and nobody knows by whom",
            {CARLA},
        ),
        (
            lambda course: set_mark(course, "manual_score", "check-double", CARLA),
            "check-double has -3 to what the judge gave, and nobody knows by whom",
            {CARLA},
        ),
        (
            lambda course: set_mark(course, "extra_credit", "check-slope", CARLA),
            "check-slope has +2 to what the judge gave",
            {CARLA},
        ),
    ],
)
@pytest.mark.parametrize("reported", [False, True])
def test_a_mark_that_cannot_be_traced_is_named(
    course: Course,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Course], None],
    said: str,
    whose: set[str],
    reported: bool,
) -> None:
    spoil(course)
    if reported:  # which notes what it finds
        term.run(course, "report", "mini")
    code, (summary, *lines) = verify(course, monkeypatch, "mini")
    assert code == 1
    assert f"3 students, {3 - len(whose)} traced" in summary
    assert {line.split(": ")[0].removeprefix("mini, ") for line in lines} == whose
    assert all(said in line for line in lines)


def test_a_script_that_writes_over_a_persons_mark_is_named(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--marks", "3.5", "--why", "a typo of ours"]
    term.run(course, "mark", "mini", CARLA, "check-slope", *words)
    set_mark(course, "manual_score", "check-slope", CARLA)
    code, (_, line) = verify(course, monkeypatch)
    assert code == 1
    assert line.startswith("mini, u1003: check-slope has -2 to what the judge gave")


def test_another_kit_is_told_from_another_release(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.judging.basis.kit", lambda: "ab" * 32)
    code, (_, *lines) = verify(course, monkeypatch)
    assert code == 1
    assert len(lines) == 3
    assert all("by another version of the kit" in line for line in lines)
    assert not [line for line in lines if "another release" in line]


def test_verifying_writes_nothing(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    set_mark(course, "manual_score", "check-double", CARLA)
    with Marks(course.db_url) as marks:
        before = [*marks._db.execute(sa.text("SELECT * FROM dl_change"))]
    verify(course, monkeypatch)
    with Marks(course.db_url) as marks:
        assert [*marks._db.execute(sa.text("SELECT * FROM dl_change"))] == before


def test_who_was_forgotten_leaves_marks_that_are_traced(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    term.run(course, "forget", ZOE, "--yes")
    code, (line,) = verify(course, monkeypatch)
    assert (code, line[:32]) == (0, "mini: marks of 2 students, 2 tra")


def test_a_restored_course_has_marks_that_are_traced(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    term.run(course, "archive")
    term.run(course, "restore", "archive-now.zip", "--to", "back")
    code, (line,) = verify(load_course(course.root / "back"), monkeypatch)
    assert (code, line[:32]) == (0, "mini: marks of 3 students, 3 tra")


def test_a_lab_that_nobody_graded_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = term.make_course(tmp_path / "course")
    term.release(course, course.db_url)
    for words, what in (([], "any lab"), (["mini"], "mini")):
        with pytest.raises(UserError, match=f"^nothing of {what} is graded yet; run `[^\n]*$"):
            verify(course, monkeypatch, *words)
    with pytest.raises(UserError, match="there is no lab 'max'"):
        verify(course, monkeypatch, "max")


@pytest.mark.kernels
def test_graded_again_the_marks_are_the_same_and_one_that_was_made_up_is_named(
    tmp_path: Path,
) -> None:
    skip_without_sandbox()
    course = mini.make_course(tmp_path)
    right = mini.solved(course)
    hand_in(course, "ada", right)
    hand_in(course, "bob", right | {"double": WRONG_DOUBLE})
    for step in (["release", "mini"], ["collect", "mini", "handed_in"], ["grade", "mini"]):
        done = command(course.root, *step)
        assert done.returncode == 0, done.stderr
    with Marks(course.db_url) as marks:
        ada, bob = marks.results("mini")
        assert ada.seeds == bob.seeds and len(set(ada.seeds)) == 2
    done = command(course.root, "verify", "--replay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mini: 2/2 done, 0 failed" in done.stderr
    with Marks(course.db_url) as marks:  # the marks and the result behind them, both made up
        made_up = replace(bob, checks=[replace(check, marks=check.max) for check in bob.checks])
        marks.save(made_up)
    assert command(course.root, "verify").returncode == 0
    before = course.home.joinpath("autograded/bob/mini/mini.ipynb").read_bytes()
    done = command(course.root, "verify", "mini", "--replay")
    assert done.returncode == 1
    assert done.stdout.splitlines()[1:] == [
        "mini, bob: check-double has 5 in the gradebook and 0 when it is graded again"
    ]
    with Marks(course.db_url) as marks:
        assert marks.result("mini", "bob") == made_up
    assert course.home.joinpath("autograded/bob/mini/mini.ipynb").read_bytes() == before
