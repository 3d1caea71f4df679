"""Who has an answer open, so that two people do not read the same one; it lapses by itself."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from grading.gradebook.changes import AnySession
from grading.gradebook.marking import leases
from grading.marking.answers import Answer

LASTS = timedelta(minutes=5)


def opened(session: AnySession, answer: Answer, who: str, now: datetime) -> str:
    """Open an answer, closing what this person had open; return who has it, if somebody else."""
    mine = (leases.c.lab == answer.lab, leases.c.cell == answer.cell)
    held = by_others(session, answer.lab, answer.cell, who, now)
    session.execute(sa.delete(leases).where((leases.c.who == who) | (leases.c.until < _iso(now))))
    if other := held.get(answer.student):
        return other
    session.execute(sa.delete(leases).where(*mine, leases.c.student == answer.student))
    place = {"lab": answer.lab, "cell": answer.cell, "student": answer.student}
    session.execute(sa.insert(leases).values(**place, who=who, until=_iso(now + LASTS)))
    return ""


def close(session: AnySession, who: str) -> None:
    """Close what a person had open."""
    session.execute(sa.delete(leases).where(leases.c.who == who))


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
