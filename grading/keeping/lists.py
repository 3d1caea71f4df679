"""The roster and the files beside it without one student."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from grading.course.config import Course
from grading.course.extensions import TITLES_HERE, Extensions, read_extensions
from grading.course.listing import STUDENT_TITLES
from grading.course.roster import Lines, Roster, columns_of, csv_of, field_of, rows_of
from grading.keeping.traces import Traces

TITLES = {"student_id": STUDENT_TITLES}
Teams = Mapping[str, tuple[str, ...]]  # by lab: with whom the student handed in


def listing_without(path: Path, traces: Traces) -> bytes | None:
    """Return a file without the student's lines, such as the roster; None if there are none."""
    lines = rows_of(path, path.name) if path.exists() else []
    places = columns_of(lines[0][1], TITLES)["student_id"] if lines else []
    kept = [row for _, row in lines if not traces.is_id(field_of(row, places))]
    return csv_of(kept) if len(kept) < len(lines) else None


def extensions_without(
    course: Course, roster: Roster, traces: Traces, teams: Teams
) -> bytes | None:
    """Return the extensions' file without the student; None if it stays as it is.

    A partner who had more time only through the student has it in a line of their own, and a group
    of nobody else loses its line.
    """
    if not course.extensions.exists():
        return None
    until = read_extensions(course)
    lines: Lines = rows_of(course.extensions, "extensions")
    if not lines:
        return None
    header, *body = [row for _, row in lines]
    columns = columns_of(header, TITLES_HERE)
    kept = [row for row in body if not _is_theirs(row, columns, roster, traces)]
    added = _lines_of_partners(course, until, traces.student.id, teams)
    if len(kept) == len(body) and not added:
        return None
    if added and not columns["student_id"]:
        columns["student_id"] = [len(header)]
        header = [*header, "student_id"]
    for fields in added:
        row = [""] * len(header)
        for name, text in fields.items():
            row[columns[name][0]] = text
        kept.append(row)
    return csv_of([header, *kept])


def _is_theirs(
    row: list[str], columns: Mapping[str, list[int]], roster: Roster, traces: Traces
) -> bool:
    if group := field_of(row, columns["group"]):
        members = {student.id for student in roster.in_group(group)}
        return members == {traces.student.id}
    return traces.is_id(field_of(row, columns["student_id"]))


def _lines_of_partners(
    course: Course, until: Extensions, student: str, teams: Teams
) -> list[dict[str, str]]:
    found = []
    for lab, partners in teams.items():
        mine = until.get((student, lab))
        for partner in partners:
            if mine and mine > until.get((partner, lab), datetime.min.replace(tzinfo=mine.tzinfo)):
                wall = mine.astimezone(course.zone).replace(tzinfo=None)
                written = wall.isoformat(sep=" ", timespec="seconds")
                found.append({"student_id": partner, "lab": lab, "until": written})
    return found
