"""The course's roster: who may hand in, read from a CSV file."""

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from grading.errors import UserError

COLUMNS = ("student_id", "name", "email", "group")
DELIMITERS = ",;\t"

# An id becomes a folder's name, and nbgrader uses it as a pattern: nothing in it may be special.
STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Student:
    """One line of the roster."""

    id: str
    name: str
    email: str = ""
    group: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a course, in the order of the file."""

    students: tuple[Student, ...]

    def find(self, typed: str) -> Student | None:
        """Return the student with this id; case and spaces around it do not matter."""
        wanted = typed.strip().casefold()
        return next((item for item in self.students if item.id.casefold() == wanted), None)

    def named(self, name: str) -> Student | None:
        """Return the one student with this name, or None if there is none or more than one.

        Accents, case and punctuation do not matter, nor does whether the surname or the given
        name comes first, nor whether there are spaces between them.
        """
        wanted = "".join(plain_words(name))
        found = [item for item in self.students if wanted in _orders(item.name)]
        return found[0] if len(found) == 1 else None


def read_roster(path: Path) -> Roster:
    """Read a roster with the columns ``student_id,name,email,group``, in any order.

    Files are understood as spreadsheets save them: with a byte order mark or in Windows-1252,
    with CRLF, with semicolons or tabs between the fields, with empty lines or columns at the end.
    Further columns are ignored; ``email`` and ``group`` may be left out.

    Raises
    ------
    UserError
        With the file and the line, if the roster is missing or something in it is not clear.
    """
    rows = _rows(path, _decoded(path))
    if not rows:
        raise UserError(f"{path}: the roster is empty; expected the header {','.join(COLUMNS)}")
    (first, header), *body = rows
    columns = [title.strip().casefold() for title in header]
    for needed in ("student_id", "name"):
        if columns.count(needed) != 1:
            raise UserError(
                f"{path}, line {first}: expected one column {needed} in the header "
                f"{','.join(COLUMNS)}; found {','.join(header)!r:.100}"
            )
    students: list[Student] = []
    seen: dict[str, int] = {}
    for line, row in body:
        student = _student(path, line, columns, row)
        key = student.id.casefold()
        if key in seen:
            raise UserError(f"{path}, line {line}: {student.id} is already on line {seen[key]}")
        seen[key] = line
        students.append(student)
    if not students:
        raise UserError(f"{path}: the roster has a header, but no students below it")
    return Roster(tuple(students))


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"no roster at {path}; expected a CSV file with the columns {','.join(COLUMNS)} "
            "there, or its path as roster in course.toml"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read the roster {path}: {error.strerror}") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _rows(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Return (line number, fields) of every line that is not blank."""
    title_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=title_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1
    try:
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: not a line of CSV: {error}") from None
    return rows


def _student(path: Path, line: int, columns: list[str], row: list[str]) -> Student:
    if any(field.strip() for field in row[len(columns) :]):
        raise UserError(
            f"{path}, line {line}: expected {len(columns)} fields, found {len(row)}; "
            "a field that holds the delimiter needs quotes around it"
        )
    fields = {title: " ".join(field.split()) for title, field in zip(columns, row, strict=False)}
    student = Student(*(fields.get(title, "") for title in COLUMNS))
    if not STUDENT_ID.fullmatch(student.id):
        raise UserError(
            f"{path}, line {line}: student_id {student.id!r} cannot be used; expected 1 to 64 "
            "letters, digits and . _ @ -, beginning with a letter or a digit"
        )
    if not student.name:
        raise UserError(f"{path}, line {line}: the name of {student.id} is empty")
    return student


def plain_words(name: str) -> list[str]:
    """Return the words of a name in plain lower-case letters."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char)
    )
    return re.findall(r"\w+", plain.casefold().replace("_", " "))


def _orders(name: str) -> set[str]:
    """Return a name in one word, begun at each of its words in turn."""
    words = plain_words(name)
    return {"".join(words[start:] + words[:start]) for start in range(len(words))}
