"""Marks for Canvas: its gradebook's export, filled; or a table of the same form.

Canvas knows an assignment by the id in its column's title, and a student by the id in a line. "EX"
excuses; "N/A" is of a student to whom the assignment is not given.
"""

import re
from dataclasses import dataclass

from grading.course.canvas import COLUMNS, POINTS, is_test_student
from grading.course.roster import folded
from grading.errors import UserError
from grading.messages import message
from grading.reporting.matching import Ids, Person, matched
from grading.reporting.sheet import Row, Sheet, as_number
from grading.reporting.standings import ClassView, listed, number
from grading.reporting.tables import Rows

KEPT = ("EX", "N/A")
TITLE = re.compile(r"(?P<title>.*\S)\s*\((?P<id>\d+)\)")
TOTAL = re.compile(r"\b(?:Current|Final|Override) (?:Score|Points|Grade|Status)\b")
GRADEBOOK_WARNING = (
    "Canvas makes a new assignment of a title that it does not have; "
    "--gradebook FILE fills its own export instead"
)


@dataclass(frozen=True)
class Assignment:
    """A column of an assignment."""

    heading: str
    title: str
    column: int


def filled_gradebook(
    sheet: Sheet, view: ClassView, ids: Ids, titles: list[str]
) -> tuple[str, list[str]]:
    """Return a gradebook with the marks of those who handed in, and warnings.

    Parameters
    ----------
    sheet : Sheet
        As it was exported from Canvas.
    view : ClassView
    ids : mapping
        What Canvas calls each student.
    titles : list of str
        What the lab's column may be called, with its id or without.

    Raises
    ------
    UserError
        With one line for each kind of thing that is wrong.
    """
    columns = sheet.columns(COLUMNS)
    if not {"id", "section"} <= columns.keys():
        raise UserError(
            "expected Canvas's export of its gradebook, with the columns Student, ID, …, Section; "
            f"found {sheet.titles()!r:.200}"
        )
    column = _assignment(sheet, titles).column
    points, students = _parts(sheet)
    kept = {who: own["user"] for who, own in ids.items() if "user" in own}

    def person(row: Row) -> Person:
        login = row.value(columns.get("login"))
        keys = (row.value(columns.get("sis id")), login, login.partition("@")[0])
        return Person(row.value(columns["id"]), keys, row.value(0))

    real = (row for row in students if not is_test_student(row.value(0)))
    found = matched(real, view, kept, person)
    comma = sheet.has_decimal_commas([column])
    changes: dict[tuple[Row, int], str] = {}
    left = []
    for row, standing in found.pairs:
        before = row.value(column)
        if before.upper() in KEPT:
            left.append(f"{standing.student} ({before})")
        else:
            score = number(standing.score or 0.0)
            changes[row, column] = score.replace(".", "," if comma else ".")
    warnings = found.warnings()
    if left:
        warnings.append(f"excused or without this assignment, so left as they were: {listed(left)}")
    if as_number(points.value(column)) != view.overview.max_score:
        warnings.append(
            f"the lab has {number(view.overview.max_score)} marks, and Canvas's {POINTS} are "
            f"{points.value(column) or 'empty'}: marks are given as they are"
        )
    return sheet.filled(changes), warnings


def _assignment(sheet: Sheet, titles: list[str]) -> Assignment:
    """Return the lab's column; Canvas would make an assignment of one whose id it does not know."""
    known = []
    for column in range(len(sheet.header.written)):
        heading = sheet.header.value(column)
        if (match := TITLE.fullmatch(heading)) and not TOTAL.search(match["title"]):
            known.append(Assignment(heading, match["title"], column))
    wanted = {folded(title) for title in titles}
    fitting = [one for one in known if wanted & {folded(one.heading), folded(one.title)}]
    if len(fitting) == 1:
        return fitting[0]
    said = " or ".join(repr(title) for title in titles)
    shown = "; ".join(one.heading for one in fitting or known) or "none"
    raise UserError(
        f"expected one assignment called {said}, found {len(fitting)} of: {shown}; "
        "name it with --column, its id included"
    )


def _parts(sheet: Sheet) -> tuple[Row, list[Row]]:
    """Return the line of points, and those of students below it."""
    for place, row in enumerate(sheet.body):
        if POINTS in row.value(0):
            return row, [row for row in sheet.body[place + 1 :] if any(row.written)]
    raise UserError(
        f"expected a line that begins with {POINTS!r}, as in every export of Canvas's gradebook; "
        "export it again"
    )


def gradebook_rows(view: ClassView, title: str, lang: str) -> Rows:
    """Return Canvas's gradebook file: its five columns of students, then the assignment.

    Students without a submission are left out: an empty grade would delete the one in Canvas.
    Canvas does not read what is in ``Section``, so that is where a provisional score is marked.
    """
    table: Rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]]
    table.append([f"    {POINTS}", "", "", "", "", view.overview.max_score])
    for row in view.handed_in:
        provisional = message("report.waiting", lang) if row.waiting else ""
        section = ", ".join(filter(None, (row.group, provisional)))
        name = row.name or row.student
        table.append([name, "", row.student, row.email, section, row.score])
    return table
