"""What the metadata of a notebook and of its cells say: nbgrader's and the course's own.

A notebook that was handed in may hold anything there; what has not the expected type says nothing.
"""

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

NOTHING: Mapping[str, Any] = {}


def _table(node: NotebookNode, name: str) -> Mapping[str, Any]:
    about = node.metadata.get(name)
    return about if isinstance(about, dict) else NOTHING


def _text(about: Mapping[str, Any], key: str) -> str:
    found = about.get(key)
    return found if isinstance(found, str) else ""


def lab_of(notebook: NotebookNode) -> str:
    """Return the lab that a notebook says it is, or an empty text if it does not say."""
    return _text(_table(notebook, "dl"), "lab")


def language_of(notebook: NotebookNode) -> str:
    """Return the language that a notebook says it is in, or an empty text if it does not say."""
    return _text(_table(notebook, "dl"), "lang")


def role_of(cell: NotebookNode) -> str:
    """Return the role that the lab's source gave a cell, or an empty text if it has none."""
    return _text(_table(cell, "dl"), "role")


def grade_id(cell: NotebookNode) -> str:
    """Return the nbgrader id of a cell, or an empty text if it has none."""
    return _text(_table(cell, "nbgrader"), "grade_id")


def is_graded(cell: NotebookNode) -> bool:
    """Whether a cell earns marks, by its outputs or by what a person thinks of it."""
    return bool(_table(cell, "nbgrader").get("grade"))


def is_answer(cell: NotebookNode) -> bool:
    """Whether the student writes in this cell."""
    return bool(_table(cell, "nbgrader").get("solution"))


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell is code that earns marks by its outputs."""
    return cell.cell_type == "code" and is_graded(cell) and not is_answer(cell)


def is_question(cell: NotebookNode) -> bool:
    """Whether a cell holds a written answer that a person marks."""
    return is_graded(cell) and is_answer(cell)
