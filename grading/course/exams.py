"""The marks of an exam, read from a CSV file."""

from collections.abc import Mapping
from fractions import Fraction

from grading.course.config import ExamInfo
from grading.course.listing import (
    MARK_TITLES,
    STUDENT_TITLES,
    Fields,
    as_exact,
    read_listing,
    student_meant,
)
from grading.course.roster import Roster
from grading.course.scales import exact
from grading.errors import UserError

COLUMNS = {"student_id": STUDENT_TITLES, "marks": MARK_TITLES}
NEEDED = (("student_id",), ("marks",))


def read_exam(exam: ExamInfo, roster: Roster) -> Mapping[str, Fraction] | None:
    """Return the marks of those who have any; None while there is no file.

    Raises
    ------
    UserError
        With the file and the line of each row that is nobody's, somebody's again, or has no marks
        that the exam can give.
    """
    if not exam.file.exists():
        return None
    seen: set[str] = set()

    def read(fields: Fields) -> tuple[str, Fraction | None]:
        student = student_meant(roster, fields["student_id"]).id
        if student in seen:
            raise ValueError(f"{student} is there before; expected one line for each student")
        seen.add(student)
        typed = fields["marks"]
        marks = as_exact(typed)
        if typed and (marks is None or not 0 <= marks <= exact(exam.maximum)):
            raise ValueError(
                f"marks of {student} are {typed!r}; expected a number from 0 to "
                f"{exam.maximum:g}, or nothing if {student} was not there"
            )
        return student, marks

    rows = read_listing(exam.file, "exam", COLUMNS, NEEDED, read)
    if not rows:
        raise UserError(f"{exam.file}: expected a line for each student, found none")
    return {student: marks for student, marks in rows if marks is not None}
