"""The marks of a lab as a file that a spreadsheet, Moodle or Canvas reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.course.config import Course
from grading.errors import UserError
from grading.files import write_atomically
from grading.messages import message
from grading.reporting.canvas import GRADEBOOK_WARNING, filled_gradebook, gradebook_rows
from grading.reporting.matching import Ids
from grading.reporting.moodle import filled_worksheet, import_rows, import_warnings
from grading.reporting.sheet import Sheet, read_sheet
from grading.reporting.standings import ClassView, history_lines, listed, other_lines
from grading.reporting.tables import Cell, Rows, as_csv, as_xlsx


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    file : str
        Its name, with braces where the lab's goes.
    content : callable
        Makes it of the class, the lab's title and the language.
    warnings : callable
        What to know before it is used.
    """

    file: str
    content: Callable[[ClassView, str, str], bytes]
    warnings: Callable[[ClassView], list[str]]


def export(course: Course, lab: str, to: str, view: ClassView) -> tuple[Path, list[str]]:
    """Write the marks of ``lab`` under ``course/reports/<lab>``.

    Parameters
    ----------
    course, lab
    to : {"csv", "xlsx", "moodle", "canvas"}
        The first two have everybody and every check; the others have those who handed in, in a
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
        If ``to`` is none of these, or nothing is graded yet.
    """
    if to not in _FORMATS:
        raise UserError(f"cannot export to {to!r}; expected one of {', '.join(_FORMATS)}")
    _must_be_graded(lab, view)
    form = _FORMATS[to]
    path = course.home / "reports" / lab / form.file.format(lab)
    title = course.lab(lab).title.get(course.language, lab)
    write_atomically(path, form.content(view, title, course.language))
    return path, [*_warnings(view), *form.warnings(view)]


def fill_worksheet(
    course: Course, lab: str, view: ClassView, worksheet: Path, ids: Ids
) -> tuple[Path, list[str]]:
    """Write Moodle's grading worksheet with the marks of ``lab``, beside its other exports.

    Parameters
    ----------
    course, lab, view
    worksheet : Path
        As it was downloaded from the assignment; it stays as it is.
    ids : mapping
        What the LMS calls each student.

    Returns
    -------
    path : Path
    warnings : list of str
        What to know before it is uploaded, one line each.

    Raises
    ------
    UserError
        With one line for each kind of thing that is wrong; nothing is written then.
    """
    return _fill(
        course,
        lab,
        view,
        worksheet,
        "Moodle",
        lambda sheet: filled_worksheet(sheet, view, ids, course.language),
    )


def fill_gradebook(
    course: Course, lab: str, view: ClassView, gradebook: Path, ids: Ids, column: str = ""
) -> tuple[Path, list[str]]:
    """Write Canvas's gradebook with the marks of ``lab``, beside its other exports.

    Parameters and what comes back are those of `fill_worksheet`; ``column`` is the title of the
    lab's assignment, if it is not the lab's.
    """
    titles = [column] if column else [*course.lab(lab).title.values(), lab]
    return _fill(
        course,
        lab,
        view,
        gradebook,
        "Canvas",
        lambda sheet: filled_gradebook(sheet, view, ids, titles),
    )


def _fill(
    course: Course,
    lab: str,
    view: ClassView,
    given: Path,
    lms: str,
    filled: Callable[[Sheet], tuple[str, list[str]]],
) -> tuple[Path, list[str]]:
    _must_be_graded(lab, view)
    path = course.home / "reports" / lab / f"{lab}-{lms.lower()}-filled.csv"
    if path.exists() and given.exists() and path.samefile(given):
        raise UserError(f"{given} was filled before; give the file that {lms} gave you")
    sheet = read_sheet(given, lms)
    try:
        text, warnings = filled(sheet)
    except UserError as error:
        lines = str(error).splitlines()
        raise UserError("\n".join(f"{given}: {line}" for line in lines)) from None
    write_atomically(path, text.encode())
    return path, [*_warnings(view), *warnings]


def _must_be_graded(lab: str, view: ClassView) -> None:
    if not view.handed_in:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")


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
        by_hand = [item.marks for item in row.adjustments] + [item.marks for item in row.by_hand]
        late = -sum(item.marks for item in row.deductions) or None
        notes = "; ".join([*other_lines(row, lang), *history_lines(row, lang)])
        given = sum(by_hand) or None
        table.append([*about, *score, state, when, given, row.raw, late, *marks, notes])
    return table


def class_rows(view: ClassView, lang: str) -> Rows:
    """Return how the class did in every check, and the class in a few numbers."""
    titles = ("check", "full", "some", "students", "mean_marks", "marks")
    table: Rows = [[message(f"report.{title}", lang) for title in titles]]
    for rate in view.rates + view.question_rates:
        name = f"{rate.cell}: {rate.title}" if rate.title != rate.cell else rate.cell
        table.append([name, rate.full, rate.partly, rate.students, rate.mean, rate.max])
    numbers = view.overview
    table.append([])
    table.append([message("report.handed_in", lang), numbers.submissions])
    table.append([message("report.missing_tile", lang), numbers.missing])
    table.append([message("report.waiting_tile", lang), numbers.waiting])
    for name, spread in (("settled", numbers.final), ("pending", numbers.provisional)):
        which = message(f"report.{name}", lang)
        for number, value in (("mean", spread.mean), ("median", spread.median)):
            table.append([f"{message(f'report.{number}_tile', lang)}, {which} (%)", value])
    return table


def _encoded(rows: Rows) -> bytes:
    """Return a CSV file; Excel takes it for UTF-8 by the mark only, the LMSs read past that."""
    return as_csv(rows).encode("utf-8-sig")


def _as_workbook(view: ClassView, title: str, lang: str) -> bytes:
    of_class = message("report.class_sheet", lang)
    return as_xlsx([(title, csv_rows(view, title, lang)), (of_class, class_rows(view, lang))])


def _left_out(view: ClassView, lms: str) -> list[str]:
    if not view.missing:
        return []
    return [
        "those without a submission are left out, so that the upload keeps what "
        f"{lms} has for them: {listed(row.student for row in view.missing)}"
    ]


_FORMATS = {
    "csv": Format("{}.csv", lambda *of: _encoded(csv_rows(*of)), lambda view: []),
    "xlsx": Format("{}.xlsx", _as_workbook, lambda view: []),
    "moodle": Format(
        "{}-moodle.csv",
        lambda *of: _encoded(import_rows(*of)),
        lambda view: _left_out(view, "Moodle") + import_warnings(view),
    ),
    "canvas": Format(
        "{}-canvas.csv",
        lambda *of: _encoded(gradebook_rows(*of)),
        lambda view: [*_left_out(view, "Canvas"), GRADEBOOK_WARNING],
    ),
}


def _warnings(view: ClassView) -> list[str]:
    """Return what to know whatever the marks are written to, one line each."""
    lines = []
    waiting = [row.student for row in view.rows if row.waiting]
    if waiting:
        lines.append(
            f"scores that wait for manual marking are provisional: {listed(waiting)}; "
            "mark them in Formgrader, export again"
        )
    if view.unlisted:
        lines.append(f"not in the roster, so left out: {', '.join(view.unlisted)}")
    return lines
