"""What the release says of a cell holds, whatever a submission's metadata say; pure functions.

An editor, or a student, may turn a test into text, drop the word that it is one, or keep the
metadata of an older nbgrader. nbgrader then refuses the submission, or passes the cell over.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbformat import NotebookNode, v4
from nbgrader.utils import compute_checksum, is_solution

from grading.cells.metadata import grade_id
from grading.messages import Reason

Cells = Mapping[str, Mapping[str, Any]]  # nbgrader's metadata of a notebook's cells, by their ids
_MAKE: Mapping[str, Callable[..., NotebookNode]] = {
    "code": v4.new_code_cell,
    "markdown": v4.new_markdown_cell,
    "raw": v4.new_raw_cell,
}
_ROLES = ("grade", "solution", "task")


def as_released(submitted: NotebookNode, cells: Cells) -> NotebookNode:
    """Return a submitted notebook whose cells are what the release says, each of them once.

    Of copies the last one counts that differs from the release, where the student may write.
    """
    kept = [_restored(cell, cells.get(grade_id(cell))) for cell in submitted.cells]
    at: dict[str, int] = {}
    for number, cell in enumerate(kept):
        name = grade_id(cell)
        if name and (name not in at or _is_answered(cell) or not _is_answered(kept[at[name]])):
            at[name] = number
    counted = {*at.values()}
    return NotebookNode(
        submitted,
        cells=[
            cell if number in counted else _restored(cell, None) for number, cell in enumerate(kept)
        ],
    )


def flags(name: str, submitted: NotebookNode, cells: Cells) -> list[Reason]:
    """Return which graded cells a submitted notebook lacks, and which it has otherwise or twice."""
    odd = dict.fromkeys(_odd(submitted, cells))
    return [Reason(key, {"cell": cell, "notebook": name}) for key, cell in odd]


def _odd(submitted: NotebookNode, cells: Cells) -> Iterator[tuple[str, str]]:
    count = Counter(map(grade_id, submitted.cells))
    for cell, about in cells.items():
        if "points" in about and not count[cell]:
            is_test = about["grade"] and not about["solution"]
            yield "plain.gone" if is_test else "plain.lacking", cell
    for cell in submitted.cells:
        if grade_id(cell) in cells and _is_turned(cell, cells[grade_id(cell)]):
            yield "plain.turned", grade_id(cell)
    for cell, times in count.items():
        if cell and times > 1:
            yield "plain.repeated", cell


def _is_turned(cell: NotebookNode, about: Mapping[str, Any]) -> bool:
    said = cell.metadata["nbgrader"]
    roles = any(said.get(role, False) is not about[role] for role in _ROLES)
    return roles or cell.cell_type != about["cell_type"]


def _is_answered(cell: NotebookNode) -> bool:
    """Whether the student may write in a restored cell, and did."""
    return is_solution(cell) and cell.metadata.nbgrader.get("checksum") != compute_checksum(cell)


def _restored(cell: NotebookNode, about: Mapping[str, Any] | None) -> NotebookNode:
    metadata = {key: value for key, value in cell.metadata.items() if key != "nbgrader"}
    if about is None:
        return NotebookNode(cell, metadata=NotebookNode(metadata))
    metadata["nbgrader"] = NotebookNode(about)
    if cell.cell_type == about["cell_type"]:
        return NotebookNode(cell, metadata=NotebookNode(metadata))
    return _MAKE[about["cell_type"]](cell.source, id=cell.id, metadata=NotebookNode(metadata))
