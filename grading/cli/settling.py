"""A lab's class as the gradebook has it, with what stands beside it: the roster, lateness, changes.

Whatever is wrong in those files is said before anything is graded or written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grading.cli.console import note
from grading.cli.options import roster_of
from grading.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grading.course.adjustments import LabAdjustment
    from grading.course.config import Course
    from grading.course.roster import Roster
    from grading.gradebook.lateness import LatePolicy
    from grading.gradebook.marks import Marks
    from grading.judging.record import Record
    from grading.reporting.standings import ClassView

STALE = "on another release, in another profile or by another version of the kit"


@dataclass(frozen=True)
class Beside:
    """What a mark depends on that does not stand in the gradebook."""

    roster: Roster | None
    policy: LatePolicy
    adjustments: Sequence[LabAdjustment]


def read_beside(course: Course) -> Beside:
    """Read what stands beside the gradebook of a course."""
    from grading.course.adjustments import read_adjustments
    from grading.gradebook.lateness import late_policy

    return Beside(roster_of(course), late_policy(course), read_adjustments(course))


def settle(lab: str, marks: Marks, policy: LatePolicy) -> None:
    """Bring the lab's gradebook in order; say what a person has to decide."""
    for change in marks.settle(lab, policy):
        note(
            f"{change.student} has {change.new} in {change.cell}, a partner has something else for "
            "the same work, and nobody knows which is later; give one of them the right mark again"
        )


def class_of(course: Course, lab: str, marks: Marks, beside: Beside) -> ClassView:
    """Return the class of a lab that was settled; say what a person has to know of it."""
    from grading.native.grade import grader_of
    from grading.reporting.standings import class_view

    try:
        now = grader_of(course, lab).basis()
    except UserError:  # it is no longer released: what was graded can be shown all the same
        pass
    else:
        old = sum(result.basis != now for result in marks.results(lab))
        if old:
            note(f"{old} were graded {STALE}; to grade them again: grade {lab} --resume")
    records = records_of(course, lab, marks, beside)
    return class_view(records, beside.roster, course.zone, course.language)


def records_of(course: Course, lab: str, marks: Marks, beside: Beside) -> list[Record]:
    """Return the records of a lab that was settled, with what people changed by hand."""
    from grading.gradebook.adjusting import adjusted

    records = marks.records(lab)
    graded = {record.student for record in records}
    for change in beside.adjustments:
        if change.lab == lab and change.student not in graded:
            note(f"nothing of {lab} by {change.student} is graded, so nothing is changed by hand")
    return adjusted(records, lab, beside.adjustments, course.mark.beyond_maximum)
