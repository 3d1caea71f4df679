"""What is handed in is graded, as `grade` does, once, whoever is killed meanwhile."""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grading.collect.submitted import Place
from grading.course.config import Course
from grading.engine.executor import ExecutorLost, RunOptions
from grading.errors import UserError
from grading.gradebook import grade
from grading.gradebook.database import GradebookError
from grading.gradebook.grader import Submission
from grading.gradebook.marks import Marks
from grading.gradebook.release import release
from grading.judging.results import Result
from grading.service import pages, queue, settling, store, worker
from grading.service.queue import HandIn
from grading.service.worker import Bench, Worker
from tests import mini
from tests.command import command
from tests.engines import skip_without_sandbox
from tests.service.handing import Nothing, Service, StandIn, make_course, notebook

pytestmark = pytest.mark.slow

WRONG = "def double(x):\n    return 3 * np.asarray(x)\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = Service(make_course(tmp_path))
    yield made
    made.database.close()


def handins(service: Service) -> list[HandIn]:
    with service.database.reading() as session:
        return queue.of_lab(session, mini.LAB)


def scores(course: Course) -> dict[str, float]:
    with Marks(course.db_url) as marks:
        return {record.student: record.score for record in marks.records(mini.LAB)}


def results(course: Course) -> dict[str, Result]:
    with Marks(course.db_url) as marks:
        return {one.student: one for one in marks.results(mini.LAB)}


# --- the same marks as `grade` ------------------------------------------------------------------


@pytest.mark.kernels
def test_marks_are_those_of_grade_on_the_same_notebooks(tmp_path: Path) -> None:
    skip_without_sandbox()
    service = Service(make_course(tmp_path / "one"))
    other = make_course(tmp_path / "two")
    right = mini.solved(other)
    answers = {
        "ada": right,
        "bob": right | {"double": WRONG},
        "cyd": right | {"slope": "def fit_slope(x, y):\n    raise ValueError('no')"},
    }
    for student, cells in answers.items():
        content = json.dumps(mini.answered(other, cells, student)).encode()
        service.hand_in(student, content)
        path = other.root / "handed_in" / student / "a.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    service.work(Bench(service.course, RunOptions()))
    assert command(other.root, "collect", "mini", "handed_in").returncode == 0
    assert command(other.root, "grade", "mini").returncode == 0
    ours, theirs = results(service.course), results(other)
    for student in answers:
        for field in ("score", "max_score", "status", "submission", "texts", "profile", "basis"):
            assert getattr(ours[student], field) == getattr(theirs[student], field), field
        assert [(one.cell, one.label, one.marks, one.max) for one in ours[student].checks] == [
            (one.cell, one.label, one.marks, one.max) for one in theirs[student].checks
        ]
    assert scores(service.course) == scores(other) == {"ada": 9.0, "bob": 4.0, "cyd": 5.0}
    by_service = (service.course.home / "autograded/bob/mini/mini.ipynb").read_text()
    assert "check-double" in by_service
    page = store.page_path(service.course.home, "bob", "mini", 1).read_text()
    assert "Bob Ross" in page and "double on vectors" in page
    service.database.close()


@pytest.mark.kernels
def test_a_gradebook_on_a_server_is_queue_and_gradebook_alike(
    tmp_path: Path, new_gradebook: Callable[[], str]
) -> None:
    url = new_gradebook()
    course = make_course(tmp_path)
    release(course, mini.LAB, url)
    service = Service(course, url)
    service.hand_in("ada", notebook(course, "ada", "bob", marks=3.0))
    service.hand_in("cyd", marks=4.0)
    service.hand_in("bob", notebook(course, "bob", "ada", marks=6.0))
    service.work()
    with Marks(url) as marks:
        found = {record.student: record.score for record in marks.records(mini.LAB)}
    assert found == {"ada": 6.0, "bob": 6.0, "cyd": 4.0}
    service.database.close()


# --- what counts --------------------------------------------------------------------------------


def test_the_time_of_handing_in_is_the_services(service: Service) -> None:
    at = datetime(2026, 10, 5, 21, 59, 1, 250, tzinfo=UTC)
    service.hand_in("ada", at=at)
    service.work()
    assert Place(service.course.home, "ada", "mini").modified() == at
    with Marks(service.course.db_url) as marks:
        (record,) = marks.records("mini")
    assert record.handed_in == at


@pytest.mark.parametrize(("counts", "stands"), [("last", 4.0), ("best", 7.0)])
def test_the_attempt_that_counts_is_what_stands(tmp_path: Path, counts: str, stands: float) -> None:
    service = Service(make_course(tmp_path, f'\n[service]\ncounts = "{counts}"\n'))
    for score in (5.0, 7.0, 4.0):
        content = notebook(service.course, "ada", marks=score)
        service.hand_in("ada", content)
        service.work()
    assert scores(service.course) == {"ada": stands}
    place = Place(service.course.home, "ada", "mini")
    assert place.content() == notebook(service.course, "ada", marks=stands)
    assert results(service.course)["ada"].score == stands
    earned = [one.result and one.result.score for one in handins(service)]
    assert earned == [5.0, 7.0, 4.0]
    for attempt in (1, 2, 3):
        assert store.page_path(service.course.home, "ada", "mini", attempt).exists()
    service.database.close()


def test_the_best_attempt_is_that_after_lateness(tmp_path: Path) -> None:
    text = '\n[service]\ncounts = "best"\n\n[late]\npolicy = "percent"\npercent = 50\n'
    course = make_course(tmp_path, text, 'due = "2026-10-05 12:00"')
    service = Service(course)
    due = course.lab("mini").due
    assert due is not None
    service.hand_in("ada", marks=5.0, at=due - timedelta(hours=1))
    service.hand_in("ada", marks=8.0, at=due + timedelta(hours=1))
    service.work()
    assert results(course)["ada"].score == 5.0
    service.database.close()


def test_a_pair_has_the_marks_of_what_either_hands_in(service: Service) -> None:
    service.hand_in("ada", notebook(service.course, "ada", "bob", marks=3.0))
    service.work()
    assert scores(service.course) == {"ada": 3.0, "bob": 3.0}
    assert results(service.course)["bob"].team == ["ada", "bob"]
    service.hand_in("bob", notebook(service.course, "bob", "ada", marks=6.0))
    service.work()
    assert scores(service.course) == {"ada": 6.0, "bob": 6.0}
    assert Place(service.course.home, "ada", "mini").shared_with() == "bob"


def test_own_work_counts_before_a_partners(service: Service) -> None:
    service.hand_in("bob", marks=8.0)
    service.hand_in("ada", notebook(service.course, "ada", "bob", marks=3.0))
    service.work()
    assert scores(service.course) == {"ada": 3.0, "bob": 8.0}
    assert results(service.course)["ada"].team == []
    service.hand_in("cyd", notebook(service.course, "cyd", "ada", marks=9.0))
    service.work()
    assert scores(service.course) == {"ada": 3.0, "bob": 8.0, "cyd": 9.0}


def test_what_was_collected_before_is_kept_aside(service: Service) -> None:
    folder = service.course.root / "lms" / "ada"
    folder.mkdir(parents=True)
    (folder / "x.ipynb").write_bytes(content := notebook(service.course, "ada", marks=1.0))
    assert command(service.course.root, "collect", "mini", "lms").returncode == 0
    service.hand_in("ada", marks=2.0)
    service.work()
    service.hand_in("ada", marks=3.0)
    service.work()
    kept = list((service.course.home / "replaced").rglob("*.ipynb"))
    assert [path.read_bytes() for path in kept] == [content]


def test_marks_that_were_graded_again_since_stay(service: Service) -> None:
    service.hand_in("ada", marks=3.0)
    service.work()
    with Marks(service.course.db_url) as marks:
        known = marks.result("mini", "ada")
        assert known is not None
        marks.save(Result(**(vars(known) | {"score": 4.0})))
    service.hand_in("bob", marks=2.0)
    service.work()
    assert results(service.course)["ada"].score == 4.0


# --- trouble ------------------------------------------------------------------------------------


def test_a_solution_that_does_not_run_fails_nobody(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hand_in("ada")

    class Broken(StandIn):
        async def replay(self, *args: object) -> None:
            raise UserError("the solution did not run through: cell 3")

    service.work(Broken(service.course))
    (waits,) = handins(service)
    assert (waits.state, waits.tries) == (queue.QUEUED, 0)
    assert waits.failure == "the solution did not run through: cell 3"
    service.work()
    assert [one.state for one in handins(service)] == [queue.QUEUED], "not before a while"
    monkeypatch.setattr(worker, "datetime", Later)
    service.work()
    (done,) = handins(service)
    assert (done.state, done.failure) == (queue.GRADED, "")


class Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "Later":
        return super().now(tz) + 2 * worker.PAUSE


def test_a_cluster_that_is_lost_gives_nobody_a_mark(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("ada", "bob"):
        service.hand_in(student)
    ended = []

    class Away(Nothing):
        async def __aexit__(self, *error: object) -> None:
            ended.append(self)

    async def prepared(*args: object, **options: object) -> None:
        return None

    async def lost(*args: object) -> None:
        raise ExecutorLost("the scheduler does not answer any more")

    monkeypatch.setattr(worker, "executor_of", lambda *args: Away())
    monkeypatch.setattr(grade, "prepare", prepared)
    monkeypatch.setattr(grade, "assess", lost)
    service.work(Bench(service.course, RunOptions()))
    for waits in handins(service):
        assert (waits.state, waits.tries, waits.result) == (queue.QUEUED, 0, None)
        assert waits.failure == "the scheduler does not answer any more"
    assert len(ended) == 1, "so that the next try connects again"


@pytest.mark.heavy
@pytest.mark.kernels
def test_marks_come_from_a_cluster_and_wait_while_it_is_away(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster:
        on_cluster = RunOptions(sandbox=False, scheduler=cluster.scheduler_address)
        for student in ("ada", "bob"):
            cells = mini.solved(service.course) | ({"double": WRONG} if student == "bob" else {})
            content = json.dumps(mini.answered(service.course, cells, student)).encode()
            service.hand_in(student, content)
        service.work(Bench(service.course, on_cluster))
        assert scores(service.course) == {"ada": 9.0, "bob": 4.0}
    service.hand_in("cyd")
    service.work(Bench(service.course, on_cluster))
    waits = handins(service)[-1]
    assert (waits.student, waits.state, waits.result) == ("cyd", queue.QUEUED, None)
    assert waits.failure.startswith(f"no Dask scheduler answers at {on_cluster.scheduler}")
    monkeypatch.setattr(worker, "datetime", Later)
    service.work(Bench(service.course, RunOptions(sandbox=False)))
    assert scores(service.course).keys() == {"ada", "bob", "cyd"}


def test_a_notebook_that_the_grader_trips_over_costs_its_neighbours_nothing(
    service: Service,
) -> None:
    for student in ("ada", "bob", "cyd"):
        service.hand_in(student)

    def trip(submission: Submission) -> None:
        if submission.students[0] == "bob":
            raise RuntimeError("tripped")

    service.work(StandIn(service.course, trip))
    states = {one.student: (one.state, one.failure) for one in handins(service)}
    assert states["ada"] == (queue.GRADED, "")
    assert states["bob"] == (queue.QUEUED, "RuntimeError: tripped")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), GradebookError("gone")])
def test_a_full_disk_or_a_lost_database_is_tried_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    service.hand_in("ada")
    with monkeypatch.context() as patch:
        patch.setattr(worker, "write_atomically", raising(error))
        service.work()
        (waits,) = handins(service)
        assert (waits.state, waits.result) == (queue.QUEUED, None)
    monkeypatch.setattr(worker, "datetime", Later)
    service.work()
    assert scores(service.course) == {"ada": 9.0}


def test_what_cannot_be_settled_is_settled_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.hand_in("ada")
    with monkeypatch.context() as patch:
        patch.setattr(settling, "keep", raising(OSError(28, "No space left on device")))
        with pytest.raises(OSError, match="No space"):  # after which `run` tries all again
            service.work()
        (done,) = handins(service)
        assert (done.state, done.settled) == (queue.GRADED, False)
    service.work()
    (done,) = handins(service)
    assert done.settled and scores(service.course) == {"ada": 9.0}


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_done(service: Service) -> None:
    for student in ("ada", "bob"):
        service.hand_in(student)
    stop = asyncio.Event()

    def stopped(submission: Submission) -> None:
        if submission.students[0] == "bob":
            stop.set()

    class Slow(StandIn):
        async def replay(self, executor: Any, work: Any, *rest: Any) -> None:
            await super().replay(executor, work[:1], *rest)
            stop.set()
            await asyncio.Event().wait()

    one = Worker(service.course, service.database, "slow", Slow(service.course, stopped))
    asyncio.run(one.run(stop))
    states = {one.student: (one.state, one.tries) for one in handins(service)}
    assert states == {"ada": (queue.GRADED, 1), "bob": (queue.QUEUED, 0)}


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: object, **more: object) -> Any:
        raise error

    return fail


# --- kill -9 ------------------------------------------------------------------------------------

STEPS: list[tuple[Any, str]] = [
    (queue, "lease"),
    (worker, "as_bytes"),
    (worker, "write_atomically"),
    (pages, "write"),
    (queue, "complete"),
    (Place, "write"),
    (settling, "keep"),
    (Marks, "save"),
    (queue, "settled"),
    (queue, "put_back"),
]


def killed_at(owner: Any, name: str, when: str) -> Callable[..., Any]:
    """Return a step that is done or not, and ends this process as kill -9 does."""
    step = getattr(owner, name)

    def die(*args: Any, **more: Any) -> None:
        if when == "after":
            step(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

    return die


def worked_in_a_child(service: Service, owner: Any, name: str, when: str) -> int:
    """Work in a process that is killed at a step; return the signal that ended it."""
    service.database.close()
    child = os.fork()
    if child == 0:
        setattr(owner, name, killed_at(owner, name, when))
        try:
            Service(service.course).work(name="killed")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status)


@pytest.mark.kernels
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a_worker_killed_between_two_steps_loses_nothing_and_grades_nothing_twice(
    service: Service, owner: Any, name: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [service.hand_in("ada", marks=5.0), service.hand_in("ada", marks=4.0)]
    receipts.append(service.hand_in("bob", notebook(service.course, "bob", "cyd", marks=6.0)))
    assert worked_in_a_child(service, owner, name, when) == signal.SIGKILL
    done_before = {one.sha256 for one in handins(service) if one.state == queue.GRADED}
    with service.database.writing() as session:
        queue.release(session, "killed")
    bench = StandIn(service.course)
    service.work(bench, name="next")
    found = {one.id: one for one in handins(service)}
    assert found.keys() == {one.handin.id for one in receipts}
    for receipt in receipts:
        done = found[receipt.handin.id]
        assert (done.state, done.settled) == (queue.GRADED, True)
        assert done.result and done.result.submission == receipt.handin.sha256
    assert sorted(bench.graded) == sorted({one.handin.sha256 for one in receipts} - done_before)
    assert scores(service.course) == {"ada": 4.0, "bob": 6.0, "cyd": 6.0}
    with Marks(service.course.db_url) as marks:
        assert marks.rows_of("ada")["submitted_assignment"] == 1
