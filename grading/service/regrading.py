"""Grading again what was handed in: what it would change, until somebody says that it counts.

Such a job stands in the queue beside what students wait for, and after it. What came of it stands
beside what counts. Pure over a session, which its owner commits.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook.handins import table
from grading.judging.record import TOLERANCE
from grading.judging.results import CheckMark, Result
from grading.messages import Reason
from grading.service import audit, queue
from grading.service.policy import Refused
from grading.service.queue import HandIn


@dataclass(frozen=True)
class Proposal:
    """A hand-in as it counts, and the job that grades it again."""

    before: HandIn
    again: HandIn

    @property
    def after(self) -> Result | None:
        """What it would have earned; None while that is not known."""
        if self.before.result is None or self.again.result is None:
            return None
        return merged(self.before.result, self.again.result, self.again.cell)

    @property
    def gain(self) -> float:
        """Marks that it would gain, or lose (then below 0)."""
        if self.before.result is None or self.after is None:
            return 0.0
        gain = self.after.score - self.before.result.score
        return gain if abs(gain) > TOLERANCE else 0.0

    @property
    def changed(self) -> tuple[tuple[str, float, float], ...]:
        """Checks whose marks would change: what they are called, their marks before and after."""
        if self.before.result is None or self.after is None:
            return ()
        was = {(one.cell, one.label): one.marks for one in self.before.result.checks}
        return tuple(
            (one.title, before, one.marks)
            for one in self.after.checks
            for before in [was.get((one.cell, one.label), 0.0)]
            if abs(before - one.marks) > TOLERANCE
        )


def merged(before: Result, after: Result, cell: str) -> Result:
    """Return what a hand-in has earned if a check, or all for ``""``, is graded again."""
    if not cell:
        return after
    if not any(one.cell == cell for one in after.checks):  # it could not be run
        return before
    checks: list[CheckMark] = []
    for one in before.checks:
        if one.cell != cell:
            checks.append(one)
        elif not any(earlier.cell == cell for earlier in checks):
            checks += [other for other in after.checks if other.cell == cell]
    return replace(
        before,
        checks=checks,
        score=sum(one.marks for one in checks),
        max_score=sum(one.max for one in checks),
    )


def ask(session: Session, handins: Iterable[HandIn], cell: str) -> int:
    """Queue graded hand-ins to be graded again, for a check or all; return how many these are.

    What is to be graded again already is not queued twice.
    """
    asked = {one.of for one in queue.graded_again(session)}
    wanted = [one for one in handins if one.state == queue.GRADED and one.id not in asked]
    for one in wanted:
        again = replace(
            one,
            id=queue.new_id(),
            state=queue.QUEUED,
            result=None,
            failure="",
            notice="",
            of=one.id,
            cell=cell,
        )
        queue.enqueue(session, again)
    return len(wanted)


def proposals(session: Session, lab: str) -> list[Proposal]:
    """Return what is graded again of a lab and not published, oldest hand-in first."""
    open_ones = queue.graded_again(session, table.c.lab == lab, table.c.state != queue.PUBLISHED)
    return _with_before(session, open_ones)


def published(session: Session) -> list[Proposal]:
    """Return what is to count from now on, and does not yet."""
    return _with_before(session, queue.graded_again(session, table.c.state == queue.PUBLISHED))


def publish(session: Session, lab: str, who: str, now: datetime) -> None:
    """Have what was graded again of a lab count; what could not be graded stays as it was.

    Raises
    ------
    Refused
        If something is not graded yet.
    """
    found = proposals(session, lab)
    if any(one.again.state in (queue.QUEUED, queue.GRADING) for one in found):
        raise Refused(HTTPStatus.CONFLICT, Reason("service.regrade_waits"))
    for one in found:
        after = one.after
        if after is None:
            _delete(session, one.again)
            continue
        mine = table.c.id == one.again.id
        session.execute(sa.update(table).where(mine).values(state=queue.PUBLISHED))
        if one.gain and one.before.result:
            for student in one.before.students:
                marks = one.before.result.score, after.score
                audit.note(session, now, who, audit.REGRADED, lab, student, *marks)


def discard(session: Session, lab: str) -> list[HandIn]:
    """Throw away what was graded again of a lab, and return it."""
    found = [one.again for one in proposals(session, lab)]
    for one in found:
        _delete(session, one)
    return found


def apply(session: Session, proposal: Proposal) -> None:
    """Have a published proposal be what its hand-in earned; nothing if that is done already."""
    if proposal.after is not None and _delete(session, proposal.again):
        queue.replace_result(session, proposal.before.id, proposal.after)


def _with_before(session: Session, jobs: Iterable[HandIn]) -> list[Proposal]:
    found = ((queue.by_id(session, one.of), one) for one in jobs)
    return [Proposal(before, again) for before, again in found if before is not None]


def _delete(session: Session, job: HandIn) -> bool:
    done = session.execute(sa.delete(table).where(table.c.id == job.id))
    return bool(done.rowcount)  # type: ignore[attr-defined]
