"""Who uploaded a file, as the path in each kind of archive tells it.

A layout is a function from the parts of a path to a student of the roster, or None where the
path names nobody and the identity cell alone decides.
"""

import re
from collections.abc import Callable

from grading.course.roster import Roster, Student

Layout = Callable[[tuple[str, ...], Roster], Student | None]

# "Ana López Gil_104512_assignsubmission_file_", as a folder or in front of the file's own name.
MOODLE = re.compile(r"(?P<name>.+?)_\d+_assignsubmission_file")

# "lopezgilana_LATE_5120_883311_lab.ipynb": surname and name, Canvas ids of user and file.
CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?\d+_\d+_", re.IGNORECASE)


def by_id(parts: tuple[str, ...], roster: Roster) -> Student | None:
    """Return the student whose id a folder, the outermost first, or the file is named after."""
    *folders, file = parts
    for name in (*folders, re.sub(r"\.ipynb.*", "", file, flags=re.IGNORECASE)):
        if student := roster.find(name):
            return student
    return None


def moodle(parts: tuple[str, ...], roster: Roster) -> Student | None:
    """Return the student whom Moodle names in a folder or in the file's name."""
    return _named(MOODLE, parts, roster)


def canvas(parts: tuple[str, ...], roster: Roster) -> Student | None:
    """Return the student whom Canvas names in the file's name."""
    return _named(CANVAS, parts[-1:], roster)


def classroom(parts: tuple[str, ...], roster: Roster) -> Student | None:
    """Return None: students choose the names of their files in Google Classroom."""
    return None


def _named(pattern: re.Pattern[str], parts: tuple[str, ...], roster: Roster) -> Student | None:
    for part in parts:
        if match := pattern.match(part):
            found = roster.named(match["name"])
            return found[0] if len(found) == 1 else None
    return None


LAYOUTS: dict[str, Layout] = {
    "folder": by_id,
    "zip": by_id,
    "moodle": moodle,
    "canvas": canvas,
    "classroom": classroom,
}
