"""Who has more time for a lab: read from a CSV file beside the roster."""

import difflib
from collections.abc import Mapping
from datetime import datetime

from grading.course.config import Course
from grading.course.dates import moment
from grading.course.roster import TITLES, Roster, columns_of, field_of, read_roster, rows_of
from grading.errors import UserError

COLUMNS = ("student_id", "group", "lab", "until", "reason")
NEEDED = ("lab", "until")
TITLES_HERE = {
    "student_id": (*TITLES["student_id"], "student", "estudiante"),
    "group": (*TITLES["group"], "section", "seccion"),
    "lab": ("lab", "assignment", "practica", "laboratorio"),
    "until": ("until", "hasta"),
}

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
    if not path.exists() or not (rows := rows_of(path, "extensions")):
        return {}
    (first, header), *body = rows
    columns = columns_of(header, TITLES_HERE)
    missing = [name for name in NEEDED if not columns[name]]
    if not columns["student_id"] and not columns["group"]:
        missing.append("student_id or group")
    if missing:
        raise UserError(
            f"{path}, line {first}: expected one column {' and one '.join(missing)} in the header "
            f"{','.join(COLUMNS)}; found {','.join(header)!r:.100}"
        )
    roster = read_roster(course.roster)
    found: dict[tuple[str, str], datetime] = {}
    for line, row in body:
        fields = {name: field_of(row, places) for name, places in columns.items()}
        try:
            lab, until = _until(course, fields["lab"], fields["until"])
            for student in _whom(roster, fields["student_id"], fields["group"]):
                found[student, lab] = max(until, found.get((student, lab), until))
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {error}") from None
    return found


def _whom(roster: Roster, student: str, group: str) -> list[str]:
    if bool(student) == bool(group):
        what = f"both {student!r} and {group!r}" if student else "neither"
        raise ValueError(f"expected a student_id or a group, found {what}")
    if group:
        if members := roster.in_group(group):
            return [member.id for member in members]
        known = sorted({name for item in roster.students for name in item.groups})
        raise ValueError(
            f"nobody in the roster is in the group {group!r}; its groups are: "
            f"{', '.join(known) or 'none'}"
        )
    if one := roster.find(student):
        return [one.id]
    near = " or ".join(item.id for item in roster.resembling(student))
    hint = f"did you mean {near}?" if near else "add the student there, or correct the id"
    raise ValueError(f"student_id {student!r} is not in the roster; {hint}")


def _until(course: Course, lab: str, until: str) -> tuple[str, datetime]:
    """Return a lab and until when it may be handed in."""
    names = {name.casefold(): name for name in course.lab_names}
    if lab.casefold() not in names:
        near = difflib.get_close_matches(lab.casefold(), names, n=1)
        known = ", ".join(course.lab_names) or "none"
        hint = f"did you mean {names[near[0]]}?" if near else f"it lists: {known}"
        raise ValueError(f"there is no lab {lab!r} in course.toml; {hint}")
    info, zone = course.lab(names[lab.casefold()]), course.zone
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
