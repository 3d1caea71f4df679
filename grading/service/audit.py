"""Who changed marks, or what students see of them: written down in the transaction that does it.

What people gave by hand stands in `grading.gradebook.changes`; `log` shows both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook import changes
from grading.gradebook.handins import audits
from grading.service.database import stamp

REGRADED, PUBLISHED, WITHDRAWN, GIVEN = "regraded", "published", "withdrawn", "given"


@dataclass(frozen=True)
class Entry:
    """One thing that somebody did; ``who`` and ``student`` may be empty."""

    at: datetime
    who: str
    action: str
    lab: str
    student: str
    old: float | str | None
    new: float | str | None
    what: str = ""
    why: str = ""


def note(
    session: Session,
    now: datetime,
    who: str,
    action: str,
    lab: str,
    student: str = "",
    old: float | None = None,
    new: float | None = None,
) -> None:
    """Write down what somebody did."""
    about = {"lab": lab, "student": student, "old": old, "new": new}
    session.execute(sa.insert(audits).values(at=stamp(now), who=who, action=action, **about))


def log(session: Session, labs: Sequence[str]) -> list[Entry]:
    """Return what was done in these labs, the latest first."""
    entries = [
        Entry(
            datetime.fromisoformat(row.at),
            row.who,
            row.action,
            row.lab,
            row.student,
            row.old,
            row.new,
        )
        for row in session.execute(sa.select(audits).order_by(audits.c.id))
    ]
    for lab in labs:
        entries += [
            Entry(
                one.at, one.who, GIVEN, lab, one.student, one.old, one.new,
                f"{one.cell} ({one.field})", one.why,
            )
            for one in changes.noted(session, lab)
        ]  # fmt: skip
    return sorted(entries, key=lambda one: one.at, reverse=True)
