"""A submission's notebook as those read it who do not know whose it is; pure."""

from collections.abc import Iterable
from typing import Any

from nbformat import NotebookNode

from grading.authoring.stubs import split_answer
from grading.cells.headings import headings
from grading.cells.metadata import grade_id, is_check, role_of
from grading.course.roster import Student
from grading.gradebook.forgetting import mapped
from grading.judging.harmless import PICTURES
from grading.keeping.traces import Traces

HANDING_IN = "hand_in"  # the cell whose outputs are receipts
MOST_FIGURES = 6  # beside a question, which may speak of one that stands well above it


def blind(notebook: NotebookNode, authors: Iterable[Student]) -> NotebookNode:
    """Return a notebook without what tells of its authors, and the cells that are to do so."""
    cells = [
        cell
        for cell in notebook.cells
        if role_of(cell) != "identity" and grade_id(cell) != HANDING_IN
    ]
    for traces in map(Traces, authors):
        cells = [_blinded(cell, traces) for cell in cells]
    return NotebookNode(notebook, cells=cells)


def _blinded(cell: NotebookNode, traces: Traces) -> NotebookNode:
    found = NotebookNode(cell, source=traces.without(cell.source))
    if "outputs" in cell:
        found.outputs = [_without(output, traces) for output in cell.outputs]
    return found


def blind_text(text: str, authors: Iterable[Student]) -> str:
    """Return a text without what tells of its authors."""
    for traces in map(Traces, authors):
        text = traces.without(text)
    return text


def cell_of(notebook: NotebookNode, cell: str) -> NotebookNode | None:
    """Return the cell with a grade id, None if there is none."""
    return next((one for one in notebook.cells if grade_id(one) == cell), None)


def prompt_of(notebook: NotebookNode, cell: str) -> NotebookNode | None:
    """Return the cell above an answer, which asks the question."""
    places = [number for number, one in enumerate(notebook.cells) if grade_id(one) == cell]
    return notebook.cells[places[0] - 1] if places and places[0] else None


def model_of(solution: NotebookNode, cell: str) -> str:
    """Return the model answer to a question in a lab's solution, ``""`` if there is none."""
    found = cell_of(solution, cell)
    return "" if found is None else split_answer(found.source)[1]


def figures(notebook: NotebookNode, cell: str) -> list[NotebookNode]:
    """Return pictures above an answer, in its section, as cells of their own; the nearest first."""
    found: list[NotebookNode] = []
    for one in notebook.cells:
        if grade_id(one) == cell:
            return found[-MOST_FIGURES:][::-1]
        if role_of(one) == "prose" and any(level == 2 for level, _ in headings(one.source)):
            found = []
        shown = [output for output in one.get("outputs", []) if _is_picture(output)]
        found += [NotebookNode(one, source="", outputs=[output], metadata={}) for output in shown]
    return []


def of_checks(cells: Iterable[NotebookNode], cell: str) -> list[NotebookNode]:
    """Return the cell of an exercise's checks, and what stands between it and those before it."""
    found: list[NotebookNode] = []
    for one in cells:
        found.append(one)
        if grade_id(one) == cell:
            return found
        if is_check(one):
            found = []
    return []


def _is_picture(output: NotebookNode) -> bool:
    return any(mime in output.get("data", {}) for mime in PICTURES)


def _without(value: Any, traces: Traces) -> Any:
    """Return a part of an output without what tells of somebody; pictures stay as they are."""
    if isinstance(value, dict):
        return NotebookNode(
            {
                key: item if key in PICTURES else _without(item, traces)
                for key, item in value.items()
            }
        )
    return mapped(value, traces.without)
