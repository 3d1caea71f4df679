"""What an author lists beside each question: the rubric by which its answers are marked.

Beside the part ``1_linear.py`` of a lab may stand ``1_linear.rubrics.toml``. docs/marking.md shows
the format.
"""

from pathlib import Path
from typing import Any

from grading.authoring.listed import tables_of
from grading.authoring.parts import RUBRICS
from grading.authoring.source import Cell, Lab
from grading.course.config import LANGUAGES
from grading.course.tables import is_number
from grading.errors import UserError
from grading.judging.rubric import STARTS, ZERO, Item, Rubric, mistake


def read_rubrics(lab: Lab) -> dict[str, Rubric]:
    """Return the rubrics that a lab's questions have, by their ids.

    Raises
    ------
    UserError
        In one line: a file that cannot be read, a question that is not in its part, a key that is
        not known or is missing, points that add up to more than the question has.
    """
    questions = {cell.id: cell for cell in lab.of_role("question")}
    found = {}
    for part in dict.fromkeys(cell.place.file for cell in lab.cells):
        file = part.with_name(f"{part.stem}{RUBRICS}")
        for name, table in (tables_of(file) if file.exists() else {}).items():
            question = questions.get(name)
            if question is None or question.place.file != part:
                raise UserError(f"{file}: [{name}] is no question of {part.name}")
            found[name] = _rubric(table, question, file)
    return found


def _rubric(table: Any, question: Cell, file: Path) -> Rubric:
    where = f"{file}: [{question.id}]"
    if not isinstance(table, dict) or not {"items"} <= table.keys() <= {"start", "items"}:
        raise UserError(f"{where}: expected start and, below it, [[{question.id}.items]]")
    start, items = table.get("start", ZERO), table["items"]
    if start not in STARTS:
        raise UserError(f"{where}: start is {start!r}; expected one of: {', '.join(STARTS)}")
    if not isinstance(items, list) or not items:
        raise UserError(f"{where}: expected items, each under [[{question.id}.items]]")
    read = tuple(
        _item(one, str(number), f"{where} item {number}")
        for number, one in enumerate(items, start=1)
    )
    if wrong := mistake(start, [item.points for item in read], question.points):
        raise UserError(f"{where}: {wrong}")
    return Rubric(start, read)


def _item(table: Any, key: str, where: str) -> Item:
    expected = {"points", *LANGUAGES}
    if not isinstance(table, dict) or table.keys() != expected:
        found = ", ".join(sorted(table)) if isinstance(table, dict) else repr(table)
        raise UserError(f"{where}: found {found}; expected {', '.join(sorted(expected))}")
    words = {lang: table[lang] for lang in LANGUAGES}
    if not all(isinstance(text, str) and text.strip() for text in words.values()):
        raise UserError(f"{where}: expected a text in each of: {', '.join(LANGUAGES)}")
    if not is_number(table["points"]):
        raise UserError(f"{where}: points is {table['points']!r}; expected a number")
    return Item(key, float(table["points"]), {lang: text.strip() for lang, text in words.items()})
