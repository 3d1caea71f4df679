"""CSV files whose rows are about students of the roster: extensions, excuses, exams, changes."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from grading.course.roster import TITLES, Roster, Student, columns_of, field_of, rows_of
from grading.errors import UserError

Meant = TypeVar("Meant")
Fields = Mapping[str, str]  # what stands in a row, by column

STUDENT_TITLES = (*TITLES["student_id"], "student", "estudiante")
LAB_TITLES = ("lab", "assignment", "practica", "laboratorio")
REASON_TITLES = ("reason", "motivo")
MARK_TITLES = ("marks", "mark", "score", "points", "nota", "puntos", "puntuacion", "calificacion")

_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")


def read_listing(
    path: Path,
    what: str,
    titles: Mapping[str, Sequence[str]],
    needed: Iterable[Sequence[str]],
    read: Callable[[Fields], Meant],
) -> list[Meant]:
    """Return what each row of a file means; nothing if there is no file.

    Files are understood as the roster's are.

    Parameters
    ----------
    path : Path
    what : str
        What the file is called in an error.
    titles : mapping of str to sequence of str
        The columns, in order, and what each may be called, as `plain_words` gives it.
    needed : iterable of sequence of str
        Of each of these one column must be there.
    read : callable
        Makes something of a row's fields; a `ValueError` says what is wrong with them.

    Raises
    ------
    UserError
        With a line for each row that is wrong.
    """
    if not path.exists() or not (rows := rows_of(path, what)):
        return []
    (first, header), *body = rows
    columns = columns_of(header, titles)
    if missing := [names for names in needed if not any(columns[name] for name in names)]:
        raise UserError(
            f"{path}, line {first}: expected one column "
            f"{' and one '.join(' or '.join(names) for names in missing)} in the header "
            f"{','.join(titles)}; found {','.join(header)!r:.100}"
        )
    meant, wrong = [], []
    for line, row in body:
        try:
            meant.append(read({name: field_of(row, places) for name, places in columns.items()}))
        except ValueError as error:
            wrong.append(f"{path}, line {line}: {error}")
    if wrong:
        raise UserError("\n".join(wrong))
    return meant


def student_meant(roster: Roster, typed: str) -> Student:
    """Return the student with this id.

    Raises
    ------
    ValueError
        If there is none, with those who may be meant.
    """
    if one := roster.find(typed):
        return one
    near = " or ".join(item.id for item in roster.resembling(typed))
    hint = f"did you mean {near}?" if near else "add the student there, or correct the id"
    raise ValueError(f"student_id {typed!r} is not in the roster; {hint}")


def name_meant(what: str, known: Sequence[str], typed: str) -> str:
    """Return the name in course.toml, of labs say, that was typed in capitals or not.

    Raises
    ------
    ValueError
        If there is none, with the one that may be meant.

    Examples
    --------
    >>> name_meant("lab", ["one", "two"], "Two")
    'two'
    """
    names = {name.casefold(): name for name in known}
    if name := names.get(typed.casefold()):
        return name
    near = difflib.get_close_matches(typed.casefold(), names, n=1)
    hint = f"did you mean {names[near[0]]}?" if near else f"it lists: {', '.join(known) or 'none'}"
    raise ValueError(f"there is no {what} {typed!r} in course.toml; {hint}")


def as_exact(text: str) -> Fraction | None:
    """Return a number with a decimal point or comma, None if it is not one.

    Examples
    --------
    >>> as_exact("7,50"), as_exact("-0.1"), as_exact("EX")
    (Fraction(15, 2), Fraction(-1, 10), None)
    """
    return Fraction(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None
