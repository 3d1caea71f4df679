"""From a submission that nbgrader has marked to what is reported of it; pure functions."""

import re
from collections.abc import Iterable, Mapping

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution, is_task

from grading.cells.metadata import grade_id
from grading.course.config import Limits
from grading.judging.results import CheckMark, texts
from grading.messages import Reason, message
from grading.native.marking import deciding, is_test, one_line
from grading.native.records import Scores, Tests

_NUMBER = re.compile(r"\d+\.?\d*(e[-+]?\d+)?", re.ASCII)  # as Python shows one that can be marks
_SIGNS = {  # of errors that a limit brings about
    "memory_mb": re.compile(r"^\w*MemoryError\b|can't allocate memory|std::bad_alloc"),
    "file_mb": re.compile(r"^OSError: \[Errno (27|28)\]"),  # file too large, no space left
}
_MANY, _SHOWN = 5, 60  # values that one flag shows, and characters of each
Notebooks = Mapping[str, NotebookNode]  # by name, those that were handed in


def no_marks(name: str, executed: NotebookNode) -> list[Reason]:
    """Return, as one flag, which test cells of an executed notebook have values that are no marks.

    By nbgrader's rule such a value earns all the points, as it does where it is not meant as one.
    """
    found = [
        f"{grade_id(cell)} = {value[:_SHOWN]}"
        for cell in executed.cells
        if is_test(cell) and (value := _no_mark(cell)) is not None
    ]
    cells = "; ".join(found[:_MANY]) + (" …" if len(found) > _MANY else "")
    return [Reason("plain.no_mark", {"notebook": name, "cells": cells})] if found else []


def limits_met(
    name: str, executed: NotebookNode, problems: Iterable[Reason], limits: Limits
) -> list[Reason]:
    """Return which cells of an executed notebook met a limit that can be raised, by what they say.

    Parameters
    ----------
    name : str
    executed : NotebookNode
    problems : iterable of Reason
        Of the run.
    limits : Limits
    """
    killed = {
        problem.values["cell"]
        for problem in problems
        if problem.values.get("cause") == Reason("cause.memory")
    }
    met = {
        (number, limit)
        for number, cell in enumerate(executed.cells, start=1)
        for output in cell.get("outputs", ())
        if output.output_type == "error"
        for limit, sign in _SIGNS.items()
        if sign.search(f"{output.ename}: {output.evalue}")
    }
    return [
        Reason(
            "plain.limit",
            {
                "cell": number,
                "notebook": name,
                "limit": limit,
                "most": getattr(limits, limit),
                "place": limits.place,
            },
        )
        for number, limit in sorted(met | {(number, "memory_mb") for number in killed})
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
        here = [cell for cell in cells if cell in points]
        for cell in (*here, *(cell for cell in points if cell not in cells)):
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


def present(notebooks: Notebooks) -> set[tuple[str, str]]:
    """Return the notebook and the id of every cell that nbgrader knows and the submission has."""
    return {
        (name, grade_id(cell))
        for name, notebook in notebooks.items()
        for cell in notebook.cells
        if grade_id(cell)
    }


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


def _no_mark(cell: NotebookNode) -> str | None:
    """Return the value of a test cell if it decides and is not a number from 0 to the points."""
    decided = deciding(cell)
    if decided is None or decided.output_type == "stream":
        return None
    for output in cell.outputs:
        if output.output_type == "execute_result":
            text = str(output.data.get("text/plain", ""))
            points = float(cell.metadata.nbgrader.points)
            return None if _NUMBER.fullmatch(text) and float(text) <= points else one_line(text)
    return None


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
