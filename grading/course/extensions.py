"""Who has more time for a lab: read from a CSV file beside the roster."""

from collections.abc import Mapping
from datetime import datetime

from grading.course.config import Course
from grading.course.dates import moment
from grading.course.listing import (
    LAB_TITLES,
    STUDENT_TITLES,
    Fields,
    name_meant,
    read_listing,
    student_meant,
)
from grading.course.roster import TITLES, Roster, read_roster

TITLES_HERE = {
    "student_id": STUDENT_TITLES,
    "group": (*TITLES["group"], "section", "seccion"),
    "lab": LAB_TITLES,
    "until": ("until", "hasta"),
    "reason": (),
}
NEEDED = (("lab",), ("until",), ("student_id", "group"))

Extensions = Mapping[tuple[str, str], datetime]  # by student and lab: until when, in UTC


def read_extensions(course: Course) -> Extensions:
    """Return until when students may hand in who have more time; none if there is no file.

    A row gives it to a student or to a group, for one lab. Of several rows that concern the same
    student and lab, the latest date counts. Files are understood as the roster's are; the reason
    is for whoever reads the file.

    Raises
    ------
    UserError
        With the file and the row's line, if something in it is not clear, or is no extension.
    """
    path = course.extensions
    if not path.exists():
        return {}
    roster = read_roster(course.roster)

    def read(fields: Fields) -> tuple[list[str], str, datetime]:
        lab, until = _until(course, fields["lab"], fields["until"])
        return _whom(roster, fields["student_id"], fields["group"]), lab, until

    found: dict[tuple[str, str], datetime] = {}
    for students, lab, until in read_listing(path, "extensions", TITLES_HERE, NEEDED, read):
        for student in students:
            found[student, lab] = max(until, found.get((student, lab), until))
    return found


def _whom(roster: Roster, student: str, group: str) -> list[str]:
    if bool(student) == bool(group):
        what = f"both {student!r} and {group!r}" if student else "neither"
        raise ValueError(f"expected a student_id or a group, found {what}")
    if not group:
        return [student_meant(roster, student).id]
    if members := roster.in_group(group):
        return [member.id for member in members]
    known = sorted({name for item in roster.students for name in item.groups})
    raise ValueError(
        f"nobody in the roster is in the group {group!r}; its groups are: "
        f"{', '.join(known) or 'none'}"
    )


def _until(course: Course, lab: str, until: str) -> tuple[str, datetime]:
    """Return a lab and until when it may be handed in."""
    info, zone = course.lab(name_meant("lab", course.lab_names, lab)), course.zone
    if info.due is None or zone is None:
        raise ValueError(f"{info.name} has no due date in course.toml, so none can be put off")
    try:
        instant = moment(until, zone)
    except ValueError as error:
        raise ValueError(f"until is {error}") from None
    if instant <= info.due:
        due = f"{info.due.astimezone(zone):%Y-%m-%d %H:%M}"
        raise ValueError(f"until is {until}; expected a date after {due}, when {info.name} is due")
    return info.name, instant
