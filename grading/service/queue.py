"""The queue of hand-ins, in the gradebook's database: pure over a session, which its owner commits.

A worker leases jobs for a while and renews the lease while it grades. If it is killed, the lease
lapses and another worker takes the job; what comes from the first one then is not written.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook import stored
from grading.gradebook.handins import authors, table
from grading.judging.results import Result
from grading.service.database import stamp

QUEUED, GRADING, GRADED, FAILED, REFUSED = "queued", "grading", "graded", "failed", "refused"
PUBLISHED = "published"  # what was graded again, and is to count from now on
MOST_TRIES = 3
NO_DATE = "9999"  # sorts behind every time
LAST = f"{NO_DATE}9"  # and behind that: nobody waits for what is graded again
AT_ONCE = ""  # and before it

_ORDER = (table.c.due, table.c.attempt, table.c.received, table.c.id)


@dataclass(frozen=True)
class HandIn:
    """What was handed in, and what became of it.

    Attributes
    ----------
    id, lab : str
    student : str
        Who handed it in.
    students : tuple of str
        Whose work it is, that one first.
    attempt : int
        Counted from 1 for each student and lab; 0 for what was refused.
    sha256 : str
    received : datetime
    due : datetime or None
        When it was due for that student, as it was received.
    state : str
        `QUEUED`, `GRADING`, `GRADED`, `FAILED` (it ended its workers, and an instructor must look)
        or `REFUSED`.
    worker : str
        That has it, or had it last.
    tries : int
        How often it was leased.
    result : Result or None
        What it earned.
    settled : bool
        Whether the gradebook knows of it.
    failure : str
        Why it was refused, or is not graded yet.
    notice : str
        What instructors should look at.
    of : str
        Empty for what was handed in; else the id of the hand-in that this grades again.
    cell : str
        The check that is graded again; empty for all of them.
    """

    id: str
    lab: str
    student: str
    students: tuple[str, ...]
    attempt: int
    sha256: str
    received: datetime
    due: datetime | None
    state: str = QUEUED
    worker: str = ""
    tries: int = 0
    result: Result | None = None
    settled: bool = False
    failure: str = ""
    notice: str = ""
    of: str = ""
    cell: str = ""


def new_id() -> str:
    """Return the id of another hand-in, which nobody can guess."""
    return secrets.token_hex(8)


def enqueue(session: Session, handin: HandIn) -> None:
    """Add a hand-in, to be graded unless it was refused."""
    session.execute(
        sa.insert(table).values(
            id=handin.id,
            lab=handin.lab,
            student=handin.student,
            students=json.dumps(handin.students),
            attempt=handin.attempt,
            sha256=handin.sha256,
            received=stamp(handin.received),
            due=LAST if handin.of else stamp(handin.due) if handin.due else NO_DATE,
            state=handin.state,
            until=AT_ONCE,
            worker="",
            tries=0,
            settled=False,
            failure=handin.failure,
            notice=handin.notice,
            of=handin.of,
            cell=handin.cell,
        )
    )
    if not handin.of:
        rows = [{"student": one, "handin": handin.id} for one in dict.fromkeys(handin.students)]
        session.execute(sa.insert(authors), rows)


def place(session: Session, handin: HandIn) -> int:
    """Return how many jobs are to be leased before this one; 0 if it is not waiting."""
    mine = sa.select(*_ORDER).where(table.c.id == handin.id, table.c.state == QUEUED)
    row = session.execute(mine).one_or_none()
    if row is None:
        return 0
    before = sa.tuple_(*_ORDER) < sa.tuple_(*(sa.literal(value) for value in row))
    query = sa.select(sa.func.count()).where(table.c.state == QUEUED, before)
    return session.scalar(query) or 0


def lease(session: Session, worker: str, now: datetime, until: datetime, most: int) -> list[HandIn]:
    """Take the next jobs, all of one lab, until a time.

    The lab that is due first comes first; in it those of whom least was graded, and of these the
    oldest. What was tried before is taken alone, as it may be what ended the worker.
    """
    _give_up(session, now)
    query = sa.select(table).where(_available(now)).order_by(*_ORDER)
    first = session.execute(query.limit(1)).one_or_none()
    if first is None:
        return []
    rows: Sequence[Any] = [first]
    if not first.tries:
        fresh = query.where(table.c.lab == first.lab, table.c.tries == 0)
        rows = session.execute(fresh.limit(most)).all()
    taken = []
    for row in rows:
        values = {
            "state": GRADING,
            "worker": worker,
            "until": stamp(until),
            "tries": row.tries + 1,
        }
        as_seen = (table.c.id == row.id, table.c.tries == row.tries, _available(now))
        if _changed(session, sa.update(table).where(*as_seen).values(values)):
            taken.append(row.id)
    return _read(session, table.c.id.in_(taken))


def renew(session: Session, leased: Iterable[HandIn], until: datetime) -> None:
    """Keep what is still leased as it was until a later time."""
    for handin in leased:
        session.execute(sa.update(table).where(_held(handin)).values(until=stamp(until)))


def complete(session: Session, handin: HandIn, result: Result) -> bool:
    """Write what a leased hand-in earned; False, and nothing is written, if the lease is lost."""
    about = {"state": GRADED, "result": stored.written(result), "failure": ""}
    values = about | {"settled": bool(handin.of)}
    return _changed(session, sa.update(table).where(_held(handin)).values(values))


def put_back(
    session: Session, leased: Iterable[HandIn], why: str = "", until: str = AT_ONCE
) -> None:
    """Give up leases as if they had never been taken; nobody has the jobs before a time."""
    for handin in leased:
        values = {"state": QUEUED, "until": until, "tries": handin.tries - 1, "failure": why}
        session.execute(sa.update(table).where(_held(handin)).values(values))


def release(session: Session, worker: str) -> None:
    """Let others have what a worker holds that has ended."""
    held = (table.c.state == GRADING, table.c.worker == worker)
    session.execute(sa.update(table).where(*held).values(until=AT_ONCE))


def again(session: Session, id: str) -> bool:
    """Queue a hand-in once more that had failed; False if there is no such one."""
    failed = (table.c.id == id, table.c.state == FAILED)
    values = {"state": QUEUED, "until": AT_ONCE, "tries": 0, "failure": ""}
    return _changed(session, sa.update(table).where(*failed).values(values))


def replace_result(session: Session, id: str, result: Result) -> None:
    """Have a graded hand-in have earned something else, of which the gradebook is to know."""
    values = {"result": stored.written(result), "settled": False}
    session.execute(sa.update(table).where(table.c.id == id).values(values))


def settled(session: Session, ids: Iterable[str]) -> None:
    """Note that the gradebook knows of these."""
    session.execute(sa.update(table).where(table.c.id.in_(list(ids))).values(settled=True))


def unsettled(session: Session) -> list[HandIn]:
    """Return what was graded and the gradebook does not know of yet."""
    return _handed_in(session, table.c.state == GRADED, sa.not_(table.c.settled))


def by_id(session: Session, id: str) -> HandIn | None:
    """Return a hand-in, None if there is no such one."""
    return next(iter(_handed_in(session, table.c.id == id)), None)


def of_student(session: Session, student: str, lab: str | None = None) -> list[HandIn]:
    """Return what a student handed in, of one lab or of all, oldest first."""
    return _handed_in(session, table.c.student == student, *_in(lab))


def of_students(session: Session, lab: str, students: Iterable[str]) -> list[HandIn]:
    """Return the hand-ins of a lab that are the work of any of these, oldest first."""
    theirs = sa.select(authors.c.handin).where(authors.c.student.in_(list(students)))
    return _handed_in(session, table.c.lab == lab, table.c.id.in_(theirs))


def of_lab(session: Session, lab: str) -> list[HandIn]:
    """Return all that was handed in of a lab, oldest first."""
    return _handed_in(session, *_in(lab))


def in_state(session: Session, *states: str) -> list[HandIn]:
    """Return the hand-ins in these states, oldest first."""
    return _handed_in(session, table.c.state.in_(states))


def graded_again(session: Session, *where: sa.ColumnElement[bool]) -> list[HandIn]:
    """Return what grades hand-ins again, as far as it is asked for."""
    return _read(session, table.c.of != "", *where)


def is_waiting(session: Session, now: datetime) -> bool:
    """Whether there is a job to lease."""
    return (
        session.execute(sa.select(table.c.id).where(_available(now)).limit(1)).first() is not None
    )


def waiting(session: Session) -> dict[str, int]:
    """Return how many jobs wait, or are at work, by lab."""
    query = (
        sa.select(table.c.lab, sa.func.count())
        .where(table.c.state.in_((QUEUED, GRADING)))
        .group_by(table.c.lab)
    )
    return {lab: count for lab, count in session.execute(query)}


def handed_in(session: Session) -> dict[str, set[str]]:
    """Return the students who handed in, by lab."""
    found: dict[str, set[str]] = {}
    query = sa.select(table.c.lab, table.c.student).where(table.c.attempt > 0).distinct()
    for lab, student in session.execute(query):
        found.setdefault(lab, set()).add(student)
    return found


def troubled(session: Session) -> list[HandIn]:
    """Return what failed, and what waits because it could not be graded, oldest first."""
    waits = sa.and_(table.c.state == QUEUED, table.c.failure != "")
    return _read(session, sa.or_(table.c.state == FAILED, waits))


def _handed_in(session: Session, *where: sa.ColumnElement[bool]) -> list[HandIn]:
    return _read(session, table.c.of == "", *where)


def _in(lab: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if lab is None else [table.c.lab == lab]


def _available(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.state.in_((QUEUED, GRADING)), table.c.until < stamp(now))


def _held(handin: HandIn) -> sa.ColumnElement[bool]:
    """Return whether a row is still leased as it was when ``handin`` was returned."""
    return sa.and_(
        table.c.id == handin.id,
        table.c.state == GRADING,
        table.c.worker == handin.worker,
        table.c.tries == handin.tries,
    )


def _give_up(session: Session, now: datetime) -> None:
    """Fail what ended its worker again and again."""
    gone = (_available(now), table.c.state == GRADING, table.c.tries >= MOST_TRIES)
    why = f"the worker ended {MOST_TRIES} times while it graded this"
    session.execute(sa.update(table).where(*gone).values(state=FAILED, failure=why))


def _changed(session: Session, update: sa.Update) -> bool:
    return bool(session.execute(update).rowcount)  # type: ignore[attr-defined]


def _read(session: Session, *where: sa.ColumnElement[bool]) -> list[HandIn]:
    rows = session.execute(sa.select(table).where(*where).order_by(table.c.received, table.c.id))
    return [
        HandIn(
            id=row.id,
            lab=row.lab,
            student=row.student,
            students=tuple(json.loads(row.students)),
            attempt=row.attempt,
            sha256=row.sha256,
            received=datetime.fromisoformat(row.received),
            due=None if row.due.startswith(NO_DATE) else datetime.fromisoformat(row.due),
            state=row.state,
            worker=row.worker,
            tries=row.tries,
            result=stored.read(row.result) if row.result else None,
            settled=row.settled,
            failure=row.failure,
            notice=row.notice,
            of=row.of,
            cell=row.cell,
        )
        for row in rows
    ]
