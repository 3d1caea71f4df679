"""The executed submission as a person reads it: each check cell ends with its marks."""

from html import escape

import nbformat.v4
from nbformat import NotebookNode

from grading.answers.evidence import MIME
from grading.cells.metadata import grade_id
from grading.judging.harmless import harmless
from grading.judging.judge import CheckResult, Judgement
from grading.messages import message


def annotated(notebook: NotebookNode, judgement: Judgement, lang: str) -> NotebookNode:
    """Return a harmless copy in which evidence is replaced by the marks that it earned."""
    by_cell: dict[str, list[CheckResult]] = {}
    for result in judgement.results:
        by_cell.setdefault(result.cell, []).append(result)
    page = harmless(_without_evidence(notebook))
    for cell in page.cells:
        if grade_id(cell) in by_cell:
            cell.outputs.append(_marks_output(by_cell[grade_id(cell)], lang))
    return page


def _without_evidence(notebook: NotebookNode) -> NotebookNode:
    cells = [
        NotebookNode(cell, outputs=[one for one in cell.outputs if MIME not in one.get("data", ())])
        if cell.cell_type == "code"
        else cell
        for cell in notebook.cells
    ]
    return NotebookNode(notebook, cells=cells)


def _marks_output(results: list[CheckResult], lang: str) -> NotebookNode:
    lines = [line_of(result, lang) for result in results]
    return nbformat.v4.new_output(
        "display_data",
        data={
            "text/plain": "\n".join(lines),
            "text/html": "<pre>" + "\n".join(escape(line) for line in lines) + "</pre>",
        },
    )


def line_of(result: CheckResult, lang: str) -> str:
    """Return one check's marks as a line: ✓ or ✗, its title, its marks and why."""
    key = "judged.lost" if result.reason else "judged.earned"
    return message(
        key,
        lang,
        label=result.title,
        earned=f"{result.marks:g}",
        marks=f"{result.max:g}",
        why=result.reason or "",
    )
