"""The queue: who comes first, who holds what, and what becomes of a lapsed lease."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from grading.judging.results import GRADED, CheckMark, Result
from grading.service import queue
from grading.service.database import Database, stamp

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.kernels  # for the server that some of it starts


@pytest.fixture(scope="module")
def opened(new_gradebook: Callable[[], str]) -> Iterator[Database]:
    database = Database(new_gradebook())
    yield database
    database.close()


@pytest.fixture
def database(opened: Database) -> Database:
    with opened.writing() as session:
        session.execute(queue.table.delete())
    return opened


def handed_in(
    student: str,
    attempt: int = 1,
    *,
    lab: str = "mini",
    minute: float = 0.0,
    due: datetime | None = None,
    state: str = queue.QUEUED,
) -> queue.HandIn:
    received = NOON + minute * MINUTE
    sha256 = f"{student}-{attempt}"
    about = (queue.new_id(), lab, student, (student,), attempt, sha256, received, due)
    return queue.HandIn(*about, state=state)


def put(database: Database, *handins: queue.HandIn) -> None:
    with database.writing() as session:
        for handin in handins:
            queue.enqueue(session, handin)


def lease(
    session: Session, worker: str = "w1", at: datetime = NOON, most: int = 1
) -> list[queue.HandIn]:
    return queue.lease(session, worker, at, at + MINUTE, most)


def leased(database: Database, **how: object) -> list[str]:
    with database.writing() as session:
        return sorted(one.sha256 for one in lease(session, **how))  # type: ignore[arg-type]


def earned(student: str, score: float = 3.0) -> Result:
    return Result(student, "mini", score, 9.0, GRADED, checks=[CheckMark("c", "l", score, 9.0, "")])


def of(database: Database, handin: queue.HandIn) -> queue.HandIn:
    with database.reading() as session:
        found = queue.by_id(session, handin.id)
    assert found is not None
    return found


def test_a_hand_in_comes_back_as_it_was_put_in(database: Database) -> None:
    pair = queue.HandIn(
        "x1", "mini", "ñu", ("ñu", "bo"), 2, "ab", NOON + 1.5 * MINUTE, NOON + MINUTE, notice="ø"
    )
    put(database, pair)
    assert of(database, pair) == pair


def test_what_is_due_first_comes_first_then_fewest_attempts_then_the_oldest(
    database: Database,
) -> None:
    put(
        database,
        handed_in("tenth", 10, minute=0),
        handed_in("no-date", 1, minute=0, lab="other"),
        handed_in("late-first", 1, minute=2, due=NOON + 5 * MINUTE),
        handed_in("second", 2, minute=0, due=NOON + 5 * MINUTE),
        handed_in("first", 1, minute=1, due=NOON + 5 * MINUTE),
        handed_in("far", 1, minute=0, due=NOON + 500 * MINUTE, lab="other"),
    )
    order = []
    with database.reading() as session:
        places = {
            one.sha256: queue.place(session, one) for one in queue.in_state(session, queue.QUEUED)
        }
    while found := leased(database):
        order += found
    assert order == ["first-1", "late-first-1", "second-2", "far-1", "no-date-1", "tenth-10"]
    assert [places[name] for name in order] == list(range(6))


def test_a_batch_is_of_one_lab(database: Database) -> None:
    put(database, *(handed_in(f"s{n}", minute=n) for n in range(5)))
    put(database, handed_in("x", lab="other", minute=0.5))
    assert leased(database, most=3) == ["s0-1", "s1-1", "s2-1"]
    assert leased(database, most=3) == ["x-1"]
    assert leased(database, most=3) == ["s3-1", "s4-1"]
    assert leased(database, most=3) == []


def test_what_is_leased_is_nobody_elses_until_the_lease_lapses(database: Database) -> None:
    put(database, handed_in("ada"))
    assert leased(database, worker="w1") == ["ada-1"]
    assert leased(database, worker="w2", at=NOON + 0.9 * MINUTE) == []
    assert leased(database, worker="w2", at=NOON + 1.1 * MINUTE) == ["ada-1"]


def test_a_lease_that_is_renewed_does_not_lapse(database: Database) -> None:
    put(database, handed_in("ada"))
    with database.writing() as session:
        held = lease(session)
        queue.renew(session, held, NOON + 5 * MINUTE)
    assert leased(database, worker="w2", at=NOON + 4 * MINUTE) == []


def test_completing_writes_the_result_once(database: Database) -> None:
    put(database, handed_in("ada"))
    with database.writing() as session:
        (held,) = lease(session)
        assert queue.complete(session, held, earned("ada", 3.0))
        assert not queue.complete(session, held, earned("ada", 9.0))
    done = of(database, held)
    assert (done.state, done.result, done.settled) == (queue.GRADED, earned("ada", 3.0), False)


@pytest.mark.parametrize("second", ["w2", "w1"])
def test_whoever_lost_the_lease_writes_nothing(database: Database, second: str) -> None:
    put(database, handed_in("ada"))
    with database.writing() as session:
        (held,) = lease(session)
        (taken,) = lease(session, second, NOON + 2 * MINUTE)
        assert not queue.complete(session, held, earned("ada", 1.0))
        queue.put_back(session, [held], "no")
        queue.renew(session, [held], NOON + 500 * MINUTE)
    assert of(database, held) == taken
    assert leased(database, worker="w3", at=NOON + 4 * MINUTE) == ["ada-1"]


def test_what_ends_its_worker_again_and_again_is_given_up_and_others_are_not(
    database: Database,
) -> None:
    put(database, handed_in("ada"), handed_in("bob", minute=1))
    at = NOON
    assert leased(database, at=at, most=9) == ["ada-1", "bob-1"]
    for _ in range(1, queue.MOST_TRIES):  # the worker was killed; each is now taken alone
        at += 2 * MINUTE
        assert leased(database, at=at, most=9) == ["ada-1"]
    assert leased(database, at=at + 2 * MINUTE, most=9) == ["bob-1"]
    with database.reading() as session:
        (failed,) = queue.in_state(session, queue.FAILED)
    assert failed.student == "ada" and "3 times" in failed.failure


def test_what_could_not_be_graded_waits_and_nothing_is_counted_against_it(
    database: Database,
) -> None:
    put(database, handed_in("ada"))
    at = NOON
    for _ in range(queue.MOST_TRIES + 2):
        with database.writing() as session:
            (held,) = lease(session, at=at)
            queue.put_back(session, [held], "no solution", stamp(at + 3 * MINUTE))
        assert leased(database, at=at + 2 * MINUTE) == []
        at += 4 * MINUTE
    waits = of(database, held)
    assert (waits.state, waits.tries, waits.failure) == (queue.QUEUED, 0, "no solution")


def test_what_failed_is_queued_again_if_somebody_says_so(database: Database) -> None:
    put(database, failed := handed_in("ada", state=queue.FAILED))
    with database.writing() as session:
        assert queue.again(session, failed.id)
        assert not queue.again(session, failed.id)
    assert leased(database) == ["ada-1"]


def test_a_worker_that_stops_gives_back_what_it_holds(database: Database) -> None:
    put(database, handed_in("ada"), handed_in("bob", minute=1))
    with database.writing() as session:
        held = lease(session, "w1", most=2)
        queue.put_back(session, held[:1])
        queue.release(session, "w1")
        assert [one.tries for one in lease(session, "w2")] == [1]
        assert [one.tries for one in lease(session, "w2")] == [2]


def test_refused_hand_ins_are_kept_and_never_leased(database: Database) -> None:
    put(database, handed_in("ada", 0, state=queue.REFUSED))
    assert leased(database) == []
    with database.reading() as session:
        assert [one.state for one in queue.of_student(session, "ada")] == [queue.REFUSED]


def test_two_workers_at_once_never_hold_the_same(database: Database) -> None:
    many = [handed_in(f"s{n:02}", minute=n) for n in range(40)]
    put(database, *many)

    def take_all(worker: str) -> list[str]:
        taken: list[str] = []
        while found := leased(database, worker=worker, most=3):
            taken += found
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [one for part in pool.map(take_all, "abcd") for one in part]
    assert sorted(taken) == [one.sha256 for one in many]


def test_a_conditional_update_refuses_what_was_taken_between_looking_and_taking(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, handed_in("ada"), handed_in("bob", minute=1))
    changed = queue._changed

    def another_is_first(session: Session, update: sa.Update) -> bool:
        monkeypatch.setattr(queue, "_changed", changed)
        assert [one.student for one in lease(session, "first")] == ["ada"]
        return changed(session, update)

    monkeypatch.setattr(queue, "_changed", another_is_first)
    assert leased(database, worker="second", most=2) == ["bob-1"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=12
    )
)
def test_jobs_leave_in_the_order_of_their_places(jobs: list[tuple[int, int, int]]) -> None:
    engine = sa.create_engine("sqlite://")
    queue.table.metadata.create_all(engine)
    with Session(engine) as session:
        for number, (due, attempt, minute) in enumerate(jobs):
            deadline = NOON + due * MINUTE if due else None
            queue.enqueue(session, handed_in(f"s{number}", attempt, minute=minute, due=deadline))
        waiting = queue.in_state(session, queue.QUEUED)
        expected = sorted(waiting, key=lambda one: queue.place(session, one))
        found = [lease(session)[0].id for _ in jobs]
        assert found == [one.id for one in expected]
    engine.dispose()
