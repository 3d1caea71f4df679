"""A sample of answers marked a second time by somebody else, and how far the two agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean, pvariance

import sqlalchemy as sa

from grading.gradebook.changes import AnySession
from grading.gradebook.marking import seconds
from grading.judging.record import TOLERANCE
from grading.marking.allocation import fraction
from grading.marking.answers import Answer, Given, refusal

SETTLED = "two markings were settled"


@dataclass(frozen=True)
class Twice:
    """An answer that two people marked.

    Attributes
    ----------
    cell, student, text : str
    first, second : Given
        ``first`` as it stood when the second person saved.
    who : str
        The second.
    is_settled : bool
    """

    cell: str
    student: str
    text: str
    first: Given
    second: Given
    who: str
    is_settled: bool

    @property
    def differs(self) -> bool:
        """Whether the two gave other marks."""
        return abs((self.first.marks or 0.0) - (self.second.marks or 0.0)) > TOLERANCE


def is_sampled(answer: Answer, percent: float) -> bool:
    """Whether an answer is of the sample."""
    place = fraction("second", answer.lab, answer.cell, answer.student)
    return not answer.is_blank and place * 100 < percent


def to_mark(
    found: Iterable[Answer], twice: Iterable[Twice], percent: float, who: str
) -> list[Answer]:
    """Return the answers of the sample that this person is to mark a second time."""
    done = {(one.student, one.text) for one in twice}
    return [
        one
        for one in found
        if one.is_marked
        and one.who not in ("", who)
        and is_sampled(one, percent)
        and (one.student, one.text) not in done
    ]


def keep(session: AnySession, answer: Answer, second: Given, who: str) -> None:
    """Keep a second marking, which changes no mark.

    Raises
    ------
    NotMarked
        If nobody else marked it, or somebody marked it a second time already.
    """
    if not answer.is_marked or answer.who in ("", who):
        raise refusal("no_second")
    known = twice(session, answer.lab, answer.cell)
    if any((one.student, one.text) == (answer.student, answer.text) for one in known):
        raise refusal("second_done")
    mine = {"lab": answer.lab, "cell": answer.cell, "student": answer.student}
    session.execute(sa.delete(seconds).where(*(seconds.c[name] == mine[name] for name in mine)))
    session.execute(
        sa.insert(seconds).values(
            **mine,
            text=answer.text,
            who=who,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            given=second.to_json(),
            first=answer.given.to_json(),
            settled=False,
        )
    )


def twice(session: AnySession, lab: str, cell: str) -> list[Twice]:
    """Return the answers to a question that two people marked."""
    query = sa.select(seconds).where(seconds.c.lab == lab, seconds.c.cell == cell)
    return [
        Twice(
            row.cell,
            row.student,
            row.text,
            Given.of_json(row.first),
            Given.of_json(row.given),
            row.who,
            row.settled,
        )
        for row in session.execute(query.order_by(seconds.c.student))
    ]


def settle(session: AnySession, lab: str, cell: str, student: str) -> None:
    """Note that somebody decided between two markings."""
    where = (seconds.c.lab == lab, seconds.c.cell == cell, seconds.c.student == student)
    session.execute(sa.update(seconds).where(*where).values(settled=True))


def agreement(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return Cohen's kappa of pairs of marks, weighted by the square of how far they are apart.

    None where it is not defined: without pairs, or where all marks are the same. See Cohen (1968),
    Psychological Bulletin 70(4).

    Examples
    --------
    >>> agreement([(0, 0), (1, 1), (2, 2), (4, 4)]), agreement([(2, 2)])
    (1.0, None)
    """
    if not pairs:
        return None
    ones, others = zip(*pairs, strict=True)
    observed = fmean((one - other) ** 2 for one, other in pairs)
    # The mean over all pairs of a mark of one and a mark of the other, by their moments.
    expected = pvariance(ones) + pvariance(others) + (fmean(ones) - fmean(others)) ** 2
    return None if expected <= TOLERANCE else round(1 - observed / expected, 9)
