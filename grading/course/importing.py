"""The roster as an LMS has it, and what that changes in the course's own."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from grading.course.canvas import COLUMNS as CANVAS
from grading.course.canvas import POINTS, is_test_student
from grading.course.roster import (
    COLUMNS,
    TITLES,
    Lines,
    NoId,
    Roster,
    Student,
    columns_of,
    csv_of,
    field_of,
    folded,
    plain_words,
    roster_of_lines,
    rows_of,
)
from grading.errors import UserError
from grading.files import write_atomically


@dataclass(frozen=True)
class Import:
    """A roster to be, and how it differs from the one there is.

    Attributes
    ----------
    roster : Roster
    added, gone : tuple of Student
    changed : tuple of (Student, Student)
        Before and after.
    """

    roster: Roster
    added: tuple[Student, ...]
    changed: tuple[tuple[Student, Student], ...]
    gone: tuple[Student, ...]

    def lines(self) -> list[str]:
        """Return what is added (+), changed (~) and gone (-), a student a line."""
        return [
            *(f"+ {_shown(student)}" for student in self.added),
            *(f"~ {before.id}: {_changes(before, after)}" for before, after in self.changed),
            *(f"- {_shown(student)}" for student in self.gone),
        ]

    def totals(self) -> str:
        """Return how many students there are of each kind."""
        same = len(self.roster.students) - len(self.added) - len(self.changed)
        numbers = len(self.added), len(self.changed), len(self.gone), same
        return "{} added, {} changed, {} gone, {} as before".format(*numbers)


def read_export(path: Path, ids_from_email: bool = False) -> Roster:
    """Read Moodle's list of participants or its export of grades, or Canvas's gradebook.

    Of the latter the id is the university's, else the login; the group is the section.

    Parameters
    ----------
    path : Path
    ids_from_email : bool
        Whether students of Moodle's without an ID number have as id what stands before the @ of
        their e-mail address.

    Raises
    ------
    UserError
        With the file and the line, as `read_roster`.
    """
    lines = rows_of(path, "list of students")
    titles = [" ".join(plain_words(title)) for title in lines[0][1]] if lines else []
    if not {"id", "section"} <= {*titles}:
        return _from_moodle(path, lines, ids_from_email)
    places = {kind: titles.index(title) for kind, (title,) in CANVAS.items() if title in titles}
    first = next((place for place, (_, row) in enumerate(lines) if POINTS in row[0]), None)
    if first is None:
        raise UserError(
            f"{path}: expected a line that begins with {POINTS!r}, as in every export of Canvas's "
            "gradebook; export it again"
        )
    students = [(line, _from_canvas(row, places)) for line, row in lines[first + 1 :]]
    kept = [(line, row) for line, row in students if not is_test_student(row[1])]
    return roster_of_lines(path, [(1, list(COLUMNS)), *kept])


def _from_moodle(path: Path, lines: Lines, ids_from_email: bool) -> Roster:
    if ids_from_email and lines:
        lines = _with_ids(lines)
    try:
        return roster_of_lines(path, lines)
    except NoId as error:
        raise UserError(
            f"{error}; show ID numbers in Moodle and export again, or give --ids-from-email, "
            "which takes what stands before the @"
        ) from None


def _with_ids(lines: Lines) -> Lines:
    """Return lines with a first column of ids: that of the line, else the e-mail's beginning."""
    (first, header), *body = lines
    columns = columns_of(header, TITLES)
    ids, emails = columns["student_id"], columns["email"]
    others = ["" if place in ids else title for place, title in enumerate(header)]
    known = [
        (line, [field_of(row, ids) or field_of(row, emails).partition("@")[0], *row])
        for line, row in body
    ]
    return [(first, [COLUMNS[0], *others]), *known]


def _from_canvas(row: list[str], places: dict[str, int]) -> list[str]:
    """Return a line of Canvas's in the columns of a roster."""
    cell = {kind: row[place] if place < len(row) else "" for kind, place in places.items()}
    login = cell.get("login", "").strip()
    names = (cell.get("surname", ""), cell.get("given", ""))
    return [
        cell.get("sis id", "").strip() or login,
        cell.get("student") or ", ".join(filter(None, names)),
        login if "@" in login else "",
        cell["section"],
    ]


def imported(now: Roster, export: Roster) -> Import:
    """Return the roster that an export makes of the one there is.

    A student is known by the id, else by the e-mail address, and keeps the id, under which all
    that was handed in lies. What the export leaves empty stays, and so does a name that it only
    writes in another order.
    """
    by_id = {student.id: before for student in export.students if (before := now.find(student.id))}
    claimed = {before.id for before in by_id.values()}
    by_email = {
        folded(student.email): student
        for student in now.students
        if student.email and student.id not in claimed
    }
    pairs = [
        (by_id.get(student.id) or by_email.get(folded(student.email)), student)
        for student in export.students
    ]
    merged = [(before, _merged(now, before, student)) for before, student in pairs]
    known = {before.id for before, _ in merged if before}
    return Import(
        Roster(tuple(student for _, student in merged)),
        tuple(student for before, student in merged if before is None),
        tuple((before, student) for before, student in merged if before not in (None, student)),
        tuple(student for student in now.students if student.id not in known),
    )


def _merged(now: Roster, before: Student | None, student: Student) -> Student:
    if before is None:
        return student
    return Student(
        before.id,
        before.name if before in now.named(student.name) else student.name,
        student.email or before.email,
        student.group or before.group,
        student.surname or before.surname,
    )


def _shown(student: Student) -> str:
    return ", ".join(filter(None, (student.id, student.name, student.email, student.group)))


def _changes(before: Student, after: Student) -> str:
    pairs = [
        (item.name, getattr(before, item.name), getattr(after, item.name))
        for item in fields(Student)
    ]
    return "; ".join(f"{name} {old or '–'} → {new}" for name, old, new in pairs if old != new)


def write_roster(path: Path, students: Sequence[Student]) -> None:
    """Write a roster; the column ``surname`` is there if anybody has one."""
    titles = [*COLUMNS, "surname"] if any(student.surname for student in students) else COLUMNS
    rows = (
        (student.id, student.name, student.email, student.group, student.surname)[: len(titles)]
        for student in students
    )
    write_atomically(path, csv_of([titles, *rows]))
