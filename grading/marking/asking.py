"""Questions about a mark of an answer or a check: once, within the course's window, answered."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import sqlalchemy as sa

from grading.gradebook.changes import AnySession
from grading.gradebook.marking import requests, shown
from grading.marking.answers import refusal

LONGEST = 2_000  # characters


class Marked(Protocol):
    """What one asks about: an answer, or the checks of an exercise."""

    @property
    def lab(self) -> str:
        """Of which lab."""

    @property
    def cell(self) -> str:
        """Of which cell."""

    @property
    def students(self) -> tuple[str, ...]:
        """Whose it is."""

    @property
    def marks(self) -> float | None:
        """What it has, None while it has nothing yet."""


@dataclass(frozen=True)
class Question:
    """What a student asked about a mark, and what came of it.

    Attributes
    ----------
    cell, student : str
    asked : str
    at : str
        When; a time as ISO 8601 has it.
    reason, who : str
        Empty while nobody answered.
    before, after : float or None
        The marks as it was asked, and as it was answered.
    """

    cell: str
    student: str
    asked: str
    at: str
    reason: str
    who: str
    before: float | None
    after: float | None

    @property
    def is_open(self) -> bool:
        """Whether somebody is still to answer."""
        return not self.who


def show(session: AnySession, lab: str, who: str, now: datetime) -> None:
    """Let students see the marks of a lab's written answers from now on."""
    if shown_since(session, lab) is None:
        values = {"lab": lab, "who": who, "at": now.astimezone(UTC).isoformat()}
        session.execute(sa.insert(shown).values(values))


def shown_since(session: AnySession, lab: str) -> datetime | None:
    """Return since when students see the marks of a lab's written answers, None if they do not."""
    at = session.scalar(sa.select(shown.c.at).where(shown.c.lab == lab))
    return None if at is None else datetime.fromisoformat(at)


def until(session: AnySession, lab: str, days: float) -> datetime | None:
    """Return until when students may ask, None while they see no marks."""
    since = shown_since(session, lab)
    return None if since is None else since + timedelta(days=days)


def questions(session: AnySession, lab: str) -> list[Question]:
    """Return what was asked about the marks of a lab, those that wait first."""
    query = sa.select(requests).where(requests.c.lab == lab)
    rows = session.execute(query.order_by(requests.c.answered, requests.c.at))
    return [
        Question(
            row.cell, row.student, row.asked, row.at, row.reason, row.who, row.before, row.after
        )
        for row in rows
    ]


def ask(
    session: AnySession, about: Marked, student: str, text: str, days: float, now: datetime
) -> None:
    """Ask about a mark.

    Raises
    ------
    NotMarked
        If there is none, it was asked already, it is too late, or nothing is asked.
    """
    end = until(session, about.lab, days)
    if end is None or about.marks is None:
        raise refusal("not_shown")
    if now > end:
        raise refusal("too_late_to_ask")
    if not text.strip() or len(text) > LONGEST:
        raise refusal("nothing_asked", count=LONGEST)
    if any(
        one.cell == about.cell and one.student in about.students
        for one in questions(session, about.lab)
    ):
        raise refusal("asked_already")
    session.execute(
        sa.insert(requests).values(
            lab=about.lab,
            cell=about.cell,
            student=student,
            at=now.astimezone(UTC).isoformat(timespec="seconds"),
            who="",
            answered="",
            asked=text.strip(),
            reason="",
            before=about.marks,
        )
    )


def decide(session: AnySession, about: Marked, reason: str, who: str, now: datetime) -> None:
    """Answer the question about a mark, which stands as it is to be from now on.

    Raises
    ------
    NotMarked
        If none waits, or no reason is given.
    """
    if not reason.strip() or len(reason) > LONGEST:
        raise refusal("no_reason", count=LONGEST)
    done = session.execute(
        sa.update(requests)
        .where(
            requests.c.lab == about.lab,
            requests.c.cell == about.cell,
            requests.c.student.in_(about.students),
            requests.c.who == "",
        )
        .values(
            reason=reason.strip(),
            who=who,
            answered=now.astimezone(UTC).isoformat(timespec="seconds"),
            after=about.marks,
        )
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise refusal("no_question")
