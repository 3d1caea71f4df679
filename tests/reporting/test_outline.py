"""The names of a lab's exercises, read from the notebook that students got."""

import pytest
from nbformat import NotebookNode, v4

from grading.authoring import parse_lab, student_notebook
from grading.cells.headings import headings
from grading.course.config import load_course
from grading.judging.record import Adjustment
from grading.places import KIT
from grading.reporting.outline import Place, named, outline_of, place_of
from grading.reporting.standings import Standing

COURSE = load_course(KIT)
CHECK = """
tick.value("plain", lambda: 1, marks=1, hint={"es": "Mira.", "en": "Look."})
with tick.marks(2, {"es": "dos", "en": "two"}, hint={"en": "Only English."}):
    assert f(label) == {"hint": 3}
tick.value("without", lambda: 2, marks=1)
tick.value(made(), lambda: 2, marks=1, hint={"es": "Nadie sabe de qué."})
"""


def cell(kind: str, role: str, source: str, cell_id: str = "") -> NotebookNode:
    made = v4.new_code_cell(source) if kind == "code" else v4.new_markdown_cell(source)
    made.metadata["dl"] = {"role": role}
    if cell_id:
        is_answer = role == "question"
        made.metadata["nbgrader"] = {"grade_id": cell_id, "grade": True, "solution": is_answer}
    return made


def release(*cells: NotebookNode, lang: str = "es") -> NotebookNode:
    return v4.new_notebook(cells=list(cells), metadata={"dl": {"lang": lang}})


def test_a_cell_has_the_headings_above_it_and_its_authors_hints() -> None:
    found = outline_of(
        release(
            cell("markdown", "prose", "# Lab\n\n```\n## not a section\n```\n## 3. `nn.LSTM` ##"),
            cell("markdown", "prose", "### Ejercicio 1 · Ir — y volver — ★★☆ · 8 min · 3 puntos"),
            cell("markdown", "prose", "### La celda\nNothing of an exercise."),
            cell("code", "check", CHECK, "go"),
            cell("markdown", "prose", "### Pregunta 2 · 4 puntos\n\n¿Por qué?"),
            cell("markdown", "question", "## Mine\n### Ejercicio 9 · x — ★☆☆", "why"),
            cell("code", "check", "tick.value('x', f, marks=1)", "back"),
            cell("markdown", "prose", "## Otra"),
            cell("code", "check", "pass", "alone"),
        )
    )
    assert list(found) == ["go", "why", "back", "alone"]
    assert (found["go"].section, found["go"].name) == ("3. nn.LSTM", "Ejercicio 1 · Ir — y volver")
    assert found["go"].hints == {"plain": "Mira.", "two": "Only English."}
    assert found["why"] == Place("3. nn.LSTM", "Pregunta 2")
    assert found["back"].name == "Ejercicio 1 · Ir — y volver"
    assert found["alone"] == Place("Otra", "Otra")


@pytest.mark.slow
@pytest.mark.parametrize("lab", COURSE.lab_names)
@pytest.mark.parametrize("lang", ["es", "en"])
def test_every_graded_cell_of_our_labs_has_a_name_and_every_exercise_hints(
    lab: str, lang: str
) -> None:
    notebook = student_notebook(parse_lab(KIT / "notebooks" / "source" / lab), lang, COURSE)
    found = outline_of(notebook)
    assert len(found) > 20
    words = {"es": ("Ejercicio", "Pregunta"), "en": ("Exercise", "Question")}[lang]
    others = [one.name for one in found.values() if not one.name.startswith(words)]
    assert len(others) <= 1 and all(one.section for one in found.values())
    assert all(one.hints for one in found.values() if one.name.startswith(words[0]))


def test_what_people_changed_is_told_by_name() -> None:
    row = Standing("u1", "", "", "", "graded", 1.0, 2.0, adjustments=(Adjustment("go", 1.0),))
    (item,) = named(row, {"go": Place("", "Exercise 1 · Go")}).adjustments
    assert item == Adjustment("Exercise 1 · Go", 1.0)
    assert place_of({}, "go").name == "go"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("~~~\n# no\n~~~\n## yes", [(2, "yes")]),
        ("````\n```\n# no\n````\n# yes #", [(1, "yes")]),
        ("#no\n    # no\n####### no\n   ### yes", [(3, "yes")]),
    ],
)
def test_headings_are_those_of_markdown(text: str, found: list[tuple[int, str]]) -> None:
    assert list(headings(text)) == found
