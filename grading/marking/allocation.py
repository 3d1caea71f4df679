"""Who marks what: by question, by section of the class, or by share; pure but for its table."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from grading.gradebook.changes import AnySession
from grading.gradebook.marking import allocations
from grading.marking.answers import Answer

ANY = ""


@dataclass(frozen=True)
class Rule:
    """Somebody marks a share of the answers to a question, or to all, of a section, or of all."""

    who: str
    cell: str = ANY
    section: str = ANY
    share: float = 1.0


@dataclass(frozen=True)
class Progress:
    """How far somebody, or a question, has come."""

    marked: int
    count: int


def rules(session: AnySession, lab: str) -> list[Rule]:
    """Return the rules of a lab."""
    query = sa.select(allocations).where(allocations.c.lab == lab)
    rows = session.execute(query.order_by(*allocations.primary_key))
    return [Rule(row.who, row.cell, row.section, row.share) for row in rows]


def put(session: AnySession, lab: str, rule: Rule) -> None:
    """Keep a rule, in the place of the one there was; one with a share of 0 goes."""
    mine = {"lab": lab, "cell": rule.cell, "section": rule.section, "who": rule.who}
    session.execute(
        sa.delete(allocations).where(*(allocations.c[name] == mine[name] for name in mine))
    )
    if rule.share > 0:
        session.execute(sa.insert(allocations).values(**mine, share=rule.share))


def whose(
    known: Sequence[Rule], staff: Collection[str], answer: Answer, sections: Collection[str]
) -> str:
    """Return who is to mark an answer; empty if that may be anybody.

    Rules about the question go before those about all of them, and rules about the section before
    those about the whole class. Those of people who no longer are of the staff count for nothing.

    Parameters
    ----------
    known : sequence of Rule
        Of the lab.
    staff : collection of str
    answer : Answer
    sections : collection of str
        Of those whose answer it is.
    """
    fit = [
        rule
        for rule in known
        if rule.who in staff
        and rule.cell in (ANY, answer.cell)
        and (rule.section == ANY or rule.section in sections)
    ]
    closest = max(((rule.cell != ANY, rule.section != ANY) for rule in fit), default=None)
    fit = [rule for rule in fit if (rule.cell != ANY, rule.section != ANY) == closest]
    place = fraction(answer.lab, answer.cell, answer.student) * sum(rule.share for rule in fit)
    for rule in fit:
        place -= rule.share
        if place < 0:
            return rule.who
    return fit[-1].who if fit else ANY


def progress(found: Iterable[tuple[Answer, str]]) -> dict[str, Progress]:
    """Return how far each of those has come to whom answers are allocated."""
    marked, count = Counter[str](), Counter[str]()
    for answer, who in found:
        count[who] += 1
        marked[who] += answer.is_marked
    return {who: Progress(marked[who], count[who]) for who in sorted(count)}


def fraction(*of: str) -> float:
    """Return a number from 0 to 1 that is the same whenever it is asked for.

    Examples
    --------
    >>> fraction("lab", "why", "ada") == fraction("lab", "why", "ada") < 1
    True
    """
    digest = hashlib.sha256("\0".join(of).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48
