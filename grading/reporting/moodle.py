"""Marks for Moodle: the grading worksheet of an assignment, filled; a table for Grades > Import.

In the worksheet Moodle reads three columns, whose titles are in the site's language, and the
comments. It skips a line whose marks are unchanged, locked or above the maximum, and one whose
marks were changed there after the time that stands in the line; a time in words that PHP does not
read, as on sites that are not in English, counts as the oldest.
"""

import html

from grading.course.roster import TITLES, folded
from grading.errors import UserError
from grading.judging.record import TOLERANCE
from grading.judging.results import FAILED
from grading.messages import message
from grading.reporting.matching import Ids, Pairs, Person, last_number, matched
from grading.reporting.sheet import Row, Sheet, as_number
from grading.reporting.standings import (
    ClassView,
    Standing,
    listed,
    lost_lines,
    number,
    other_lines,
    written_lines,
)
from grading.reporting.tables import Rows, harmless

HIGHEST = 100  # above it Moodle refuses an import, unless its site allows more

# As `plain_words` gives them, in Moodle's English and in its Spanish of several countries.
COLUMNS = {
    "identifier": ("identifier", "identificador"),
    "grade": ("grade", "calificacion", "nota", "puntuacion"),
    "modified": (
        "last modified grade",
        "ultima modificacion calificacion",
        "ultima modificacion nota",
    ),
    "name": TITLES["name"],
    "email": TITLES["email"],
    "id number": TITLES["student_id"],
    "maximum": ("maximum grade", "calificacion maxima", "nota maxima", "puntuacion maxima"),
    "changeable": (
        "grade can be changed",
        "la calificacion puede ser cambiada",
        "la calificacion puede cambiarse",
        "se puede cambiar la calificacion",
    ),
    "scale": ("scale", "escala"),
    "comments": (
        "feedback comments",
        "comentarios de retroalimentacion",
        "comentarios de realimentacion",
    ),
}
REQUIRED = {
    "identifier": "Identifier/Identificador",
    "grade": "Grade/Calificación",
    "modified": "Last modified (grade)/Última modificación (calificación)",
}


def filled_worksheet(sheet: Sheet, view: ClassView, ids: Ids, lang: str) -> tuple[str, list[str]]:
    """Return a worksheet with the marks and comments of those who handed in, and warnings.

    Parameters
    ----------
    sheet : Sheet
        As it was downloaded from Moodle.
    view : ClassView
    ids : mapping
        What Moodle calls each student.
    lang : str
        Of the comments.

    Raises
    ------
    UserError
        With one line for each kind of thing that is wrong.
    """
    columns = _columns(sheet)
    kept = {who: own["participant"] for who, own in ids.items() if own.get("lms") == "moodle"}

    def person(row: Row) -> Person:
        return _person(row, columns)

    found = matched((row for row in sheet.body if any(row.written)), view, kept, person)
    _must_fit(found.pairs, columns, view)
    comma = sheet.has_decimal_commas([columns["grade"], columns.get("maximum", columns["grade"])])
    changes: dict[tuple[Row, int], str] = {}
    for row, standing in found.pairs:
        marks = number(standing.score or 0.0)
        changes[row, columns["grade"]] = marks.replace(".", "," if comma else ".")
        if "comments" in columns and (comment := _comment(standing, lang)):
            changes[row, columns["comments"]] = comment
    return sheet.filled(changes), [*found.warnings(), *_warnings(found.pairs, columns, view, lang)]


def _comment(standing: Standing, lang: str) -> str:
    return harmless(moodle_feedback(standing, lang))


def _warnings(pairs: Pairs, columns: dict[str, int], view: ClassView, lang: str) -> list[str]:
    """Return what Moodle will make of the lines that were filled."""
    locked, others, lines = [], [], []
    for row, standing in pairs:
        before = as_number(row.value(columns["grade"]))
        commented = row.value(columns.get("comments"))
        if folded(row.value(columns.get("changeable"))) == "no":
            locked.append(standing.student)
        elif (before is not None and abs(before - (standing.score or 0.0)) > TOLERANCE) or (
            commented and commented != (_comment(standing, lang) or commented)
        ):
            others.append(f"{standing.student} ({row.value(columns['modified'])})")
    if locked:
        lines.append(f"Moodle skips these, whose grades are locked there: {listed(locked)}")
    if others:
        lines.append(
            f"Moodle has other marks or comments for these: {listed(others)}; it skips those that "
            "were changed there since, and outside English perhaps all of them, unless you tick "
            "that records modified more recently in Moodle are updated"
        )
    most = {row.value(columns.get("maximum")) for row, _ in pairs} - {""}
    if any(as_number(text) != view.overview.max_score for text in most):
        lines.append(
            f"the lab has {number(view.overview.max_score)} marks, and the assignment's maximum in "
            f"Moodle is {listed(sorted(most))}: marks are given as they are"
        )
    return lines


def _columns(sheet: Sheet) -> dict[str, int]:
    columns = sheet.columns(COLUMNS)
    if missing := [title for kind, title in REQUIRED.items() if kind not in columns]:
        raise UserError(
            f"expected Moodle's grading worksheet in English or Spanish, with the columns "
            f"{', '.join(missing)}; found {sheet.titles()!r:.200}; switch Moodle to one of the two "
            "languages and download it from the assignment again"
        )
    if "scale" in columns:
        raise UserError(
            "this assignment is marked on a scale; set its grade to points in Moodle and download "
            "the worksheet again"
        )
    return columns


def _person(row: Row, columns: dict[str, int]) -> Person:
    identifier = row.value(columns["identifier"])
    if not (participant := last_number(identifier)):
        raise UserError(
            f"line {row.line}: expected an identifier with a number, such as Participant 123; "
            f"found {identifier!r:.60}"
        )
    keys = tuple(row.value(columns.get(kind)) for kind in ("email", "id number"))
    return Person(participant, keys, row.value(columns.get("name")) or identifier)


def _must_fit(pairs: Pairs, columns: dict[str, int], view: ClassView) -> None:
    """Raise `UserError` if there are marks that Moodle would skip as too many."""
    above, most = [], ""
    for row, standing in pairs:
        text = row.value(columns.get("maximum"))
        highest = as_number(text)
        if highest is not None and (standing.score or 0.0) > highest + TOLERANCE:
            most = text
            above.append(f"{standing.student} ({number(standing.score or 0.0)})")
    if above:
        raise UserError(
            f"expected marks up to the assignment's maximum grade, {most}; found {listed(above)}; "
            f"set it to {number(view.overview.max_score)} in Moodle, download the worksheet again"
        )


def import_rows(view: ClassView, title: str, lang: str) -> Rows:
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


def import_warnings(view: ClassView) -> list[str]:
    """Return what to know before a table goes through Grades > Import."""
    lines = [
        "marks that come through Grades > Import can no longer be changed in the assignment; "
        "--worksheet FILE fills its grading worksheet instead"
    ]
    if not all(row.email for row in view.handed_in):
        without = listed(row.student for row in view.handed_in if not row.email)
        lines.append(
            "map by ID number, not by email: Moodle gives a grade without an email to the "
            f"student above it, and these have none: {without}"
        )
    highest = max(row.max_score for row in view.handed_in)
    if highest > HIGHEST:
        lines.append(
            f"the lab has {number(highest)} marks, and Moodle takes grades up to {HIGHEST} "
            "unless its site allows more; if it refuses the file, import the column with %"
        )
    return lines
