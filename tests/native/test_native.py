"""Plain nbgrader notebooks: nbgrader's own marks, in the engine."""

import asyncio
import copy
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import nbformat
import pytest
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook, InvalidEntry
from nbgrader.preprocessors import Execute
from nbgrader.utils import compute_checksum, determine_grade
from sqlalchemy.exc import OperationalError

from grading.compat import PACKAGES
from grading.compat.partial import MIME
from grading.course.config import Limits
from grading.engine.executor import Execution, RunOptions
from grading.engine.kernels.work import Work
from grading.engine.walls import outer
from grading.errors import UserError
from grading.gradebook.database import GradebookError
from grading.gradebook.marks import Marks
from grading.judging.results import FAILED
from grading.messages import Reason
from grading.native.course import is_plain, load_nbgrader_course
from grading.native.grade import NativeGrader
from grading.native.marking import as_marked, executed, to_execute
from grading.native.prelude import StandIns
from grading.native.released import as_released, flags
from grading.native.reported import limits_met, no_marks
from tests import mini
from tests.command import command
from tests.plain_course import (
    ASSIGNMENT,
    CELL_SECONDS,
    POINTS,
    cells,
    generate_assignment,
    hand_in,
    hand_in_class,
    make_course,
    notebook,
    solved,
)

pytestmark = pytest.mark.kernels

SANDBOX = [] if outer.host().obstacle is None else ["--no-sandbox"]
DELETED = ("cyd", "t-double")
OURS = "t-steps"  # uses jhwutils, which nbgrader's kernels lack


@dataclass(frozen=True)
class Row:
    """What the gradebook says of one cell of one submission."""

    auto_score: float | None
    needs_manual_grade: bool
    max_score: float


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=240,
    )


def grade(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return command(root, "grade", ASSIGNMENT, *SANDBOX, *options)


def gradebook(root: Path) -> Gradebook:
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}")


def rows(root: Path) -> dict[tuple[str, str], Row]:
    """Every cell of every submission, by student and cell."""
    with gradebook(root) as book:
        return {
            (submission.student_id, grade.name): Row(
                grade.auto_score, grade.needs_manual_grade, grade.max_score
            )
            for submission in book.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


@dataclass(frozen=True)
class Graded:
    """The course as we graded it."""

    root: Path
    said: subprocess.CompletedProcess[str]
    results: Mapping[str, Any]

    def check(self, student: str, cell: str) -> dict[str, Any]:
        (found,) = [check for check in self.results[student]["checks"] if check["cell"] == cell]
        return dict(found)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course without submissions, to be copied."""
    return make_course(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def ours(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    root = Path(shutil.copytree(empty, tmp_path_factory.mktemp("class") / "ours"))
    hand_in_class(root)
    second = solved(root, "second")
    much = solved(root, share="def share():\n    return 50")
    hand_in(root, "fay", {"first": much, "second": second})
    dying = solved(root, double="def double(x):\n    __import__('os')._exit(0)")
    hand_in(root, "gus", {"first": dying, "second": second})
    twice = solved(root)
    twin = copy.deepcopy(cells(twice, "t-share")[0])
    cells(twice, "t-share")[0].source = "4.0"
    twice.cells.append(NotebookNode(twin, id="twin", source="1.0"))
    hand_in(root, "kim", {"first": twice, "second": second})
    (hand_in(root, "hal", {"second": second}) / "first.ipynb").write_text('{"cells": [')
    linked = hand_in(root, "ivy", {"first": solved(root), "second": second})
    (linked / "book.db").symlink_to(root / "gradebook.db")
    hand_in(root, "jon", {"mine": second})

    said = grade(root, "--json", "marks.json")
    assert said.returncode == 1, said.stdout + said.stderr
    data = json.loads((root / "marks.json").read_text())
    return Graded(root, said, {item["student"]: item for item in data["submissions"]})


@pytest.fixture(scope="module")
def theirs(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same course, graded by nbgrader."""
    root = Path(shutil.copytree(empty, tmp_path_factory.mktemp("class") / "theirs"))
    hand_in_class(root)
    autograde = run(root, "nbgrader", "autograde", ASSIGNMENT)
    assert autograde.returncode == 0, autograde.stderr
    return root


@pytest.fixture(params=["ours", pytest.param("theirs", marks=pytest.mark.heavy)])
def root(request: pytest.FixtureRequest) -> Path:
    """The course as we graded it, then as nbgrader did."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, Path) else found.root


@pytest.mark.heavy
def test_every_cell_has_nbgraders_own_mark(ours: Graded, theirs: Path) -> None:
    expected = {key: row for key, row in rows(theirs).items() if key[1] != OURS}
    found = rows(ours.root)
    assert len(expected) == 5 * (len(POINTS) - 1)
    assert expected.pop(DELETED) == Row(None, True, 3)
    assert {key: found[key] for key in expected} == expected


def test_the_class_earns_what_it_was_made_for(root: Path) -> None:
    marks = {key: row.auto_score for key, row in rows(root).items()}
    assert [marks["ada", cell] for cell in ("t-double", "t-share", "t-quiet")] == [3, 4, 2]
    assert [marks["bob", cell] for cell in ("t-double", "t-share", "t-quiet")] == [0, 2.5, 0]
    assert [marks["cyd", cell] for cell in ("t-share", "t-count")] == [1, 0]
    assert [marks["dan", cell] for cell in ("t-double", "t-share", "t-quiet")] == [0, 0, 0]
    assert [marks["eve", cell] for cell in ("t-share", "m-text", "m-code")] == [4, 0, 0]
    assert rows(root)["ada", "m-code"] == Row(None, True, 2)


def test_the_penalty_for_being_late_is_nbgraders(root: Path) -> None:
    with gradebook(root) as book:
        late = book.find_submission(ASSIGNMENT, "eve")
        assert late.late_submission_penalty == late.score > 0
        assert book.find_submission(ASSIGNMENT, "ada").late_submission_penalty == 0


def test_the_comments_of_unanswered_questions_are_nbgraders(root: Path) -> None:
    with gradebook(root) as book:
        comment = book.find_comment("m-text", "first", ASSIGNMENT, "eve")
        assert comment.auto_comment == "No response."


def test_the_penalty_is_taken_off_the_marks(ours: Graded) -> None:
    with Marks(f"sqlite:///{ours.root / 'gradebook.db'}") as marks:
        assert {record.student: record.score for record in marks.records(ASSIGNMENT)}["eve"] == 0


@pytest.mark.heavy
def test_what_nbgrader_writes_beside_the_gradebook_is_the_same(ours: Graded, theirs: Path) -> None:
    for student in ("ada", "bob", "cyd", "dan", "eve"):
        found, expected = (
            root / "autograded" / student / ASSIGNMENT for root in (ours.root, theirs)
        )
        compiled = {"__pycache__"}  # of what a notebook imports: ours writes into no folder
        names = {path.name for path in expected.iterdir()} - compiled
        assert names == {path.name for path in found.iterdir()}
        assert (expected / "utils.py").read_text() == (found / "utils.py").read_text()
        for path in expected.glob("*.ipynb"):
            pages = (
                nbformat.read(folder / path.name, as_version=4) for folder in (found, expected)
            )
            for mine, their in zip(*(page.cells for page in pages), strict=True):
                assert mine.source == their.source
                if mine.cell_type == "code" and not cells(NotebookNode(cells=[mine]), OURS):
                    assert mine.execution_count == their.execution_count
                    assert kinds(mine) == kinds(their)


def test_a_deleted_cell_earns_nothing_and_waits_for_nobody(ours: Graded) -> None:
    assert rows(ours.root)[DELETED] == Row(0, False, 3)


def kinds(cell: NotebookNode) -> list[tuple[str, str]]:
    """The kinds of a cell's outputs, each stretch of a stream once, as a kernel may flush in two.

    nbgrader adds an output to an interrupt, and we put one in front.
    """
    timeouts = ("CellTimeoutError", "Stopped")
    found = [
        (item.output_type, item.get("name", ""))
        for item in cell.outputs
        if item.get("ename") not in timeouts
    ]
    pairs = zip([None, *found], found, strict=False)
    return [kind for before, kind in pairs if kind != before or kind[0] != "stream"]


def test_blocks_of_tick_marks_count_one_by_one(ours: Graded) -> None:
    marks = {student: rows(ours.root)[student, OURS].auto_score for student in ("ada", "bob")}
    assert marks == {"ada": 6, "bob": 2}  # of double(1), double(5) and the topic
    assert ours.check("bob", OURS)["reason"] == "AssertionError"


def test_reasons_are_one_line_each(ours: Graded) -> None:
    assert ours.check("ada", "t-double")["reason"] == ""
    assert ours.check("bob", "t-share")["reason"] == "its value is 2.5"
    assert ours.check("bob", "t-quiet")["reason"].endswith("no marks: hm")
    assert ours.check("bob", "t-count")["reason"] == "SystemExit"
    assert "not in first.ipynb" in ours.check("cyd", "t-double")["reason"]
    assert ours.check("cyd", "t-count")["reason"] == "second.ipynb was not handed in"
    assert ours.check("dan", "t-double")["reason"].startswith("NameError: name 'double'")
    assert f"more than {CELL_SECONDS} s of processor time" in ours.check("dan", "t-share")["reason"]
    assert ours.check("dan", "t-quiet")["reason"] == "ZeroDivisionError: no traceback was shown"


def test_what_is_odd_is_flagged(ours: Graded) -> None:
    flags = {student: " | ".join(item["flags"]) for student, item in ours.results.items()}
    assert flags["ada"] == flags["bob"] == ""
    assert flags["eve"].endswith("look at them: t-share = 'great'")
    for line in ("other.ipynb is not", "second.ipynb was not", "'t-double' is not"):
        assert line in flags["cyd"]
    assert "first: cell" in flags["dan"]


def test_a_value_above_the_points_costs_only_its_own_cell(ours: Graded) -> None:
    found = rows(ours.root)
    assert found["fay", "t-share"].auto_score == 0
    assert found["fay", "t-double"].auto_score == 3
    assert "greater than maximum" in ours.check("fay", "t-share")["reason"]


def test_cells_that_stand_there_twice_do_not_stop_the_run(ours: Graded) -> None:
    assert rows(ours.root)["kim", "t-share"].auto_score == 4
    assert "'t-share' of first.ipynb stood there" in ours.results["kim"]["flags"][0]


def test_a_dead_kernel_costs_what_was_not_run(ours: Graded) -> None:
    found = rows(ours.root)
    tests = ("t-double", "t-share", "t-quiet", "t-count")
    assert [found["gus", cell].auto_score for cell in tests] == [0, 0, 0, 5]
    assert "exited" in ours.check("gus", "t-double")["reason"]
    assert "before this cell" in ours.check("gus", "t-share")["reason"]


@pytest.mark.parametrize(
    ("student", "why"),
    [
        ("hal", "first.ipynb: not a notebook"),
        ("ivy", "book.db is a link"),
        ("jon", "expected first.ipynb, second.ipynb, found mine.ipynb"),
    ],
)
def test_what_cannot_be_graded_says_why(ours: Graded, student: str, why: str) -> None:
    item = ours.results[student]
    assert (item["status"], item["score"], item["max_score"]) == (FAILED, 0, 20)
    assert why in item["flags"][0]
    assert not (ours.root / "autograded" / student / ASSIGNMENT).exists()
    assert {rows(ours.root)[student, cell].auto_score for cell in POINTS} == {None}


def test_the_report_says_where_the_marks_were_decided(ours: Graded) -> None:
    page = (ours.root / "reports" / ASSIGNMENT / "index.html").read_text()
    assert "decided inside the students" in page
    assert "Traceback" not in ours.said.stderr


def test_resume_grades_what_was_cut_off_or_changed(ours: Graded) -> None:
    before = rows(ours.root)
    course = load_nbgrader_course(ours.root)
    with Marks(course.db_url) as marks:
        grader = NativeGrader(course, ASSIGNMENT)
        assert not grader.to_do(marks, grader.submissions(), "quick").submissions
        marks.make_stale(ASSIGNMENT, "bob")
    (ours.root / "submitted" / "ada" / ASSIGNMENT / "topic.txt").write_text("winds")
    assert "2 submissions are left" in grade(ours.root, "--resume").stdout
    after = rows(ours.root)
    assert (before["ada", OURS].auto_score, after["ada", OURS].auto_score) == (6, 4)
    assert {**after, ("ada", OURS): before["ada", OURS]} == before


class _Deaf:
    """An executor whose kernels say nothing: every test passes by nbgrader's rules."""

    warnings: tuple[Reason, ...] = ()
    slots = 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def execute(
        self, notebook: NotebookNode, *, env: Mapping[str, str], files: Any, keep_work: bool
    ) -> Execution:
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], number
        return Execution(notebook, 0.0, 0.0, (), Work(files))


@pytest.fixture
def small(empty: Path, tmp_path: Path) -> Path:
    """A course with one submission."""
    root = Path(shutil.copytree(empty, tmp_path / "small"))
    hand_in(root, "ada", {"first": solved(root), "second": solved(root, "second")})
    return root


def grade_here(root: Path, assignment: str = ASSIGNMENT) -> None:
    course = load_nbgrader_course(root)
    grader = NativeGrader(course, assignment)
    with Marks(course.db_url) as marks:
        work, options = grader.submissions(), RunOptions()
        asyncio.run(grader.grade(_Deaf(), marks, work, options, lambda submission, graded: None))


def test_a_kill_while_marking_leaves_nothing_half_done(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = load_nbgrader_course(small)
    grade_here(small)
    before = rows(small)
    seen: list[Any] = []

    def stop(self: object, assignment: str, student: str) -> None:
        seen.append(student)
        raise KeyboardInterrupt

    monkeypatch.setattr("nbgrader.converters.Autograde.set_permissions", stop)
    with pytest.raises(KeyboardInterrupt):
        grade_here(small)
    assert seen == ["ada"]
    assert rows(small) == before
    with Marks(course.db_url) as marks:
        grader = NativeGrader(course, ASSIGNMENT)
        work = grader.submissions()
        assert list(grader.to_do(marks, work, "quick").submissions) == work
    monkeypatch.undo()
    grade_here(small)
    assert rows(small) == before


@pytest.mark.parametrize("step", ["sanitized", "save"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "in nbgrader's own"])
def test_trouble_of_the_gradebook_is_nobodys_failure(
    small: Path, monkeypatch: pytest.MonkeyPatch, step: str, wrapped: bool
) -> None:
    course = load_nbgrader_course(small)

    def fail(*_: object) -> None:
        try:
            raise OperationalError("UPDATE grade", {}, sqlite3.OperationalError("disk I/O error"))
        except OperationalError as error:
            if wrapped:  # as nbgrader does
                raise InvalidEntry(*error.args) from None
            raise

    monkeypatch.setattr(f"grading.native.converter.Converter.{step}", fail)
    with pytest.raises(GradebookError, match=r"disk I/O error.* grade --resume goes on"):
        grade_here(small)
    monkeypatch.undo()
    with Marks(course.db_url) as marks:
        assert marks.results(ASSIGNMENT) == []
    grade_here(small)
    assert rows(small)["ada", "t-double"].auto_score == 3


def test_files_are_left_out_in_a_folder_with_any_name(small: Path, tmp_path: Path) -> None:
    moved = small.rename(tmp_path / "2026 [A]")
    junk = moved / "submitted" / "ada" / ASSIGNMENT / ".ipynb_checkpoints"
    junk.mkdir()
    (junk / "first.ipynb").write_text("old")
    grade_here(moved)
    assert rows(moved)["ada", "t-double"].auto_score == 3
    assert not (moved / "autograded" / "ada" / ASSIGNMENT / junk.name).exists()


def test_old_marks_do_not_outlive_the_cells_that_earned_them(small: Path) -> None:
    grade_here(small)
    assert rows(small)["ada", "t-double"].auto_score == 3
    path = small / "submitted" / "ada" / ASSIGNMENT / "first.ipynb"
    first = solved(small)
    first.cells.remove(cells(first, "t-double")[0])
    nbformat.write(first, path)
    with gradebook(small) as book:
        book.find_grade("m-text", "first", ASSIGNMENT, "ada").manual_score = 0.5
        book.db.commit()
    grade_here(small)
    assert rows(small)["ada", "t-double"] == Row(0, False, 3)
    with gradebook(small) as book:
        assert book.find_grade("m-text", "first", ASSIGNMENT, "ada").manual_score == 0.5


def test_what_is_stored_of_a_submission_is_harmless(small: Path) -> None:
    path = small / "submitted" / "ada" / ASSIGNMENT / "first.ipynb"
    nbformat.write(
        solved(small, text="Because. <script>pwn()</script> [x](javascript:pwn())"), path
    )
    grade_here(small)
    stored = nbformat.read(small / "autograded" / "ada" / ASSIGNMENT / "first.ipynb", as_version=4)
    (answer,) = cells(stored, "m-text")
    assert answer.source.startswith("Because.")
    assert "<script" not in answer.source and "](" not in answer.source


def test_a_file_of_the_student_that_the_course_lets_them_keep(small: Path) -> None:
    settings = (small / "nbgrader_config.py").read_text()
    kept = f'c.Autograde.exclude_overwriting = {{"{ASSIGNMENT}": ["utils.py"]}}\n'
    (small / "nbgrader_config.py").write_text(settings + kept)
    mine = small / "submitted" / "ada" / ASSIGNMENT / "utils.py"
    mine.write_text("own = True\n")
    grade_here(small)
    assert (small / "autograded" / "ada" / ASSIGNMENT / "utils.py").read_text() == "own = True\n"


def test_an_assignment_that_nbgrader_never_released_is_named(small: Path) -> None:
    with pytest.raises(UserError, match="generate_assignment ps2"):
        grade_here(small, "ps2")


def test_settings_that_fail_are_one_line(small: Path) -> None:
    (small / "nbgrader_config.py").write_text("c = nothing\n")
    with pytest.raises(UserError, match="cannot be read: NameError: name 'nothing'"):
        load_nbgrader_course(small)


def test_settings_say_where_the_gradebook_is(small: Path) -> None:
    (small / "nbgrader_config.py").write_text("c.CourseDirectory.db_url = 'postgresql://x/y'\n")
    assert load_nbgrader_course(small).db_url == "postgresql://x/y"


def with_settings(root: Path, *lines: str) -> Path:
    path = root / "nbgrader_config.py"
    path.write_text("\n".join([path.read_text(), *lines]))
    return root


def test_limits_are_set_in_the_settings_that_such_a_course_has(small: Path) -> None:
    with_settings(small, "c.DLLimits.file_mb = 1024", "c.DLLimits.memory_mb = 8192")
    limits = load_nbgrader_course(small).limits
    assert (limits.file_mb, limits.memory_mb, limits.cell_seconds) == (1024, 8192, CELL_SECONDS)


def test_the_time_of_a_cell_is_what_nbgrader_allows(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    assert load_nbgrader_course(tmp_path).limits.cell_seconds == Execute().timeout
    # The name that older settings have it under, of a class that nbgrader's is made from.
    with_settings(tmp_path, "c.ExecutePreprocessor.timeout = 77")
    assert load_nbgrader_course(tmp_path).limits.cell_seconds == 77


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("memory = 8192", "there is no key 'memory'; did you mean memory_mb?"),
        ("memory_mb = '8 GB'", "memory_mb is '8 GB'; expected a whole number"),
    ],
)
def test_a_limit_that_is_none_is_one_line(small: Path, line: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"nbgrader_config.py, c.DLLimits: {said}"):
        load_nbgrader_course(with_settings(small, f"c.DLLimits.{line}"))


def test_too_many_bytes_beside_the_notebook_name_the_place_of_the_limit(small: Path) -> None:
    with_settings(small, "c.DLLimits.file_mb = 1")
    (small / "source" / ASSIGNMENT / "data.bin").write_bytes(bytes(2**21))
    grade_here(small)
    with Marks(load_nbgrader_course(small).db_url) as marks:
        (flag,) = marks.results(ASSIGNMENT)[0].flags
    assert "file_mb (c.DLLimits, nbgrader_config.py) allows 1 MB" in flag


def test_a_corrected_release_is_another_basis(small: Path) -> None:
    def basis() -> str:
        return NativeGrader(load_nbgrader_course(small), ASSIGNMENT).basis()

    before = basis()
    generate_assignment(small, ASSIGNMENT)
    assert basis() == before
    (small / "source" / ASSIGNMENT / "data.bin").write_bytes(b"2")
    assert basis() != before
    (small / "source" / ASSIGNMENT / "data.bin").unlink()
    source = small / "source" / ASSIGNMENT / "second.ipynb"
    source.write_text(source.read_text().replace("== 3", "== 4"))
    generate_assignment(small, ASSIGNMENT)
    assert basis() != before


def test_what_was_graded_on_another_release_is_graded_again(small: Path) -> None:
    grade_here(small)
    source = small / "source" / ASSIGNMENT / "second.ipynb"
    source.write_text(source.read_text().replace("== 3", "== 4"))
    generate_assignment(small, ASSIGNMENT)
    course = load_nbgrader_course(small)
    grader = NativeGrader(course, ASSIGNMENT)
    with Marks(course.db_url) as marks:
        left = grader.to_do(marks, grader.submissions(), "quick")
    assert left.submissions == left.stale == tuple(grader.submissions())


def test_a_mark_for_an_answer_that_was_deleted_is_history_and_waits_for_nobody(small: Path) -> None:
    grade_here(small)
    first = solved(small)
    first.cells.remove(cells(first, "m-text")[0])
    nbformat.write(first, small / "submitted" / "ada" / ASSIGNMENT / "first.ipynb")
    with gradebook(small) as book:
        book.find_grade("m-text", "first", ASSIGNMENT, "ada").manual_score = 0.5
        book.db.commit()
    grade_here(small)
    with gradebook(small) as book:
        grade = book.find_grade("m-text", "first", ASSIGNMENT, "ada")
        assert (grade.score, grade.needs_manual_grade) == (0.0, False)
    with Marks(load_nbgrader_course(small).db_url) as marks:
        (record,) = marks.records(ASSIGNMENT)
    assert [change.new for change in record.history] == [0.5]


def test_feedback_is_a_page_a_notebook(ours: Graded) -> None:
    done = command(ours.root, "feedback", ASSIGNMENT)
    graded = len(list((ours.root / "autograded").glob(f"*/{ASSIGNMENT}/*.ipynb")))
    assert f"{graded} pages" in done.stdout, done.stderr
    page = ours.root / "feedback" / "ada" / ASSIGNMENT / "second.html"
    assert "t-count" in page.read_text()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["report", "ps9"], "nothing of ps9 is graded"),
        (["release", ASSIGNMENT], f"`nbgrader generate_assignment {ASSIGNMENT}`"),
        *(
            pytest.param(*case, marks=pytest.mark.heavy)
            for case in [
                (["feedback", "ps9"], "nothing of ps9 is graded"),
                (["grade", "ps9"], "put each student's files into submitted/ID/ps9"),
                (["collect", ASSIGNMENT, "submitted"], f"into submitted/ID/{ASSIGNMENT}"),
                (["run", ASSIGNMENT], f"hand in source/{ASSIGNMENT}"),
                (["build", ASSIGNMENT], "`nbgrader generate_assignment"),
                (["publish", "bundle"], "`nbgrader release_assignment`"),
                (["check", f"source/{ASSIGNMENT}/first.ipynb"], "`nbgrader validate`"),
            ]
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_does_nothing_here_says_what_does(
    ours: Graded, words: list[str], why: str
) -> None:
    done = command(ours.root, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in " ".join(done.stderr.split())
    assert "course.toml lists" not in done.stderr


def test_evidence_is_not_taken_for_a_plain_notebook(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    source = course.home / "source" / "mini"
    source.mkdir(parents=True)
    nbformat.write(mini.solution(course), source / "mini.ipynb")
    (course.home / "nbgrader_config.py").write_text("c = get_config()\n")
    assert not is_plain(course, "mini")
    with pytest.raises(UserError, match="run the command from the folder"):
        is_plain(load_nbgrader_course(course.home), "mini")


def test_a_plain_assignment_of_a_course_of_ours(tmp_path: Path, small: Path) -> None:
    (small / "nbgrader_config.py").write_text("c = get_config()\n")
    toml = mini.COURSE.replace("mini", ASSIGNMENT).replace("roster.csv", "nobody.csv")
    course = tmp_path / "ours"
    shutil.copytree(small, course / "course")
    (course / "course.toml").write_text(toml)
    done = grade(course)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(course / "course")["ada", "t-share"].auto_score == 4


# --- the outputs, as pure functions ----------------------------------------------------------


def a_test(*outputs: NotebookNode, source: str = "f()") -> NotebookNode:
    (cell,) = notebook([("code", "t-share", source)]).cells
    cell.outputs, cell.execution_count = list(outputs), 1
    return cell


def result(value: str) -> NotebookNode:
    return v4.new_output("execute_result", {"text/plain": value})


def stderr(text: str = "hm") -> NotebookNode:
    return v4.new_output("stream", name="stderr", text=text)


def error(name: str = "AssertionError") -> NotebookNode:
    return v4.new_output("error", ename=name, evalue="", traceback=[])


def block(earned: float, available: float) -> NotebookNode:
    data = {MIME: {"earned": earned, "available": available}}
    return v4.new_output("display_data", data)


def as_run(cell: NotebookNode, *problems: Reason) -> NotebookNode:
    """The cell as it is after an execution that gave the outputs it has."""
    whole = v4.new_notebook(cells=[v4.new_markdown_cell(""), cell])
    ran = copy.deepcopy(to_execute(whole))
    ran.cells[2].outputs = cell.outputs
    done, said = executed(whole, Execution(ran, 0.0, 0.0, problems), "es")
    assert len(said) == len(problems)
    return done.cells[1]


@pytest.mark.parametrize(
    ("outputs", "marks"),
    [
        ([block(2, 2), block(1, 1), block(0, 1), error()], 3),
        ([block(2, 2), block(9, 9), block(0, 1), error()], 4),
        ([block(2, 2), stderr(), block(0, 1), error()], 2),
        ([block(0, 2), error()], 0),
        ([block(2, 2), stderr()], 4),
        ([block(2, 2), stderr(), result("1.5")], 1.5),
        ([stderr()], 0),
        ([result("1.5"), stderr()], 1.5),
        ([stderr(), result("1.5")], 0),
        ([], 4),
    ],
)
def test_marks_of_outputs(outputs: list[NotebookNode], marks: float) -> None:
    assert (
        determine_grade(as_marked(a_test(*outputs, source="with marks(2):\n    f()")))[0] == marks
    )


def test_blocks_that_only_the_submission_displays_do_not_count() -> None:
    forged = [block(4, 4), stderr(), error()]
    assert determine_grade(as_marked(a_test(*forged)))[0] == 0
    assert determine_grade(as_marked(a_test(*forged[:2])))[0] == 0


@pytest.mark.parametrize(
    "trouble",
    [
        Reason("run.overflow", {"cell": 3}),
        Reason("run.slow", {"cell": 3, "seconds": "2"}),
        Reason("run.died", {"cell": 3, "cause": Reason("cause.closed"), "rest": ""}),
    ],
    ids=lambda trouble: trouble.key,
)
def test_a_test_whose_outputs_may_not_be_all_there_earns_nothing(trouble: Reason) -> None:
    assert determine_grade(as_run(a_test()))[0] == 4
    done = as_run(a_test(), trouble)
    assert determine_grade(as_marked(done))[0] == 0
    assert done.outputs[0].evalue == trouble.text("es").replace(
        "celda 3", "celda 2"
    )  # without ours


def test_a_test_that_was_not_run_earns_nothing() -> None:
    cell = a_test()
    cell.execution_count = None
    assert determine_grade(as_run(cell))[0] == 0
    cell.source = " "  # nobody runs that
    assert determine_grade(as_run(cell))[0] == 4


@pytest.mark.parametrize("value", ["5", "inf"])
def test_a_value_that_nbgrader_chokes_on_earns_nothing(value: str) -> None:
    with pytest.raises(ValueError, match="greater"):
        determine_grade(a_test(result(value)))
    assert determine_grade(as_run(a_test(result(value))))[0] == 0


def test_a_result_without_a_text_earns_nothing() -> None:
    image = v4.new_output("execute_result", {"image/png": ""})
    assert determine_grade(as_run(a_test(image)))[0] == 0


@pytest.mark.parametrize(
    "value", ["nan", "-inf", "inf", "-1000", "1e308", "1_0", "٤", "4.5", "'great'", "x" * 10**5, ""]
)
def test_a_value_that_is_no_mark_is_flagged_and_no_mark_leaves_the_scale(value: str) -> None:
    done = as_run(a_test(result(value)))
    assert 0 <= determine_grade(as_marked(done))[0] <= 4
    (flag,) = no_marks("first", v4.new_notebook(cells=[done]))
    assert flag.key == "plain.no_mark"
    assert flag.values["cells"].startswith("t-share = ")
    assert len(flag.text("en")) < 300


def test_many_values_that_are_no_marks_are_one_flag() -> None:
    done = v4.new_notebook()
    done.cells = [as_run(a_test(result("True"))) for _ in range(20)]
    (flag,) = no_marks("first", done)
    assert flag.values["cells"].count("t-share") == 5
    assert flag.values["cells"].endswith("…")


@pytest.mark.parametrize(
    "outputs",
    [[], [result("0")], [result("2.5")], [result("4.0")], [result("1e-05")], [stderr()], [error()]],
)
def test_what_nbgraders_rules_were_made_for_is_not_flagged(outputs: list[NotebookNode]) -> None:
    assert no_marks("first", v4.new_notebook(cells=[as_run(a_test(*outputs))])) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MemoryError", ""),
        ("_ArrayMemoryError", "Unable to allocate 2.4 GiB"),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
        ("OSError", "[Errno 28] No space left on device"),
        ("OSError", "[Errno 27] File too large"),
    ],
)
def test_a_limit_that_was_met_is_named_with_its_place(name: str, value: str) -> None:
    cell = v4.new_code_cell("x")
    cell.outputs = [v4.new_output("error", ename=name, evalue=value, traceback=[])]
    whole = v4.new_notebook(cells=[v4.new_markdown_cell(""), cell, a_test(error())])
    (flag,) = limits_met("first", whole, (), Limits(memory_mb=7, file_mb=7, place="here"))
    limit = "file_mb" if name == "OSError" else "memory_mb"
    assert f"cell 2 of first.ipynb met the limit {limit} (here), 7 MB" in flag.text("en")


def test_a_kernel_killed_for_its_memory_names_the_limit_too() -> None:
    killed = Reason("run.killed", {"cell": 1, "cause": Reason("cause.memory"), "rest": ""})
    (flag,) = limits_met("first", v4.new_notebook(cells=[a_test()]), [killed], Limits())
    assert flag.values["limit"] == "memory_mb"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_copies_the_last_counts_that_was_worked_on(order: tuple[int, ...]) -> None:
    (blank,) = notebook([("markdown", "m-text", "Write here.")]).cells
    about = dict(blank.metadata.nbgrader, cell_type="markdown")
    about["checksum"] = compute_checksum(blank)
    copies = [blank, NotebookNode(blank, source="Mine."), NotebookNode(blank, source="Write here.")]
    whole = v4.new_notebook()
    whole.cells = [NotebookNode(copies[number], id=str(number)) for number in order]
    kept = as_released(whole, {"m-text": about})
    assert [cell.source for cell in kept.cells if "nbgrader" in cell.metadata] == ["Mine."]
    assert [cell.source for cell in kept.cells] == [cell.source for cell in whole.cells]
    assert [flag.key for flag in flags("first", whole, {"m-text": about})] == ["plain.repeated"]


def test_a_kernel_that_could_not_be_prepared_is_no_fault_of_the_submission() -> None:
    whole = v4.new_notebook(cells=[a_test()])
    ran = to_execute(whole)
    ran.cells[0].outputs = [error("ModuleNotFoundError")]
    with pytest.raises(RuntimeError, match="not prepared: ModuleNotFoundError"):
        executed(whole, Execution(ran, 0.0, 0.0, ()), "es")


def test_tests_are_run_whatever_their_tags_say() -> None:
    cell = a_test()
    own = v4.new_code_cell("g()")
    cell.metadata.tags = own.metadata.tags = ["skip-execution"]
    sources = [c.source for c in to_execute(v4.new_notebook(cells=[own, cell])).cells]
    assert sources[1:] == ["", "f()"]
    assert own.source == "g()"


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, StandIns()])


@pytest.mark.usefixtures("stand_ins")
def test_older_libraries_are_found_by_their_names() -> None:
    assert import_module("jhwutils.tick") is import_module("grading.compat.tick")
    assert import_module("lautils.gradeutils") is import_module("grading.compat.gradeutils")
    for missing in ("jhwutils.other", "lautils.tick", "jhwutils.tick.deeper"):
        with pytest.raises(ModuleNotFoundError):
            import_module(missing)


@pytest.mark.usefixtures("stand_ins")
def test_the_real_library_is_taken_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jhwutils").mkdir()
    (tmp_path / "jhwutils" / "tick.py").write_text("real = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert import_module("jhwutils.tick").real
    assert import_module("jhwutils.checkarr") is import_module("grading.compat.checkarr")
