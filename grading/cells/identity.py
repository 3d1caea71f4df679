"""Who signs a notebook: the identity cell, read without running anything.

The cell holds four assignments of plain text::

    STUDENT_1 = "..."    # the student's id
    SIGNATURE_1 = "..."  # the full name, typed under the honour declaration
    STUDENT_2 = ""       # the same of a partner
    SIGNATURE_2 = ""
"""

import ast
import re
import warnings
from dataclasses import dataclass

from nbformat import NotebookNode

from grading.cells.metadata import grade_id
from grading.errors import UserError
from grading.messages import Reason

GRADE_ID = "identity"
ASSIGNMENT = re.compile(r"^STUDENT_1\s*=(?!=)", re.MULTILINE)
FIELDS = ("STUDENT_1", "SIGNATURE_1", "STUDENT_2", "SIGNATURE_2")
LARGEST_ID = 10**64  # an id typed without quotes
MAX_SOURCE = 10_000  # characters; the cell as released has some 300


@dataclass(frozen=True)
class Member:
    """An id typed in the identity cell, with the name typed as its signature."""

    id: str
    signature: str

    @property
    def signed(self) -> bool:
        """Whether something is typed as the signature."""
        return bool(self.signature)


def read_identity(notebook: NotebookNode) -> tuple[Member, ...]:
    """Return the one or two members that a notebook names; none if its identity cell is blank.

    The cell is found by its grade id or, where an editor dropped the metadata, by its assignment
    to ``STUDENT_1``.

    Raises
    ------
    UserError
        In one line, if the cell cannot be read or two identity cells name different people.
    """
    cells = [cell for cell in notebook.cells if grade_id(cell) == GRADE_ID]
    if not cells:
        code = (cell for cell in notebook.cells if cell.cell_type == "code")
        cells = [cell for cell in code if ASSIGNMENT.search(cell.source)]
    found = {members for cell in cells if (members := _members(cell.source))}
    if len(found) > 1:
        raise UserError(Reason("identity.several"))
    return found.pop() if found else ()


def _members(source: str) -> tuple[Member, ...]:
    values = _assignments(source)
    typed = [
        Member(values[f"STUDENT_{number}"], values[f"SIGNATURE_{number}"])
        for number in (1, 2)
        if values[f"STUDENT_{number}"]
    ]
    return tuple(typed)


def _assignments(source: str) -> dict[str, str]:
    """Return the text that each of the four names is given, an empty one if none is."""
    values = dict.fromkeys(FIELDS, "")
    for statement in _parsed(source):
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in values:
                values[target.id] = _text(target.id, statement.value)
    return values


def _parsed(source: str) -> list[ast.stmt]:
    if len(source) > MAX_SOURCE:
        raise UserError(Reason("identity.long", {"count": len(source)}))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else "?"
        raise UserError(Reason("identity.python", {"line": line})) from None


def _text(name: str, value: ast.expr) -> str:
    """Return a literal as text; an id may also be typed as a number."""
    literal = value.value if isinstance(value, ast.Constant) else ...
    if literal is None:
        return ""
    if isinstance(literal, str):
        return " ".join(literal.split())
    if type(literal) is int and literal < LARGEST_ID:
        return str(literal)
    raise UserError(Reason("identity.text", {"name": name}))
