"""The marks of a lab as a CSV file that a spreadsheet, Moodle or Canvas reads."""

import csv
import html
import io
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from grading.course.config import Course
from grading.errors import UserError
from grading.files import write_atomically
from grading.judging.results import FAILED
from grading.messages import message
from grading.reporting.standings import (
    ClassView,
    Standing,
    history_lines,
    lost_lines,
    number,
    other_lines,
    written_lines,
)

Cell = str | float | None
Rows = list[list[Cell]]

NAMED = 10  # students that a warning names
MOODLE_HIGHEST = 100  # above it Moodle refuses an import, unless its site allows more

# A spreadsheet computes a cell that begins like this, full-width forms included; and where
# semicolons delimit, as in Spain, what follows one begins a cell.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@＝＋－＠\t\r\n])")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def export(course: Course, lab: str, to: str, view: ClassView) -> tuple[Path, list[str]]:
    """Write the marks of ``lab`` under ``course/reports/<lab>``.

    Parameters
    ----------
    course, lab
    to : {"csv", "moodle", "canvas"}
        ``csv`` has everybody and every check; the other two have those who handed in, in the
        form that the LMS imports.
    view : ClassView

    Returns
    -------
    path : Path
    warnings : list of str
        What to know before the file is used, one line each.

    Raises
    ------
    UserError
        If ``to`` is not one of the three, or nothing is graded yet.
    """
    if to not in _FORMATS:
        raise UserError(f"cannot export to {to!r}; expected one of {', '.join(_FORMATS)}")
    if not view.handed_in:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    name = lab if to == "csv" else f"{lab}-{to}"
    path = course.home / "reports" / lab / f"{name}.csv"
    title = course.lab(lab).title.get(course.language, lab)
    text = as_csv(_FORMATS[to](view, title, course.language))
    # Excel takes a file for UTF-8 only by the mark; Moodle and Canvas read past it.
    write_atomically(path, text.encode("utf-8-sig"))
    return path, warnings(view, to)


def csv_rows(view: ClassView, title: str, lang: str) -> Rows:
    """Return everybody with all that adds up to the score; a check that never ran is empty."""
    header = ["student_id", "name", "email", "group", "score", "max_score", "percent", "status"]
    header += ["handed_in", "by_hand", "raw", "late"]
    questions = list(dict.fromkeys(answer.cell for row in view.rows for answer in row.written))
    checks = [f"{rate.cell}: {rate.title}" for rate in view.rates]
    table: Rows = [[*header, *checks, *questions, "notes"]]
    for row in view.rows:
        earned = {(check.cell, check.label): check.marks for check in row.checks}
        marks: list[Cell] = [earned.get((rate.cell, rate.label)) for rate in view.rates]
        written = {answer.cell: answer.marks for answer in row.written}
        marks += [written.get(question) for question in questions]
        state = f"{row.status}, waiting for manual marking" if row.waiting else row.status
        about = [row.student, row.name, row.email, row.group]
        score = [row.score, row.max_score, row.percent]
        when = row.handed_in.isoformat(sep=" ", timespec="seconds") if row.handed_in else ""
        by_hand = sum(item.marks for item in row.adjustments) or None
        late = -sum(item.marks for item in row.deductions) or None
        notes = "; ".join([*other_lines(row, lang), *history_lines(row, lang)])
        table.append([*about, *score, state, when, by_hand, row.raw, late, *marks, notes])
    return table


def moodle_rows(view: ClassView, title: str, lang: str) -> Rows:
    """Return what Moodle's Grades > Import > CSV maps: whom, how much, and why.

    Students without a submission are left out: an empty grade would delete the one in Moodle.
    """
    header = ["ID number", "Full name", "Email address", title, f"{title} (%)"]
    table: Rows = [[*header, "Feedback comments"]]
    for row in view.handed_in:
        about = [row.student, row.name, row.email]
        table.append([*about, row.score, row.percent, moodle_feedback(row, lang)])
    return table


def moodle_feedback(row: Standing, lang: str) -> str:
    """Return the comment for a student: all that made the mark less, or more, as Moodle's HTML.

    Flags are for the instructor, except where they are all that can be said.
    """
    lines = [*lost_lines(row, lang), *written_lines(row, lang), *other_lines(row, lang)]
    if row.status == FAILED:
        lines += row.flags
    if row.waiting:
        lines.append(message("report.provisional", lang))
    return "<br>".join(html.escape(line, quote=False) for line in lines)


def canvas_rows(view: ClassView, title: str, lang: str) -> Rows:
    """Return Canvas's gradebook file: its five columns of students, then the assignment.

    Students without a submission are left out: an empty grade would delete the one in Canvas.
    Canvas does not read what is in ``Section``, so that is where a provisional score is marked.
    """
    table: Rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", title]]
    table.append(["    Points Possible", "", "", "", "", view.overview.max_score])
    for row in view.handed_in:
        provisional = message("report.waiting", lang) if row.waiting else ""
        section = ", ".join(filter(None, (row.group, provisional)))
        name = row.name or row.student
        table.append([name, "", row.student, row.email, section, row.score])
    return table


_FORMATS: dict[str, Callable[[ClassView, str, str], Rows]] = {
    "csv": csv_rows,
    "moodle": moodle_rows,
    "canvas": canvas_rows,
}


def warnings(view: ClassView, to: str) -> list[str]:
    """Return what to know before the file is used, one line each."""
    lines = []
    waiting = [row for row in view.rows if row.waiting]
    if waiting:
        lines.append(
            "scores that wait for manual marking are provisional, and are marked so: "
            f"{_names(waiting)}; mark them in Formgrader, export again"
        )
    if view.unlisted:
        lines.append(f"not in the roster, so left out: {', '.join(view.unlisted)}")
    if to == "csv":
        return lines
    if view.missing:
        lines.append(
            "those without a submission are left out, so that the upload keeps what "
            f"{to.capitalize()} has for them: {_names(view.missing)}"
        )
    if to == "moodle":
        lines += _moodle_warnings(view.handed_in)
    return lines


def _moodle_warnings(rows: Sequence[Standing]) -> list[str]:
    lines = []
    if not all(row.email for row in rows):
        lines.append(
            "map by ID number, not by email: Moodle gives a grade without an email to the "
            f"student above it, and these have none: {_names(row for row in rows if not row.email)}"
        )
    highest = max(row.max_score for row in rows)
    if highest > MOODLE_HIGHEST:
        lines.append(
            f"the lab has {number(highest)} marks, and Moodle takes grades up to {MOODLE_HIGHEST} "
            "unless its site allows more; if it refuses the file, import the column with %"
        )
    return lines


def _names(rows: Iterable[Standing]) -> str:
    students = [row.student for row in rows]
    more = f" and {len(students) - NAMED} more" if len(students) > NAMED else ""
    return ", ".join(students[:NAMED]) + more


def as_csv(rows: Iterable[Iterable[Cell]]) -> str:
    """Return rows as CSV text: numbers as they are, text such that no spreadsheet computes it."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([_cell(value) for value in row] for row in rows)
    return stream.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else number(value)


def harmless(text: str) -> str:
    """Return a text that a spreadsheet shows and does not compute.

    What would begin a formula gets an apostrophe before it; plain numbers stay.

    Examples
    --------
    >>> harmless("=1+1"), harmless("-1.5"), harmless("a; @b")
    ("'=1+1", '-1.5', "a;' @b")
    """
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)
