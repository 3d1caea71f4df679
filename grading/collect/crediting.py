"""Whose submission a notebook is: what its identity cell says, against who handed it in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grading.cells.identity import Identity, Member
from grading.course.roster import Roster, Student
from grading.errors import UserError

# What stands between two students in one field.
SEVERAL = re.compile(r"[,;/&|+()\n]|\s-\s|\s(?:y|e|and)\s", re.IGNORECASE)


@dataclass(frozen=True)
class Credit:
    """Whose submission a notebook is, and what there is to say about that.

    Attributes
    ----------
    students : tuple of str
        One, or a pair.
    by : str
        The one of them who handed it in.
    notes : tuple of str
    """

    students: tuple[str, ...]
    by: str
    notes: tuple[str, ...] = ()


def credit(identity: Identity, senders: Sequence[Student], roster: Roster) -> Credit:
    """Decide whose submission a notebook is.

    Parameters
    ----------
    identity : Identity
        Who is named in the identity cell.
    senders : sequence of Student
        Who may have handed it in, as the path tells: one, namesakes, or nobody.
    roster : Roster

    Raises
    ------
    UserError
        If nobody can be credited, or the one who handed it in is not named.
    """
    notes = [slip.text("en") for slip in identity.slips]
    signed: dict[str, bool] = {}
    unknown: list[Member] = []
    for member in identity.members:
        meant, note = _meant(member.id, senders, roster)
        notes += [note] if note else []
        unknown += [] if meant else [member]
        for place, student in enumerate(meant):  # one signature is that of one of them
            signed[student.id] = signed.get(student.id, False) or (member.signed and place == 0)
    by = next((student.id for student in senders if student.id in signed), "")
    if not by and senders:
        by = _by_path(senders, signed, unknown)
        signed = {by: any(member.signed for member in unknown)} | signed
        blank = "" if identity.members or identity.slips else "the identity cell is blank: "
        notes.append(f"{blank}credited by the path")
    if not signed:
        said = notes or ["the identity cell is blank or missing"]
        raise UserError("; ".join([*said, "the file's path names nobody on the roster"]))
    by = by or next((who for who, has_signed in signed.items() if has_signed), next(iter(signed)))
    if identity.members and not signed[by]:
        notes.append("the honour declaration is not signed")
    credited = [student for student, has_signed in signed.items() if has_signed or student == by]
    notes += [
        f"{student} has not signed and is not credited"
        for student in signed
        if student not in credited
    ]
    return Credit(tuple(credited), by, tuple(notes))


def _by_path(senders: Sequence[Student], signed: dict[str, bool], unknown: list[Member]) -> str:
    """Return who handed in what names somebody unknown or nobody, or raise `UserError`."""
    who = " or ".join(student.id for student in senders)
    if signed and not unknown:
        raise UserError(
            f"it was handed in by {who}, but its identity cell names {' and '.join(signed)}"
        )
    if len(senders) > 1:
        raise UserError(f"its path may name {who}, and its identity cell names none of them")
    return senders[0].id


def _meant(typed: str, senders: Sequence[Student], roster: Roster) -> tuple[list[Student], str]:
    """Return whom somebody meant who typed this as an id, and what to say if it is no id."""
    if student := roster.find(typed):
        return [student], ""
    parts = [part for part in SEVERAL.split(typed) if part.strip()]
    certain = _certain(typed, senders, roster) or [
        student for part in parts for student in _certain(part, senders, roster)
    ]
    if not certain:
        near = " or ".join(student.id for student in roster.resembling(typed))
        return [], f"{typed!r} may be {near}" if near else f"{typed!r} is not on the roster"
    meant = sorted(dict.fromkeys(certain), key=lambda student: student not in senders)
    return meant, f"{typed!r} is taken for {' and '.join(student.id for student in meant)}"


def _certain(typed: str, senders: Sequence[Student], roster: Roster) -> list[Student]:
    """Return the one student that something typed as an id resembles, if it is one."""
    found = roster.resembling(typed)
    if len(found) > 1:
        found = tuple(student for student in found if student in senders)
    return list(found) if len(found) == 1 else []
