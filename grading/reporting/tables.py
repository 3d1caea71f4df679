"""Rows of text and numbers as files that a spreadsheet opens and does not compute."""

import csv
import io
import re
from collections.abc import Iterable

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from grading.reporting.standings import number

Cell = str | float | None
Rows = list[list[Cell]]

LONGEST_TITLE = 30  # of a sheet: Excel's 31, but for the digit that tells it from its namesake
WIDEST = 60  # characters of a column that are shown at once

# A spreadsheet computes a cell that begins like this, full-width forms included; and where
# semicolons delimit, as in Spain, what follows one begins a cell.
_FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@＝＋－＠\t\r\n])")
_NOT_IN_TITLES = re.compile(r"[\[\]:*?/\\']")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def as_csv(rows: Iterable[Iterable[Cell]]) -> str:
    """Return rows as CSV text: numbers as they are, text such that no spreadsheet computes it."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([_written(value) for value in row] for row in rows)
    return stream.getvalue()


def as_xlsx(sheets: Iterable[tuple[str, Iterable[Iterable[Cell]]]]) -> bytes:
    """Return a workbook of sheets with these titles: numbers as numbers, text as text.

    The first row of a sheet stays in view.
    """
    book = Workbook(write_only=True)
    for title, rows in sheets:
        sheet = book.create_sheet(_NOT_IN_TITLES.sub(" ", title)[:LONGEST_TITLE])
        sheet.freeze_panes = "A2"
        table = [list(row) for row in rows]
        for place in range(max(map(len, table), default=0)):
            widest = max(len(_written(row[place])) for row in table if place < len(row))
            sheet.column_dimensions[get_column_letter(place + 1)].width = min(widest + 2, WIDEST)
        for row in table:
            sheet.append([_typed(WriteOnlyCell(sheet), value) for value in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _typed(cell: WriteOnlyCell, value: Cell) -> WriteOnlyCell:
    if isinstance(value, str):
        cell.value = harmless(value)
        cell.data_type = "s"
    elif value is not None:
        cell.value = float(number(value))
    return cell


def _written(value: Cell) -> str:
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
