"""The whole loop on a small lab: release, collect, grade, gradebook, nbgrader's own commands."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from grading.authoring import building
from grading.course.config import Course
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.gradebook import release as releasing
from grading.gradebook.database import begin_writing
from grading.gradebook.marks import KEPT, Marks
from grading.gradebook.nbgrader_plugin import nbgrader_api
from grading.judging.annotate import annotated
from grading.judging.assess import Assessment, Terms, assess, prepare
from grading.judging.results import CheckMark, Result, result_of
from tests import mini
from tests.command import command
from tests.engines import skip_without_sandbox
from tests.gradebook.totals import totals
from tests.twins import in_every_language

pytestmark = pytest.mark.kernels

any_gradebook = pytest.mark.parametrize("new_gradebook", ["sqlite"], indirect=True)
nightly_on_a_server = pytest.mark.parametrize(
    "new_gradebook",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.heavy)],
    indirect=True,
)
WRONG_DOUBLE = "def double(x):\n    return 3 * np.asarray(x)\n"


@dataclass
class Graded:
    course: Course
    grade: subprocess.CompletedProcess[str]
    marks: dict[str, float]
    data: dict[str, object]

    @property
    def url(self) -> str:
        return self.course.db_url


def hand_in(course: Course, student: str, answers: dict[str, str], sign: bool = True) -> None:
    path = course.root / "handed_in" / student / "hand_in.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(mini.answered(course, answers, student if sign else ""), path)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, new_gradebook: Callable[[], str]) -> Graded:
    """Return a course with three submissions: right, half right, and one that loops.

    Only the release is told where its gradebook is.
    """
    skip_without_sandbox()
    course = mini.make_course(tmp_path_factory.mktemp("course"))
    right = mini.solved(course)
    hand_in(course, "ada", right)
    hand_in(course, "bob", right | {"double": WRONG_DOUBLE, "why": "Since I say so."})
    hand_in(course, "cyd", right | {"slope": "def fit_slope(x, y):\n    while True:\n        pass"})
    settings = (course.root / "course.toml").read_text()
    (course.root / "course.toml").write_text(settings.replace("= 10", "= 3"))
    for step in (["release", "mini", "--db", new_gradebook()], ["collect", "mini", "handed_in"]):
        done = command(course.root, *step)
        assert done.returncode == 0, done.stderr
    result = command(course.root, "grade", "mini", "--json", "marks.json")
    data = json.loads((course.root / "marks.json").read_text())
    marks = {item["student"]: item["score"] for item in data["submissions"]}
    return Graded(course, result, marks, data)


def test_each_submission_gets_the_marks_that_its_work_deserves(graded: Graded) -> None:
    assert graded.marks == {"ada": 9.0, "bob": 4.0, "cyd": 5.0}


def test_grade_exits_with_1_when_a_submission_needs_attention(graded: Graded) -> None:
    assert graded.grade.returncode == 1, graded.grade.stderr
    status = {item["student"]: item["status"] for item in graded.data["submissions"]}
    assert status == {"ada": "graded", "bob": "graded", "cyd": "needs attention"}


def test_a_pipe_gets_lines_of_progress_and_no_bar(graded: Graded) -> None:
    last = graded.grade.stderr.splitlines()[-1]
    assert last.startswith("mini: 3/3 done, 0 failed")
    assert all(char.isprintable() or char == "\n" for char in graded.grade.stderr)


@any_gradebook
def test_only_the_students_named_are_graded(graded: Graded) -> None:
    done = command(graded.course.root, "grade", "mini", "--student", "ADA", "--student", "bob")
    assert "mini: 2/2 done" in done.stderr
    done = command(graded.course.root, "grade", "mini", "--student", "ad")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == "error: nothing of mini was collected from 'ad'; did you mean ada?"


def test_a_gradebook_that_somebody_holds_stops_the_run_with_one_line(
    graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.gradebook.database.LOCK_SECONDS", 1)
    with Marks(graded.url) as holder:
        begin_writing(holder._db)
        done = command(graded.course.root, "grade", "mini", "--student", "ada")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: cannot use the gradebook {graded.url}: ")
    assert line.endswith("(another program has it open: end that, or wait for it); " + KEPT)
    assert command(graded.course.root, "grade", "mini", "--resume").returncode == 1


def test_json_has_the_designs_schema(graded: Graded) -> None:
    assert set(graded.data) == {"lab", "submissions"}
    for submission in graded.data["submissions"]:
        assert set(submission) == {
            "student", "score", "max_score", "status", "flags", "seconds", "checks",
        }  # fmt: skip
        for check in submission["checks"]:
            assert set(check) == {"cell", "label", "title", "marks", "max", "reason"}
            assert check["title"] == check["label"]
            assert bool(check["reason"]) == (check["marks"] < check["max"])


def test_scores_are_in_nbgraders_gradebook_and_questions_wait(graded: Graded) -> None:
    gradebook = Gradebook(graded.url)
    found = {
        item.student_id: (item.score, item.needs_manual_grade)
        for item in gradebook.assignment_submissions("mini")
    }
    gradebook.close()
    assert found == {"ada": (9.0, True), "bob": (4.0, True), "cyd": (5.0, True)}


def test_partial_marks_are_kept_for_each_check_cell(graded: Graded) -> None:
    gradebook = Gradebook(graded.url)
    grade = gradebook.find_grade("check-double", "mini", "mini", "bob")
    assert grade.auto_score == 0.0
    assert gradebook.find_grade("check-slope", "mini", "mini", "bob").auto_score == 4.0
    gradebook.close()


@nightly_on_a_server
def test_nbgraders_own_autograde_gives_the_same_marks(graded: Graded) -> None:
    gradebook = Gradebook(graded.url)
    before = {item.student_id: item.score for item in gradebook.assignment_submissions("mini")}
    gradebook.find_grade("check-double", "mini", "mini", "ada").auto_score = 0.0
    gradebook.db.commit()
    gradebook.close()
    for student in before:
        outcome = nbgrader_api(graded.course.home, graded.url).autograde("mini", student)
        assert outcome["success"], outcome
    gradebook = Gradebook(graded.url)
    after = {item.student_id: item.score for item in gradebook.assignment_submissions("mini")}
    gradebook.close()
    assert after == before


def test_formgraders_lists_are_those_of_the_class(graded: Graded) -> None:
    api = nbgrader_api(graded.course.home, graded.url)
    (lab,) = api.get_assignments()
    assert (lab["name"], lab["num_submissions"]) == ("mini", 3)
    assert {item["student"] for item in api.get_submissions("mini")} == {"ada", "bob", "cyd"}
    assert {item["id"] for item in api.get_students()} >= {"ada", "bob", "cyd"}
    assert len(api.get_notebook_submissions("mini", "mini")) == 3
    assert [item["name"] for item in api.get_student_submissions("bob")] == ["mini"]


def test_a_persons_marks_survive_grading_again(graded: Graded) -> None:
    gradebook = Gradebook(graded.url)
    gradebook.find_grade("why", "mini", "mini", "bob").manual_score = 1.5
    gradebook.db.commit()
    gradebook.close()
    with Marks(graded.url) as marks:
        stored = marks.result("mini", "bob")
        assert stored is not None
        marks.save(stored)
        assert totals(marks, "mini")["bob"] == (5.5, 11.0, False)


def test_a_failing_save_leaves_the_gradebook_as_it_was(
    graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Marks(graded.url) as marks:
        before = marks.result("mini", "ada")
        assert before is not None
        monkeypatch.setattr("grading.gradebook.stored.json.dumps", _fail)
        with pytest.raises(RuntimeError):
            marks.save(Result("ada", "mini", 0.0, 9.0, "graded"))
        monkeypatch.undo()
        assert marks.result("mini", "ada") == before
        assert totals(marks, "mini")["ada"][0] == 9.0


def _fail(*arguments: object, **options: object) -> str:
    raise RuntimeError("disk full")


@nightly_on_a_server
def test_feedback_shows_the_reason_and_no_answer(graded: Graded) -> None:
    done = command(graded.course.root, "feedback", "mini")
    assert done.returncode == 0, done.stderr
    page = (graded.course.home / "feedback" / "bob" / "mini" / "mini.html").read_text()
    assert "values differ" in page
    assert "return 2 * np.asarray(x)" not in page


@nightly_on_a_server
def test_a_blank_question_earns_0_without_waiting(graded: Graded) -> None:
    answers = mini.solved(graded.course)
    del answers["why"]
    hand_in(graded.course, "ada", answers)
    assert command(graded.course.root, "collect", "mini", "handed_in").returncode == 0
    command(graded.course.root, "grade", "mini", "--resume")
    with Marks(graded.url) as marks:
        assert totals(marks, "mini")["ada"] == (9.0, 11.0, False)


def test_resume_grades_only_what_is_new(graded: Graded) -> None:
    done = command(graded.course.root, "grade", "mini", "--resume")
    assert "0 submissions are left" in done.stdout


@any_gradebook
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["grade", "nolab"], "nolab"),
        (["report", "nolab"], "there is no lab"),
        (["release", "nolab"], "there is no lab"),
        (["collect", "mini", "no-such-path"], "no-such-path"),
        (["grade", "mini", "--profile", "fast"], "expected one of full, quick"),
        (["export", "mini", "--to", "pdf"], "pdf"),
        (["check", "no-such-notebook.ipynb"], "cannot read"),
        (["grade", "mini", "--db", "nonsense://x"], "nonsense"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    graded: Graded, arguments: list[str], expected: str
) -> None:
    done = command(graded.course.root, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_outside_a_course_the_message_says_where_to_go(tmp_path: Path) -> None:
    done = command(tmp_path, "report", "mini")
    assert done.returncode == 2
    assert "no course.toml" in done.stderr


@any_gradebook
def test_check_shows_a_student_their_ticks(graded: Graded, tmp_path: Path) -> None:
    built = command(graded.course.root, "build", "mini", "--profile", "quick")
    assert built.returncode == 0, built.stderr
    path = tmp_path / "mine.ipynb"
    answers = mini.solved(graded.course) | {"double": WRONG_DOUBLE, "why": "*Your answer here*"}
    nbformat.write(mini.answered(graded.course, answers), path)
    done = command(graded.course.root, "check", str(path), "--profile", "quick")
    assert done.returncode == 1
    assert "✗ double on vectors: 0 of 3 marks" in done.stdout
    assert "✓ unseen points: 4 of 4 marks" in done.stdout
    assert "4/9" in done.stdout
    assert "· Your id: fill in STUDENT_1" in done.stdout
    assert "· Questions without an answer: 1." in done.stdout


@any_gradebook
def test_a_release_that_nbgrader_refuses_leaves_the_old_one(
    graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = graded.course.home / "release" / "mini" / "mini.ipynb"
    before = path.read_bytes()

    class Refusing:
        def generate_assignment(self, lab: str, force: bool) -> dict[str, object]:
            shutil.rmtree(path.parent)
            return {"success": False, "log": "RuntimeError: no\n"}

    monkeypatch.setattr(releasing, "nbgrader_api", lambda *_: Refusing())
    with pytest.raises(UserError, match="RuntimeError: no"):
        releasing.release(graded.course, "mini", graded.url)
    assert path.read_bytes() == before


def test_no_answer_reaches_the_students_process(tmp_path: Path) -> None:
    """The hidden truth, tolerances and limits are not in what a submission's kernel gets."""
    course = mini.make_course(tmp_path)
    spy = (
        "def fit_slope(x, y):\n"
        "    import json, os, pathlib\n"
        "    name = os.environ['DL_HIDDEN_INPUTS']\n"
        "    print(sorted(os.environ), json.loads(pathlib.Path(name).read_text()))\n"
        "    return 3.0\n"
    )

    async def run() -> str:
        async with Engine(course.limits, sandbox=False) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            submission = mini.answered(course, mini.solved(course) | {"slope": spy})
            assessment = await assess(engine, terms, mini.blank(course), submission)
        return "".join(
            output.text
            for cell in assessment.notebook.cells
            for output in cell.get("outputs", [])
            if output.output_type == "stream"
        )

    seen = asyncio.run(run())
    assert "'unseen points'" in seen
    assert "DL_HIDDEN_SEED" not in seen
    for word in ("truth", "baseline", "tol", "marks"):
        assert f"'{word}'" not in seen  # as a key: arrays are base64, in which any word may be


def test_marks_do_not_change_with_the_seed(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    answers = mini.solved(course) | {"double": WRONG_DOUBLE}

    async def run() -> list[float]:
        scores = []
        async with Engine(course.limits, sandbox=False) as engine:
            for _ in range(2):
                terms = await prepare(engine, mini.solution(course), "quick")
                done = await assess(
                    engine, terms, mini.blank(course), mini.answered(course, answers)
                )
                scores.append(done.judgement.score)
        return scores

    assert asyncio.run(run()) == [4.0, 4.0]


def test_database_that_nobody_released_into_is_refused(tmp_path: Path) -> None:
    with (
        Marks(f"sqlite:///{tmp_path / 'new.db'}") as marks,
        pytest.raises(Exception, match="run `python -m grading release mini`"),
    ):
        marks.save(Result("ada", "mini", 1.0, 2.0, "graded"))


def test_a_result_stored_before_checks_had_titles_is_read(tmp_path: Path) -> None:
    check = {"cell": "c", "label": "size", "marks": 1.0, "max": 2.0, "reason": "wrong"}
    stored = {"student": "ada", "lab": "mini", "score": 1.0, "max_score": 2.0, "status": "graded"}
    text = json.dumps(stored | {"checks": [check]})
    with Marks(f"sqlite:///{tmp_path / 'new.db'}") as marks:
        connection = sqlite3.connect(tmp_path / "new.db")
        connection.execute("INSERT INTO dl_result VALUES ('mini', 'ada', ?)", (text,))
        connection.commit()
        connection.close()
        found = marks.result("mini", "ada")
    assert found is not None
    assert found.checks == [CheckMark("c", "size", 1.0, 2.0, "wrong", "size")]


def test_labels_by_language_go_from_the_solution_to_keys_and_results(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    source = course.root / "notebooks" / "source" / "mini.py"
    titled = in_every_language('{"es": "puntos no vistos", "en": "unseen points"}')
    source.write_text(source.read_text().replace('"unseen points"', titled))
    lab = building.read_lab(course, "mini")

    async def run() -> tuple[Terms, Assessment]:
        async with Engine(course.limits, sandbox=False) as engine:
            terms = await building.run_solution(engine, course, lab, "quick")
            submission = mini.answered(course, mini.solved(course) | {"slope": "fit_slope = None"})
            return terms, await assess(engine, terms, mini.blank(course), submission)

    terms, assessment = asyncio.run(run())
    keys = building.updated_keys(course, lab, {"quick": terms}, {"quick": 1.0})
    assert [check.title.get("es") for check in keys.checks] == [None, None, "puntos no vistos"]
    assert "unseen points" in keys.profiles["quick"]
    assert building.marks_against_keys(terms, keys)[2].title.text("es") == "puntos no vistos"
    for lang, title in (("es", "puntos no vistos"), ("en", "unseen points")):
        result = result_of(assessment, mini.blank(course), "ada", "mini", b"", lang)
        lost = result.to_json()["checks"][2]
        assert (lost["label"], lost["title"], lost["marks"]) == ("unseen points", title, 0.0)
        shown = annotated(assessment.notebook, assessment.judgement, lang)
        assert f"✗ {title}: 0 " in str(shown.cells)


def test_what_cannot_be_read_and_how_it_was_run_is_stored_in_the_courses_language(
    tmp_path: Path,
) -> None:
    course = mini.make_course(tmp_path)
    settings = tmp_path / "course.toml"
    settings.write_text(settings.read_text().replace('language = "en"', 'language = "es"'))
    assert command(tmp_path, "release", "mini").returncode == 0
    path = course.home / "submitted" / "ada" / "mini" / "mini.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("[]")
    command(tmp_path, "grade", "mini", "--no-sandbox")
    with Marks(f"sqlite:///{course.home / 'gradebook.db'}") as marks:
        (stored,) = marks.results("mini")
    assert stored.flags == ["no es un cuaderno: es JSON, pero sin una lista de celdas"]
    assert stored.notes[0].startswith("sin aislamiento: una entrega puede leer")


@any_gradebook
def test_the_gradebook_file_is_sqlite_in_wal_mode(graded: Graded) -> None:
    connection = sqlite3.connect(graded.url.removeprefix("sqlite:///"))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_the_check_of_a_built_course_finds_what_was_changed(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    assert command(course.root, "build", "--profile", "quick").returncode == 0
    assert command(course.root, "build", "--check").returncode == 0
    built = course.root / "notebooks" / "en" / "mini.ipynb"
    built.write_text(built.read_text().replace("A little", "Some"))
    done = command(course.root, "build", "--check")
    assert done.returncode == 2
    assert "notebooks/en/mini.ipynb is not what its source builds" in done.stderr.replace("\n", " ")
