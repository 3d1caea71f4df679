"""Whose each line of an LMS's table is."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from grading.course.roster import folded
from grading.errors import UserError
from grading.reporting.sheet import Row
from grading.reporting.standings import MISSING, ClassView, Standing, listed

Pairs = tuple[tuple[Row, Standing], ...]
Ids = Mapping[str, Mapping[str, str]]  # what the LMS calls each student, as `collect` keeps it


@dataclass(frozen=True)
class Person:
    """What a line tells of a student.

    Attributes
    ----------
    id : str
        The LMS's own, by which `collect` may know them; empty if the line has none.
    keys : tuple of str
        Addresses and ids of the university, the one to be tried first first.
    name : str
        For messages.
    """

    id: str
    keys: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Matched:
    """The lines of those who handed in, and who has none or is nobody of the class.

    Attributes
    ----------
    pairs : tuple of (Row, Standing)
    strangers : tuple of str
        Names of the lines that are nobody's.
    absent : tuple of Standing
        Who handed in and has no line.
    """

    pairs: Pairs
    strangers: tuple[str, ...]
    absent: tuple[Standing, ...]

    def warnings(self) -> list[str]:
        """Return what to know of lines that were not filled and marks that have no line."""
        lines = []
        if self.strangers:
            lines.append(f"nobody of the class, so left as they were: {listed(self.strangers)}")
        if self.absent:
            lines.append(
                "handed in, but not in the file, so their marks are not given back: "
                f"{listed(row.student for row in self.absent)}"
            )
        return lines


def matched(
    rows: Iterable[Row], view: ClassView, kept: Mapping[str, str], person: Callable[[Row], Person]
) -> Matched:
    """Find each line's student: by the LMS's own id where `collect` kept it, else by the keys.

    Parameters
    ----------
    rows : iterable of Row
    view : ClassView
    kept : mapping of str to str
        The LMS's id by student.
    person : callable
        What a line tells.

    Raises
    ------
    UserError
        With one line for each kind of thing that is wrong: nobody of the class is there, a student
        is there twice or may be another, or the LMS calls students otherwise than when their work
        was collected.
    """
    by_id = {kept[row.student]: row for row in view.rows if row.student in kept}
    by_key = {folded(row.email): row for row in view.rows if row.email}
    by_key |= {folded(row.student): row for row in view.rows}
    found: dict[str, tuple[Row, Standing]] = {}
    strangers, twice, renamed, torn = [], [], [], []
    for row in rows:
        about = person(row)
        of_id, of_keys = by_id.get(about.id), _first(by_key, about.keys)
        standing = of_id or of_keys
        if standing is None:
            strangers.append(about.name)
            continue
        if of_id and of_keys and of_id is not of_keys:
            torn.append(f"line {row.line} ({of_id.student} or {of_keys.student})")
            continue
        if about.id and kept.get(standing.student, about.id) != about.id:
            renamed.append(f"{standing.student} ({kept[standing.student]}, here {about.id})")
        if standing.student in found:
            before = found[standing.student][0].line
            twice.append(f"{standing.student} on lines {before} and {row.line}")
        found[standing.student] = row, standing
    wrong = []
    if not found:
        shown = listed(strangers) or "no students"
        wrong.append(f"expected lines of students of the class, found none: {shown}")
    if renamed:
        wrong.append(
            f"the ids are not those that were collected: {listed(renamed)}; "
            "this may be another assignment's: download the one of this lab"
        )
    if torn:
        wrong.append(
            "the LMS's id is that of one student and the address or id number that of another, on "
            f"{listed(torn)}: correct the roster, or collect again"
        )
    if twice:
        wrong.append(f"expected one line for each student, found {listed(twice)}")
    if wrong:
        raise UserError("\n".join(wrong))
    pairs = tuple(pair for pair in found.values() if pair[1].status != MISSING)
    absent = tuple(row for row in view.handed_in if row.student not in found)
    return Matched(pairs, tuple(strangers), absent)


def _first(by_key: Mapping[str, Standing], keys: Sequence[str]) -> Standing | None:
    return next((by_key[folded(key)] for key in keys if folded(key) in by_key), None)


def last_number(text: str) -> str:
    """Return the number that ends a text, such as that of "Participant 123"; empty without one."""
    match = re.search(r"\d+$", text.strip())
    return match[0] if match else ""
