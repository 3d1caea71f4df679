"""The submission rebuilt from the release: only the answers are the student's.

Locked cells (checks, given code, prose) are the release's. Answer cells take the student's text.
Cells that the student added are run where they stand, but carry no grade id, so nothing that
they leave can count as evidence. Everything that was changed beyond the answers is flagged.
"""

import ast
import copy
from dataclasses import dataclass

import nbformat.v4
from nbformat import NotebookNode

from grading.messages import Reason
from grading.notebook_io import grade_id

MISSING = "# This answer was missing from the submission."


@dataclass(frozen=True)
class Rebuilt:
    """A notebook that is safe to judge, and what the submission had changed."""

    notebook: NotebookNode
    flags: tuple[Reason, ...]


def rebuild(release: NotebookNode, submitted: NotebookNode) -> Rebuilt:
    """Return the release with the submission's answers and added cells in it.

    Parameters
    ----------
    release : NotebookNode
        The student's notebook as it was released.
    submitted : NotebookNode
        As it came back, in any language of the course: ids or metadata may have been lost.
    """
    places = _match(release, submitted)
    flags: list[Reason] = []
    cells = _added(submitted, places, before=True)
    for index, original in enumerate(release.cells):
        copies = [
            cell for cell, place in zip(submitted.cells, places, strict=True) if place == index
        ]
        cells.append(_restored(original, copies, flags))
        cells += _added(submitted, places, after=index)
    notebook = copy.deepcopy(release)
    notebook.cells = _with_unique_ids(cells)
    added = sum(
        place is None and cell.cell_type == "code"
        for cell, place in zip(submitted.cells, places, strict=True)
    )
    if added:
        flags.append(Reason("flag.added", {"count": added}))
    return Rebuilt(notebook, tuple(flags))


def is_answer(cell: NotebookNode) -> bool:
    """Whether the student may write in this cell of a release."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _restored(
    original: NotebookNode, copies: list[NotebookNode], flags: list[Reason]
) -> NotebookNode:
    """Return the release's cell with the student's text, if it is theirs to write."""
    cell = copy.deepcopy(original)
    name = {"cell": grade_id(original)}
    if is_answer(original):
        if not copies:
            flags.append(Reason("flag.missing", name))
            cell.source = MISSING if cell.cell_type == "code" else ""
            return cell
        if len(copies) > 1:
            flags.append(Reason("flag.repeated", name))
        cell.source = copies[-1].source
        return cell
    if cell.cell_type == "code":
        if not copies:
            flags.append(Reason("flag.deleted", name))
        elif any(_text(other) != _text(original) or other.cell_type != "code" for other in copies):
            flags.append(Reason("flag.edited", name))
        elif len(copies) > 1:
            flags.append(Reason("flag.repeated", name))
    return cell


def _added(
    submitted: NotebookNode,
    places: list[int | None],
    *,
    after: int | None = None,
    before: bool = False,
) -> list[NotebookNode]:
    """Return the student's own cells that follow release cell ``after`` (or come first)."""
    current: int | None = None
    found = []
    for cell, place in zip(submitted.cells, places, strict=True):
        if place is not None:
            current = place
        elif (before and current is None) or (
            not before and current == after and current is not None
        ):
            found.append(_plain_copy(cell))
    return found


def _plain_copy(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(cell.source)
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(cell.source)
    return nbformat.v4.new_raw_cell(cell.source)


def _with_unique_ids(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Give added cells numbered ids, so that a submission is rebuilt to the same bytes."""
    for index, cell in enumerate(cells):
        if not grade_id(cell) and not cell.metadata.get("dl"):
            cell["id"] = f"added-{index}"
    return cells


# --- which cell of the release a submitted cell is --------------------------------------------


def _match(release: NotebookNode, submitted: NotebookNode) -> list[int | None]:
    """Return for every submitted cell the index of its release cell, None if it was added.

    By grade id; else by cell id; else, where an editor dropped both, by the same text; and an
    answer without either by its place between known cells and the names it defines.
    """
    by_grade_id = {grade_id(cell): i for i, cell in enumerate(release.cells) if grade_id(cell)}
    by_cell_id = {cell.get("id"): i for i, cell in enumerate(release.cells) if cell.get("id")}
    by_text: dict[tuple[str, str], list[int]] = {}
    for index, cell in enumerate(release.cells):
        by_text.setdefault((cell.cell_type, _text(cell)), []).append(index)
    places: list[int | None] = []
    for cell in submitted.cells:
        place = by_grade_id.get(grade_id(cell))
        if place is None and not grade_id(cell):
            place = by_cell_id.get(cell.get("id"))
        if place is None:
            same = by_text.get((cell.cell_type, _text(cell)), [])
            place = next((index for index in same if index not in places), None)
        places.append(place)
    _place_answers(release, submitted, places)
    return places


def _place_answers(
    release: NotebookNode, submitted: NotebookNode, places: list[int | None]
) -> None:
    """Find the answers that lost their metadata, by what they define or where they stand."""
    for index, original in enumerate(release.cells):
        if not is_answer(original) or index in places:
            continue
        before = max(
            (p for p in range(len(places)) if places[p] is not None and (places[p] or 0) < index),
            default=-1,
        )
        gap = []
        for position in range(before + 1, len(places)):
            if places[position] is not None:
                break
            if submitted.cells[position].cell_type == original.cell_type:
                gap.append(position)
        wanted = _defined(original.source)
        defining = [p for p in gap if wanted and wanted <= _defined(submitted.cells[p].source)]
        anywhere = [
            p
            for p, cell in enumerate(submitted.cells)
            if places[p] is None and wanted and wanted <= _defined(cell.source)
        ]
        chosen = defining or anywhere or ([] if wanted else gap)
        if chosen:
            places[chosen[-1] if (defining or anywhere) else chosen[0]] = index


def _text(cell: NotebookNode) -> str:
    """Return a cell's text without trailing blanks, as editors change those."""
    return "\n".join(line.rstrip() for line in cell.source.strip().splitlines())


def _defined(source: str) -> frozenset[str]:
    """Return the functions, classes and variables that a cell defines at its top level."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(names)
