"""A CSV file of somebody else's, in which some cells are filled and every other byte stays."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.course.listing import as_exact
from grading.course.roster import DELIMITERS, plain_words
from grading.errors import UserError

MARK = "\ufeff"  # of Unicode, at a file's start
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_END = re.compile(r"\r\n|\r|\n|\Z")
_COMMA = re.compile(r"-?[0-9]+,[0-9]+")


@dataclass(frozen=True)
class Row:
    """A line of the file: its cells as they are written, and what ends it."""

    line: int
    written: tuple[str, ...]
    end: str

    def value(self, column: int | None) -> str:
        """Return what a cell holds; empty if the row does not reach so far or there is none."""
        if column is None or column >= len(self.written):
            return ""
        text = self.written[column]
        text = text[1:-1].replace('""', '"') if text.startswith('"') else text
        return text.strip()


@dataclass(frozen=True)
class Sheet:
    """A CSV file, cell by cell as it is written.

    Attributes
    ----------
    start : str
        Unicode's mark, if it is there.
    delimiter : str
    header : Row
    body : tuple of Row
        Blank lines among them.
    """

    start: str
    delimiter: str
    header: Row
    body: tuple[Row, ...]

    def titles(self) -> str:
        """Return the header in a line, for messages."""
        return ", ".join(self.header.value(place) for place in range(len(self.header.written)))

    def columns(self, titles: Mapping[str, Sequence[str]]) -> dict[str, int]:
        """Return where the first column is of each kind that is there, by its known titles."""
        found: dict[str, int] = {}
        for place in range(len(self.header.written)):
            title = " ".join(plain_words(self.header.value(place)))
            for kind, known in titles.items():
                if title in known:
                    found.setdefault(kind, place)
        return found

    def has_decimal_commas(self, columns: Sequence[int]) -> bool:
        """Whether the numbers in these columns have commas before their decimals."""
        return any(_COMMA.fullmatch(row.value(place)) for row in self.body for place in columns)

    def filled(self, changes: Mapping[tuple[Row, int], str]) -> str:
        """Return the file's text with other values in some cells, quoted as those were.

        Raises
        ------
        UserError
            If a row is too short to have one of these cells.
        """
        for row, place in changes:
            if place >= len(row.written):
                expected, found = len(self.header.written), len(row.written)
                raise UserError(f"line {row.line}: expected {expected} cells, found {found}")
        lines = [self.start]
        for row in (self.header, *self.body):
            cells = [
                self._quoted(changes[row, place], text) if (row, place) in changes else text
                for place, text in enumerate(row.written)
            ]
            lines += [self.delimiter.join(cells), row.end]
        return "".join(lines)

    def _quoted(self, value: str, before: str) -> str:
        if before.startswith('"') or any(char in value for char in f'{self.delimiter}"\r\n'):
            return '"' + value.replace('"', '""') + '"'
        return value


def read_sheet(path: Path, origin: str) -> Sheet:
    """Read a CSV file as ``origin`` wrote it.

    Raises
    ------
    UserError
        If it cannot be read, or something else has written it since.
    """
    try:
        return parsed(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path}: expected the CSV file as {origin} gives it, in UTF-8, found something else; "
            "download it again and do not save it in a spreadsheet before"
        ) from None
    except UserError as error:
        raise UserError(f"{path}, {error}") from None


def parsed(text: str) -> Sheet:
    """Return the cells of a CSV file; a comma, semicolon or tab ends the first.

    Raises
    ------
    UserError
        In one line that begins with the line's number.

    Examples
    --------
    >>> parsed('Student;"Li; ""Bo"" "').header.value(1)
    'Li; "Bo"'
    """
    start = MARK if text.startswith(MARK) else ""
    place, line = len(start), 1
    first = _QUOTED.sub("", text[place:].partition("\n")[0])
    delimiter = next((char for char in first if char in DELIMITERS), ",")
    rows: list[Row] = []
    while place < len(text):
        row, place = _row(text, place, delimiter, line)
        rows.append(row)
        line += sum(cell.count("\n") for cell in row.written) + 1
    if not rows:
        raise UserError("line 1: the file is empty")
    return Sheet(start, delimiter, rows[0], tuple(rows[1:]))


def _row(text: str, place: int, delimiter: str, line: int) -> tuple[Row, int]:
    """Return the row that begins at a place, and where the next one does."""
    bare = re.compile(rf'(?!")[^{delimiter}\r\n]*')
    cells = []
    while True:
        if not (match := _QUOTED.match(text, place) or bare.match(text, place)):
            raise UserError(f"line {line}: expected a line of CSV, found a quote that never ends")
        cells.append(match[0])
        place = match.end()
        if end := _END.match(text, place):
            return Row(line, tuple(cells), end[0]), end.end()
        if text[place] != delimiter:
            raise UserError(
                f"line {line}: expected a line of CSV, found text after {match[0]!r:.40}"
            )
        place += 1


def as_number(text: str) -> float | None:
    """Return a number with a decimal point or comma, None if it is not one.

    Examples
    --------
    >>> as_number("7,50"), as_number("7.5"), as_number("EX")
    (7.5, 7.5, None)
    """
    exact = as_exact(text)
    return None if exact is None else float(exact)
