"""Changes of a lab's marks by hand: kept in a CSV file beside the roster, which people may edit.

They stand apart from the gradebook, so that no run of grading touches them.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from grading.course.config import Course
from grading.course.listing import (
    LAB_TITLES,
    MARK_TITLES,
    REASON_TITLES,
    STUDENT_TITLES,
    Fields,
    as_exact,
    name_meant,
    read_listing,
    student_meant,
)
from grading.course.roster import Roster, csv_of, read_roster
from grading.files import write_atomically

COLUMNS = {
    "student_id": STUDENT_TITLES,
    "lab": LAB_TITLES,
    "marks": MARK_TITLES,
    "reason": REASON_TITLES,
    "who": ("who", "quien"),
    "when": ("when", "cuando"),
}
NEEDED = (("student_id",), ("lab",), ("marks",), ("reason",))


@dataclass(frozen=True)
class LabAdjustment:
    """Marks added to a lab's total, or taken off (then below 0), with the reason.

    ``marks`` is a number as it was typed; who gave them and when may be unknown.
    """

    student: str
    lab: str
    marks: str
    reason: str
    who: str = ""
    when: str = ""

    @property
    def added(self) -> float:
        """The marks as a number."""
        return float(as_exact(self.marks) or 0)


def adjustment(course: Course, roster: Roster, fields: Fields) -> LabAdjustment:
    """Return what a row, or a command, means.

    Raises
    ------
    ValueError
        If it is nobody's, of no lab, without marks or without a reason.
    """
    student = student_meant(roster, fields["student_id"]).id
    lab = name_meant("lab", course.lab_names, fields["lab"])
    if not as_exact(fields["marks"].removeprefix("+")):
        raise ValueError(
            f"marks are {fields['marks']!r}; expected what to add, such as 1.5, or to take off, "
            "such as -2"
        )
    if not fields["reason"].strip():
        raise ValueError(f"expected a reason for changing {student}'s marks in {lab}, found none")
    return LabAdjustment(
        student,
        lab,
        fields["marks"].removeprefix("+"),
        " ".join(fields["reason"].split()),
        fields.get("who", ""),
        fields.get("when", ""),
    )


def read_adjustments(course: Course) -> list[LabAdjustment]:
    """Return the changes in the order of the file; none if there is no file.

    Raises
    ------
    UserError
        With the file and the line of each row that is not clear.
    """
    path = course.adjustments
    if not path.exists():
        return []
    roster = read_roster(course.roster)
    return read_listing(
        path, "adjustments", COLUMNS, NEEDED, lambda fields: adjustment(course, roster, fields)
    )


def write_adjustments(course: Course, adjustments: Sequence[LabAdjustment]) -> None:
    """Write the file anew."""
    write_atomically(course.adjustments, csv_of([tuple(COLUMNS), *map(astuple, adjustments)]))


def now(course: Course) -> str:
    """Return the time by the course's clocks, as it is written there."""
    return f"{datetime.now().astimezone(course.zone):%Y-%m-%d %H:%M %Z}"
