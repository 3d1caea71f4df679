"""Who handed a file in, as the path in each kind of archive tells it.

A layout is a function from the parts of a path to its sender, who is nobody where the path names
nobody on the roster and the identity cell alone decides.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from grading.course.roster import Roster, Student


@dataclass(frozen=True)
class Sender:
    """Who handed a file in.

    Attributes
    ----------
    students : tuple of Student
        Those of the roster that the path may mean: one, none, or namesakes.
    late : bool
        Whether the learning platform marks it as late.
    ids : mapping of str to str
        The platform's own, with which it takes marks back.
    kind : str
        What of a submission the file is, where the platform says so.
    """

    students: tuple[Student, ...] = ()
    late: bool = False
    ids: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


Layout = Callable[[tuple[str, ...], Roster], Sender]

# "Grupo A-Ana López Gil_104512_assignsubmission_file_", as a folder or in front of the file's name.
MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<participant>\d+)_assignsubmission_(?P<kind>file|onlinetext)"
)

# "lopezgilana_LATE_5120_883311_lab.ipynb": surname and name, Canvas ids of user and file; for
# anonymous marking "anon_Ab12c_883311_lab.ipynb".
CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<attachment>\d+)_"
    r"|anon_(?P<anonymous_late>LATE_)?(?P<anonymous>[A-Za-z0-9]+)_(?P<file>\d+)_",
    re.IGNORECASE,
)

MAX_DASHES = 8  # of a group's name before a student's
MAX_MARKED = 200  # characters of a name that is looked at for the marks of a copy

ENDINGS = re.compile(r"\.(?:zip|json|ipynb.*)$", re.IGNORECASE)

# What a browser, a desktop or Drive adds to the name of a copy: "lab (1)", "lab - copia (2)",
# "lab copy 2", "Copia de lab"; and Canvas to one handed in again: "lab-1".
COPY_OF = re.compile(r"^(?:copia de |copy of )+", re.IGNORECASE)
COPY = re.compile(r"(?:\s*-\s*|[\s_]+)cop(?:ia|y)(?:\s+(\d+))?$|\s*\((\d+)\)$", re.IGNORECASE)
AGAIN = re.compile(r"-(\d{1,2})$")


def sender(layout: Layout, names: tuple[str, ...], roster: Roster) -> tuple[str, Sender]:
    """Return a path as it is spelled in all likelihood, and whom its spellings may mean.

    Parameters
    ----------
    layout : callable
    names : tuple of str
        The path in each spelling that it may have, the likely one first.
    roster : Roster
    """
    read = {name: layout(tuple(name.split("/")), roster) for name in names}
    students = dict.fromkeys(student for found in read.values() for student in found.students)
    name = next((name for name, found in read.items() if found.students), names[0])
    return name, replace(read[name], students=tuple(students))


def by_id(parts: tuple[str, ...], roster: Roster) -> Sender:
    """Return the student whose id a folder, the outermost first, or the file is named after."""
    for part in parts:
        stem = ENDINGS.sub("", part)
        for name in (part, stem, _without_copy_marks(stem)[0]):
            if student := roster.find(name):
                return Sender((student,))
    return Sender()


def moodle(parts: tuple[str, ...], roster: Roster) -> Sender:
    """Return the student whom Moodle names in a folder or in the file's name.

    Where students are in groups, the group's name and a dash go before the student's.
    """
    return _best(_moodle(match, roster) for part in parts if (match := MOODLE.match(part)))


def canvas(parts: tuple[str, ...], roster: Roster) -> Sender:
    """Return the student whom Canvas names in the file's name."""
    return _best(_canvas(match, roster) for part in parts if (match := CANVAS.match(part)))


def classroom(parts: tuple[str, ...], roster: Roster) -> Sender:
    """Return nobody: students choose the names of their files in Google Classroom."""
    return Sender()


def _best(found: Iterable[Sender]) -> Sender:
    """Return the first sender who is somebody, else the first of whom anything is known."""
    senders = [*found, Sender()]
    return next((who for who in senders if who.students), senders[0])


def _moodle(match: re.Match[str], roster: Roster) -> Sender:
    people = (roster.named(name) for name in _without_group(match["name"]))
    students = dict.fromkeys(student for found in people for student in found)
    ids = {"lms": "moodle", "participant": match["participant"]}
    return Sender(tuple(students), ids=ids, kind=match["kind"])


def _canvas(match: re.Match[str], roster: Roster) -> Sender:
    ids = {
        "lms": "canvas",
        "user": match["user"],
        "anonymous": match["anonymous"],
        "attachment": match["attachment"] or match["file"],
    }
    return Sender(
        roster.named(match["name"] or ""),
        bool(match["late"] or match["anonymous_late"]),
        {key: value for key, value in ids.items() if value},
    )


def copy_number(file: str) -> int:
    """Return which copy of a file its name says that it is, 0 if it says nothing.

    Examples
    --------
    >>> [copy_number(name) for name in ("lab.ipynb", "lab-1.ipynb", "lab - copia (2).ipynb")]
    [0, 1, 3]
    """
    stem, number = _without_copy_marks(ENDINGS.sub("", file))
    return number + int(match[1] if (match := AGAIN.search(stem)) else 0)


def _without_copy_marks(name: str) -> tuple[str, int]:
    if len(name) > MAX_MARKED:
        return name, 0
    stem = COPY_OF.sub("", name)
    number = int(stem != name)
    while match := COPY.search(stem):
        number += int((match[1] or match[2] or "1")[:9])
        stem = stem[: match.start()]
    return stem, number


def _without_group(name: str) -> Iterator[str]:
    yield name
    for _ in range(MAX_DASHES):
        _, dash, name = name.partition("-")
        if not dash:
            return
        yield name


LAYOUTS: dict[str, Layout] = {
    "folder": by_id,
    "zip": by_id,
    "moodle": moodle,
    "canvas": canvas,
    "classroom": classroom,
}
