"""Who signs a notebook: the identity cell, read without running anything.

The cell holds four assignments of plain text::

    STUDENT_1 = "..."    # the student's id
    SIGNATURE_1 = "..."  # the full name, typed under the honour declaration
    STUDENT_2 = ""       # the same of a partner
    SIGNATURE_2 = ""

What people type is not always that: quotes that a word processor bent, none at all, a tuple. It is
read all the same, line by line, and the slip is said.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from nbformat import NotebookNode

from grading.cells.metadata import grade_id
from grading.cells.syntax import parsed
from grading.errors import UserError
from grading.messages import Reason

GRADE_ID = "identity"
FIELDS = ("STUDENT_1", "SIGNATURE_1", "STUDENT_2", "SIGNATURE_2")
MAX_SOURCE = 10_000  # characters; the cell as released has some 300
MAX_LINE = 500
MAX_TEXT = 200

ASSIGNMENT = re.compile(r"^\s*STUDENT_1\s*(?::\s*\w+\s*)?=(?!=)", re.MULTILINE)

# A line that is meant as an assignment, and what it gives: in quotes of whatever kind, or bare.
MEANT = re.compile(
    r"\s*(?P<name>(?:STUDENT|SIGNATURE)_[12])\b\s*(?::\s*str\b\s*)?[=:＝]*\s*(?P<value>.*)",
    re.IGNORECASE,
)
QUOTES = "\"'“”„‟‘’‚‛«»`´＂＇"
QUOTED = re.compile(
    rf"[\s(\[{{]*[rbuf]{{0,2}}[{QUOTES}]+(.*?)[{QUOTES}]+[\s,;)\]}}]*(?:#.*)?", re.I
)
BARE = re.compile(rf"^[\s(\[{{{QUOTES}]*([^#]*).*$")


@dataclass(frozen=True)
class Member:
    """An id typed in the identity cell, with the name typed as its signature."""

    id: str
    signature: str

    @property
    def signed(self) -> bool:
        """Whether something is typed as the signature."""
        return any(char.isalnum() for char in self.signature)


class Identity(NamedTuple):
    """Who a notebook names.

    Attributes
    ----------
    members : tuple of Member
        One or two; none if the cell is blank or missing.
    slips : tuple of Reason
        What is not as it should be in a cell that is understood all the same.
    """

    members: tuple[Member, ...] = ()
    slips: tuple[Reason, ...] = ()


def read_identity(notebook: NotebookNode) -> Identity:
    """Return whom a notebook names.

    The cell is found by its grade id or, where an editor dropped the metadata, by its assignment
    to ``STUDENT_1``.

    Raises
    ------
    UserError
        In one line, if the cell is far too long or two identity cells name different people.
    """
    cells = [cell for cell in notebook.cells if grade_id(cell) == GRADE_ID]
    if not cells:
        code = (cell for cell in notebook.cells if cell.cell_type == "code")
        cells = [cell for cell in code if ASSIGNMENT.search(cell.source)]
    read = [_read(cell.source) for cell in cells]
    found = {identity.members: identity for identity in read if identity.members}
    if len(found) > 1:
        raise UserError(Reason("identity.several"))
    return next(iter([*found.values(), *read]), Identity())


def without_members(source: str, is_gone: Callable[[str], bool]) -> str:
    r"""Return the source of an identity cell without whose id, else signature, ``is_gone``.

    Examples
    --------
    >>> without_members('STUDENT_1 = "ana"\nSIGNATURE_1 = "Ana Gil"', "ana".__eq__)
    'STUDENT_1 = ""\nSIGNATURE_1 = ""'
    """
    values = _meant(source) | _assignments(source)[0]
    gone = {
        f"{field}_{number}"
        for number in (1, 2)
        if is_gone(values.get(f"STUDENT_{number}") or values.get(f"SIGNATURE_{number}", ""))
        for field in ("STUDENT", "SIGNATURE")
    }
    lines = []
    for line in source.splitlines(keepends=True):
        text = line.rstrip("\r\n")
        meant = MEANT.fullmatch(text)
        if meant and (name := meant["name"].upper()) in gone:
            line = f'{name} = ""{line[len(text) :]}'
        lines.append(line)
    return "".join(lines)


def _read(source: str) -> Identity:
    if len(source) > MAX_SOURCE:
        raise UserError(Reason("identity.long", {"count": len(source)}))
    values, slips = _assignments(source)
    for name, value in _meant(source).items():
        if value and name not in values:
            values[name] = value
            slips.append(Reason("identity.text", {"name": name}))
    typed = [
        Member(values[f"STUDENT_{number}"], values.get(f"SIGNATURE_{number}", ""))
        for number in (1, 2)
        if any(char.isalnum() for char in values.get(f"STUDENT_{number}", ""))
    ]
    # A cell that is no Python at all says no more by naming each of its lines.
    broken = [slip for slip in slips if slip.key == "identity.python"]
    return Identity(tuple(typed), tuple(broken or slips))


def _assignments(source: str) -> tuple[dict[str, str], list[Reason]]:
    """Return the text that each name is given as it should be, and what keeps it from being."""
    try:
        statements = parsed(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else "?"
        return {}, [Reason("identity.python", {"line": line})]
    values: dict[str, str] = {}
    for statement in statements:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in FIELDS:
                values.pop(target.id, None)
                if (text := _literal(source, statement.value)) is not None:
                    values[target.id] = text
    return values, []


def _literal(source: str, value: ast.expr) -> str | None:
    """Return a literal as text; an id may also be typed as a number, and None is blank."""
    literal = value.value if isinstance(value, ast.Constant) else ...
    if literal is None:
        return ""
    if isinstance(literal, str):
        return " ".join(literal.split())[:MAX_TEXT]
    if type(literal) is int:
        return (ast.get_source_segment(source, value) or "")[:MAX_TEXT]
    return None


def _meant(source: str) -> dict[str, str]:
    """Return the text that each name seems to be given, line by line."""
    values = {}
    for line in source.splitlines():
        visible = "".join(char for char in line[:MAX_LINE] if char.isprintable() or char.isspace())
        if match := MEANT.fullmatch(visible):
            quoted = QUOTED.fullmatch(match["value"])
            text = quoted[1] if quoted else BARE.sub(r"\1", match["value"], count=1)
            values[match["name"].upper()] = " ".join(text.split()).rstrip(f" ,;)]}}{QUOTES}")
    return {name: value[:MAX_TEXT] for name, value in values.items()}
