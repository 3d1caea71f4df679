"""Which labs and exams do not count for whom: read from a CSV file beside the roster."""

from collections.abc import Mapping

from grading.course.config import Course
from grading.course.listing import (
    LAB_TITLES,
    REASON_TITLES,
    STUDENT_TITLES,
    Fields,
    name_meant,
    read_listing,
    student_meant,
)
from grading.course.roster import read_roster

COLUMNS = {"student_id": STUDENT_TITLES, "lab": LAB_TITLES, "reason": REASON_TITLES}
NEEDED = (("student_id",), ("lab",), ("reason",))


def read_excused(course: Course) -> Mapping[tuple[str, str], str]:
    """Return the reason by student and lab, or exam; nothing if there is no file.

    Raises
    ------
    UserError
        With the file and the line of each row that is not clear.
    """
    if not course.excused.exists():
        return {}
    roster = read_roster(course.roster)
    names = [part.name for part in course.parts]

    def read(fields: Fields) -> tuple[tuple[str, str], str]:
        student = student_meant(roster, fields["student_id"]).id
        part = name_meant("lab or exam", names, fields["lab"])
        if not fields["reason"]:
            raise ValueError(f"expected a reason why {student} is excused from {part}, found none")
        return (student, part), fields["reason"]

    return dict(read_listing(course.excused, "excused", COLUMNS, NEEDED, read))
