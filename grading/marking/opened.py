"""Who has an answer open, so that two people do not read the same one; it lapses by itself."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from grading.gradebook.changes import AnySession
from grading.gradebook.marking import leases
from grading.marking.answers import Answer

LASTS = timedelta(minutes=5)


def opened(session: AnySession, answer: Answer, coming: str, who: str, now: datetime) -> str:
    """Open an answer, closing what this person had open; return who has it, if somebody else.

    Parameters
    ----------
    session
        In a transaction in which nobody else writes.
    answer : Answer
    coming : str
        The student whose answer this person is shown next, and nobody else; empty if none waits.
    who : str
    now : datetime
    """
    held = by_others(session, answer.lab, answer.cell, who, now)
    session.execute(sa.delete(leases).where((leases.c.who == who) | (leases.c.until < _iso(now))))
    mine = [one for one in (answer.student, coming) if one and one not in held]
    if mine:
        place = {"lab": answer.lab, "cell": answer.cell, "who": who, "until": _iso(now + LASTS)}
        session.execute(sa.insert(leases), [{"student": one, **place} for one in mine])
    return held.get(answer.student, "")


def close(session: AnySession, answer: Answer, who: str) -> None:
    """Close an answer; what this person is shown next stays kept."""
    session.execute(
        sa.delete(leases).where(
            leases.c.lab == answer.lab,
            leases.c.cell == answer.cell,
            leases.c.student == answer.student,
            leases.c.who == who,
        )
    )


def coming(session: AnySession, answer: Answer, who: str, now: datetime) -> str | None:
    """Return the student whose answer to a question a person was to be shown after this one."""
    query = sa.select(leases.c.student).where(
        leases.c.lab == answer.lab,
        leases.c.cell == answer.cell,
        leases.c.student != answer.student,
        leases.c.who == who,
        leases.c.until >= _iso(now),
    )
    return session.scalar(query)


def by_others(session: AnySession, lab: str, cell: str, who: str, now: datetime) -> dict[str, str]:
    """Return what others have open of a question, by student."""
    query = sa.select(leases.c.student, leases.c.who).where(
        leases.c.lab == lab,
        leases.c.cell == cell,
        leases.c.who != who,
        leases.c.until >= _iso(now),
    )
    return {student: other for student, other in session.execute(query)}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
