"""The course's roster: who may hand in, read from a CSV file."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grading.course.decoding import decoded
from grading.errors import UserError

COLUMNS = ("student_id", "name", "email", "group")
Lines = list[tuple[int, list[str]]]  # numbers and fields of the lines of a file
DELIMITERS = ",;\t"
SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # a first line that only spreadsheets read

# What the columns are called here and in Moodle's exports, as `plain_words` gives it.
TITLES = {
    "student_id": (
        "student id",
        "id number",
        "idnumber",
        "numero de id",
        "numero de identificacion",
    ),
    "name": (
        "full name",
        "fullname",
        "first name last name",
        "nombre completo",
        "nombre y apellidos",
        "apellidos y nombre",
        "nombre apellido s",
    ),
    "given": ("first name", "firstname", "given name", "name", "nombre", "nombre s"),
    "surname": ("last name", "lastname", "surname", "apellido s", "apellidos", "apellido"),
    "email": (
        "email",
        "e mail",
        "email address",
        "correo",
        "correo electronico",
        "direccion de correo",
        "direccion de correo electronico",
        "direccion email",
        "direccion de email",
    ),
    "group": ("group", "groups", "grupo", "grupos"),
    "role": ("role", "roles", "rol"),
}
STUDENT_ROLE = re.compile(r"student|estudiante|alumn", re.IGNORECASE)

# An id becomes a folder's name, and nbgrader uses it as a pattern: nothing in it may be special.
STUDENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SHORTENED = re.compile(r"\d[.,\d]*E\+\d+", re.IGNORECASE)  # a long number as spreadsheets show it

# Letters that Unicode does not take apart into a plain one and an accent; apostrophes that are
# letters to it.
PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("ʼʻʹʾʿ", "'")
)


def group_names(text: str) -> tuple[str, ...]:
    """Return the groups that are named in a roster's field, which commas separate.

    Examples
    --------
    >>> group_names("evening, Erasmus")
    ('evening', 'Erasmus')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


class NoId(UserError):
    """A list of students lacks the id of one, or of all."""


@dataclass(frozen=True)
class Student:
    """One line of the roster; ``surname`` only where it has a column of its own."""

    id: str
    name: str
    email: str = ""
    group: str = ""
    surname: str = ""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are named there."""
        return group_names(self.group)


@dataclass(frozen=True)
class Roster:
    """The students of a course, in the order of the file."""

    students: tuple[Student, ...]

    def find(self, typed: str) -> Student | None:
        """Return the student with this id; case, accents and spaces around it do not matter."""
        return self._by_id.get(folded(typed))

    def in_group(self, name: str) -> tuple[Student, ...]:
        """Return the students of a group."""
        wanted = folded(name)
        return tuple(item for item in self.students if wanted in map(folded, item.groups))

    def named(self, name: str) -> tuple[Student, ...]:
        """Return the students with this name: none, one, or namesakes.

        Accents, case and punctuation do not matter, nor does whether the surname or the given
        name comes first, nor whether there are spaces between them.
        """
        wanted = "".join(plain_words(name))
        return tuple(item for item in self.students if wanted in self._orders[item.id])

    def resembling(self, typed: str) -> tuple[Student, ...]:
        """Return whom something in an id's place may mean.

        Those whose id differs in zeros and punctuation only; else whose e-mail it is, or whose id
        with the university's domain; else whose name it is.

        Examples
        --------
        >>> roster = Roster((Student("0123", "Ana Gil", "ana@um.es"), Student("u2", "Bo Li")))
        >>> [roster.resembling(typed)[0].id for typed in ("1-23", "ANA@um.es", "gil, ana")]
        ['0123', '0123', '0123']
        """
        wanted = _digits_and_letters(typed)
        if near := [item for item in self.students if _digits_and_letters(item.id) == wanted != ""]:
            return tuple(near)
        mail = folded(typed)
        if near := [item for item in self.students if item.email and folded(item.email) == mail]:
            return tuple(near)
        local, at, _ = mail.partition("@")
        if at and (student := self.find(local)):
            return (student,)
        return self.named(typed)

    @cached_property
    def _by_id(self) -> dict[str, Student]:
        return {folded(item.id): item for item in self.students}

    @cached_property
    def _orders(self) -> dict[str, set[str]]:
        return {item.id: _orders(item.name) for item in self.students}


def read_roster(path: Path) -> Roster:
    """Read a roster with the columns ``student_id,name,email,group``, in any order.

    Files are understood as spreadsheets save them: in Unicode, in Windows-1252 or an old Mac's
    encoding, with semicolons or tabs between the fields and a first line that says so, with empty
    lines or columns at the end. So is Moodle's list of participants, in English or Spanish, of
    which those with a student's role are taken. ``email`` and ``group`` may be left out. Names are
    sorted by a further column ``surname`` (or Moodle's) where there is one; others are ignored.

    Raises
    ------
    UserError
        With the file and the line, if the roster is missing or something in it is not clear.
    """
    if not path.exists():
        raise UserError(
            f"no roster at {path}; expected a CSV file with the columns {','.join(COLUMNS)} "
            "there, or its path as roster in course.toml"
        )
    return roster_of_lines(path, rows_of(path, "roster"))


def roster_of_lines(path: Path, lines: Lines) -> Roster:
    """Return the roster that lines make, the header first; see `read_roster`."""
    if not lines:
        raise UserError(f"{path}: the roster is empty; expected the header {','.join(COLUMNS)}")
    (first, header), *body = lines
    columns = columns_of(header, TITLES)
    for needed, found in (
        ("student_id", columns["student_id"]),
        ("name", columns["name"] or columns["given"]),
    ):
        if not found:
            kind = NoId if needed == "student_id" else UserError
            raise kind(
                f"{path}, line {first}: expected one column {needed} in the header "
                f"{','.join(COLUMNS)}; found {','.join(header)!r:.100}"
            )
    if roles := columns["role"]:
        body = [row for row in body if STUDENT_ROLE.search(field_of(row[1], roles))] or body
    students: list[Student] = []
    ids: dict[str, int] = {}
    emails: dict[str, int] = {}
    for line, row in body:
        student = _student(path, line, header, columns, row)
        if (before := ids.setdefault(student.id.casefold(), line)) != line:
            raise UserError(f"{path}, line {line}: {student.id} is already on line {before}")
        email = student.email.casefold()
        if email and (before := emails.setdefault(email, line)) != line:
            raise UserError(
                f"{path}, line {line}: the e-mail {student.email} is already on line {before}; "
                "expected another for each student, or none"
            )
        students.append(student)
    if not students:
        raise UserError(f"{path}: the roster has a header, but no students below it")
    return Roster(tuple(students))


def _text(path: Path, what: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the {what} {path}: {error.strerror}") from None
    try:
        return decoded(data)
    except UserError as error:
        raise UserError(f"{path}, {error}") from None


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as a file that `rows_of` reads and a spreadsheet opens with its accents."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    return stream.getvalue().encode("utf-8-sig")


def rows_of(path: Path, what: str) -> Lines:
    """Return (line number, fields) of every line that is not blank of a CSV file of ``what``.

    Raises
    ------
    UserError
        With the file and the line, if it cannot be read.
    """
    text = _text(path, what)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if told := SEPARATOR.match(text):
        skipped, delimiter = 1, told[1]
        text = "".join(text.splitlines(keepends=True)[1:])
    else:
        skipped, delimiter = 0, max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, line = [], 1 + skipped
    try:
        for row in reader:
            if any(field.strip() for field in row):
                rows.append((line, row))
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: not a line of CSV: {error}") from None
    return rows


def other_titles(header: list[str]) -> list[str]:
    """Return the titles of a roster's columns that say nothing of a `Student`."""
    used = {place for places in columns_of(header, TITLES).values() for place in places}
    return [title for place, title in enumerate(header) if title.strip() and place not in used]


def columns_of(header: list[str], titles_of: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Return the positions of what makes each field; none if it is not there, or twice.

    ``titles_of`` has what a field's column may be called, as `plain_words` gives it.
    """
    titles = [" ".join(plain_words(title)) for title in header]
    found = {}
    for field, known in titles_of.items():
        title = next((title for title in known if title in titles), None)
        places = [place for place, other in enumerate(titles) if other == title]
        found[field] = places if len(places) == 1 else []
    return found


def _student(
    path: Path, line: int, header: list[str], columns: dict[str, list[int]], row: list[str]
) -> Student:
    if any(field.strip() for field in row[len(header) :]):
        raise UserError(
            f"{path}, line {line}: expected {len(header)} fields, found {len(row)}; "
            "a field that holds the delimiter needs quotes around it"
        )
    fields = {title: field_of(row, places) for title, places in columns.items()}
    given, surname = fields["given"], fields["surname"]
    whole = given if surname.casefold() in given.casefold() else f"{given} {surname}".strip()
    student = Student(
        fields["student_id"], fields["name"] or whole, fields["email"], fields["group"], surname
    )
    if not STUDENT_ID.fullmatch(student.id):
        why = (
            "a spreadsheet shortened the number: make its column text"
            if SHORTENED.fullmatch(student.id)
            else "expected 1 to 64 letters, digits and . _ @ -, beginning with a letter or a digit"
        )
        kind = UserError if student.id else NoId
        raise kind(f"{path}, line {line}: student_id {student.id!r} cannot be used; {why}")
    if not student.name:
        raise UserError(f"{path}, line {line}: the name of {student.id} is empty")
    return student


def field_of(row: list[str], places: list[int]) -> str:
    """Return what stands in a row at these places, in one line without invisible characters."""
    text = " ".join(row[place] for place in places if place < len(row))
    return " ".join(_visible(text).split())


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def folded(text: str) -> str:
    """Return text by which to compare: no accents, no capitals, no invisible characters.

    Examples
    --------
    >>> folded(" ÁLVARO  Łoś ")
    'alvaro los'
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = _visible("".join(char for char in apart if not unicodedata.combining(char)))
    return " ".join(text.casefold().translate(PLAIN).split())


def plain_words(name: str) -> list[str]:
    """Return the words of a name in plain lower-case letters."""
    return re.findall(r"\w+", folded(name).replace("_", " "))


def _digits_and_letters(typed: str) -> str:
    """Return an id without punctuation, nor zeros at the beginning of its numbers."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[\W_]", "", folded(typed)))


def _orders(name: str) -> set[str]:
    """Return a name in one word, begun at each of its words in turn."""
    words = plain_words(name)
    return {"".join(words[start:] + words[:start]) for start in range(len(words))}
