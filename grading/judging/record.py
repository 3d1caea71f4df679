"""A student's mark in a lab, and all that it is made of: what a total is computed from, once.

The judge gives marks for checks, people mark written answers and adjust, a policy takes off for
lateness. Tables, pages, comments and exports all add up the same parts.
"""

from dataclasses import dataclass
from datetime import datetime

from grading.judging.results import Result
from grading.messages import Reason

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Change:
    """A mark or a comment of a person that was given, changed or taken back.

    Attributes
    ----------
    student, notebook, cell : str
    field : str
        ``manual_score``, ``extra_credit`` or ``manual_comment``.
    old, new : float, str or None
    who : str
        Empty if it was found in the gradebook and nobody knows who wrote it.
    at : datetime
        In UTC; for a change that was found, when it was found.
    why : str
    """

    student: str
    notebook: str
    cell: str
    field: str
    old: float | str | None
    new: float | str | None
    who: str
    at: datetime
    why: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What was changed: (student, notebook, cell, field)."""
        return self.student, self.notebook, self.cell, self.field


@dataclass(frozen=True)
class Written:
    """The marks of an answer that a person reads; ``marks`` is None while nobody has."""

    cell: str
    marks: float | None
    max: float
    comment: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What a person added to the marks of a check cell, or took from them (then below 0)."""

    cell: str
    marks: float
    change: Change | None = None


@dataclass(frozen=True)
class ByHand:
    """What a person added to a lab's total, or took off it (then below 0), after all else.

    ``marks`` is what that comes to, as a total is never below 0 nor, by this, above the maximum;
    ``asked`` is what it was to be. Who gave it and when may be unknown.
    """

    marks: float
    asked: float
    why: str
    who: str = ""
    when: str = ""


@dataclass(frozen=True)
class Deduction:
    """Marks taken off for handing in late; none where slip days were enough.

    ``rule`` is that of the course's policy, None where nbgrader's plugin decides.
    """

    marks: float
    seconds_late: float
    rule: Reason | None = None


@dataclass(frozen=True)
class Record:
    """One student's mark in one lab.

    Attributes
    ----------
    student : str
    max_score : float
        Of checks and written answers.
    result : Result or None
        What the judge says; None if the submission was graded by something else.
    checked : float
        Marks of all the checks, as the judge gave them.
    written, adjustments, deductions : tuple
        What was added to those, and taken off.
    by_hand : tuple of ByHand
        What was done to the total of all these.
    history : tuple of Change
        What people gave for answers that were replaced since, as they gave it.
    overwritten : tuple of Change
        What one person gave, and another changed.
    waiting : bool
        A person has yet to look: the score is provisional.
    handed_in : datetime or None
        In UTC.
    """

    student: str
    max_score: float
    result: Result | None = None
    checked: float = 0.0
    written: tuple[Written, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    history: tuple[Change, ...] = ()
    overwritten: tuple[Change, ...] = ()
    waiting: bool = False
    handed_in: datetime | None = None

    @property
    def score(self) -> float:
        """The total, never below 0."""
        total = self.checked
        total += sum(answer.marks or 0.0 for answer in self.written)
        total += sum(adjustment.marks for adjustment in self.adjustments)
        total -= sum(deduction.marks for deduction in self.deductions)
        return max(0.0, total) + sum(change.marks for change in self.by_hand)
