"""From a submission that nbgrader has marked to what is reported of it; pure functions."""

from collections import Counter
from collections.abc import Iterable, Mapping

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution, is_task

from grading.cells.metadata import grade_id
from grading.judging.results import CheckMark, texts
from grading.messages import Reason, message
from grading.native.marking import deciding, is_test, one_line
from grading.native.records import Scores, Tests

Notebooks = Mapping[str, NotebookNode]  # by name, those that were handed in


def flags(name: str, submitted: NotebookNode, tests: Iterable[str]) -> list[Reason]:
    """Return which test cells a submitted notebook lacks, and which cells it has twice."""
    count = Counter(map(grade_id, submitted.cells))
    gone = [cell for cell in tests if not count[cell]]
    repeated = [cell for cell, times in count.items() if cell and times > 1]
    return [Reason("plain.gone", {"cell": cell, "notebook": name}) for cell in gone] + [
        Reason("plain.repeated", {"cell": cell, "notebook": name}) for cell in repeated
    ]


def checks(tests: Tests, scores: Scores, notebooks: Notebooks, lang: str) -> list[CheckMark]:
    """Return the marks of every test cell, in the order in which the submission has them.

    Parameters
    ----------
    tests : Tests
    scores : mapping
        What nbgrader gave.
    notebooks : mapping
        As nbgrader wrote them.
    lang : {"es", "en"}
    """
    marks = []
    for name, points in tests.points.items():
        cells = _cells(notebooks, name)
        for cell in (*cells, *(points.keys() - cells)):
            if cell not in points:
                continue
            score = scores.get((name, cell)) or 0.0
            if score >= points[cell]:
                reason = ""
            elif name not in notebooks:
                reason = message("plain.missing", lang, notebook=name)
            elif cell not in cells:
                reason = message("plain.gone", lang, cell=cell, notebook=name)
            else:
                reason = _reason(cells[cell], lang)
            label = f"{name}/{cell}" if len(tests.points) > 1 else cell
            marks.append(CheckMark(cell, label, score, points[cell], reason))
    return marks


def unanswered(scores: Scores, notebooks: Notebooks) -> list[str]:
    """Return the questions for a person to mark that still hold what the release put there."""
    return [
        grade_id(cell)
        for name, notebook in notebooks.items()
        for cell in notebook.cells
        if is_grade(cell) and is_solution(cell) and scores.get((name, grade_id(cell))) == 0
    ]


def read_by_people(notebooks: Notebooks) -> dict[str, str]:
    """Return the digests of the answers and tasks that a person marks, by ``notebook/cell``."""
    found: dict[str, str] = {}
    for name, notebook in notebooks.items():
        found |= texts(
            name, [cell for cell in notebook.cells if is_solution(cell) or is_task(cell)]
        )
    return found


def _cells(notebooks: Notebooks, name: str) -> dict[str, NotebookNode]:
    """Return the test cells of a notebook by id, in its order."""
    cells = notebooks[name].cells if name in notebooks else ()
    return {grade_id(cell): cell for cell in cells if is_test(cell)}


def _reason(cell: NotebookNode, lang: str) -> str:
    """Return why a test cell did not earn all its points, in one line."""
    output = deciding(cell)
    if output is None:
        return ""
    if output.output_type == "error":
        value = one_line(output.evalue)
        return f"{output.ename}: {value}" if value else str(output.ename)
    if output.output_type == "stream":
        return message("plain.stderr", lang, text=one_line(output.text))
    return message("plain.value", lang, value=one_line(output.data["text/plain"]))
