"""What people call the graded cells of a lab: its sections, exercises and questions by name."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbformat import NotebookNode

from grading.cells.headings import headings
from grading.cells.metadata import grade_id, is_check, is_question, language_of, role_of
from grading.cells.reading import read_notebook
from grading.cells.syntax import parsed
from grading.course.config import Course
from grading.messages import Title
from grading.reporting.standings import Standing

_STARS = re.compile(r"\s+—\s+[★☆]+.*$")  # what follows an exercise's title: how hard, how long


@dataclass(frozen=True)
class Place:
    """Where a graded cell stands.

    Attributes
    ----------
    section, name : str
        The headings above it: "2. Regresión lineal", "Ejercicio 4 · Ecuaciones normales".
    hints : mapping of str to str
        What the lab's author says to look at, by the label of a check.
    """

    section: str
    name: str
    hints: Mapping[str, str] = field(default_factory=dict)


Outline = Mapping[str, Place]


def place_of(outline: Outline, cell: str) -> Place:
    """Return where a cell stands; one of no lab of ours is called by its id."""
    return outline.get(cell) or Place("", cell)


def read_outline(course: Course, lab: str) -> dict[str, Place]:
    """Return the outline of a lab's release, empty if there is none."""
    path = course.release_path(lab)
    return outline_of(read_notebook(path.read_bytes())) if path.exists() else {}


def outline_of(release: NotebookNode) -> dict[str, Place]:
    """Return where each graded cell of a release stands, in its order."""
    section = exercise = question = ""
    found = {}
    for cell in release.cells:
        if role_of(cell) == "prose":
            for level, words in headings(cell.source):
                words = words.replace("`", "")
                if level == 2:
                    section, exercise = words, ""
                elif _STARS.search(words):
                    exercise = _STARS.sub("", words)
                else:
                    question = words.rpartition(" · ")[0]  # what follows is its marks
        elif is_check(cell):
            hints = dict(_hints(cell.source, language_of(release)))
            found[grade_id(cell)] = Place(section, exercise or section or grade_id(cell), hints)
        elif is_question(cell):
            found[grade_id(cell)] = Place(section, question or section or grade_id(cell))
    return found


def named(row: Standing, outline: Outline) -> Standing:
    """Return a row in which what people changed is told by the names of the cells."""

    def name(cell: str) -> str:
        return place_of(outline, cell).name

    return replace(
        row,
        adjustments=tuple(replace(item, cell=name(item.cell)) for item in row.adjustments),
        history=tuple(replace(change, cell=name(change.cell)) for change in row.history),
        overwritten=tuple(replace(change, cell=name(change.cell)) for change in row.overwritten),
    )


def _hints(source: str, lang: str) -> Iterator[tuple[str, str]]:
    """Yield label and hint of each call of a check that is written with both."""
    for call in ast.walk(parsed(source)):
        if isinstance(call, ast.Call):
            given = {item.arg: _literal(item.value) for item in call.keywords}
            hint = given.get("hint")
            label = next((text for text in map(_literal, call.args) if text), None)
            if hint and label:
                yield Title.of(label).label, hint.get(lang) or next(iter(hint.values()))


def _literal(node: ast.expr) -> Any:
    """Return the text or the texts by language that an expression is, None for any other."""
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, str | dict) else None
