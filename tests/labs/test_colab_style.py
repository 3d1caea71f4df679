"""A notebook that Colab saved is rebuilt to the same submission as its clean twin."""

import asyncio
import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab
from grading.cells.reading import read_notebook
from grading.course.config import LANGUAGES, load_course
from grading.engine.runner import Engine
from grading.judging.assess import assess, prepare
from grading.judging.rebuild import rebuild
from grading.session.handing_in import missing
from tests import mini
from tests.colab.style import as_colab_saves

ROOT = Path(__file__).resolve().parents[2]
LABS = [lab.name for lab in load_course(ROOT).labs]


def saved(notebook: NotebookNode, *, keeps_metadata: bool = True) -> bytes:
    return json.dumps(as_colab_saves(notebook, keeps_metadata=keeps_metadata)).encode()


def answered(blank: NotebookNode, solution: NotebookNode) -> NotebookNode:
    """Return the student's notebook with every second exercise and question answered, signed."""
    by_id = {cell.id: cell for cell in solution.cells}
    answers = [c for c in blank.cells if c.metadata.dl.role in ("exercise", "question")]
    for cell in answers[::2]:
        cell.source = by_id[cell.id].source
    for cell in blank.cells:
        if cell.id == "identity":
            cell.source = cell.source.replace('1 = ""', '1 = "al1001"')
    return blank


def test_the_style_is_colabs(tmp_path):
    blank = mini.blank(mini.make_course(tmp_path))
    tree = as_colab_saves(blank)
    assert tree["nbformat_minor"] == 0
    assert not [cell for cell in tree["cells"] if "id" in cell]
    assert len({cell["metadata"]["id"] for cell in tree["cells"]}) == len(blank.cells)
    nbformat.validate(tree)


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("lab_name", LABS)
def test_it_is_rebuilt_as_its_clean_twin(lab_name: str, lang: str, keeps_metadata: bool):
    course = load_course(ROOT)
    lab = read_lab(course, lab_name)
    release = student_notebook(lab, lang, course)
    work = answered(student_notebook(lab, lang, course), instructor_notebook(lab, lang, course))
    clean = rebuild(release, read_notebook(nbformat.writes(work).encode()))
    came_back = rebuild(release, read_notebook(saved(work, keeps_metadata=keeps_metadata)))
    assert came_back.flags == clean.flags == ()
    assert came_back.notebook == clean.notebook


def test_it_earns_the_marks_of_its_clean_twin(tmp_path):
    course = mini.make_course(tmp_path)
    work = answered(mini.blank(course), mini.solution(course))

    async def both():
        async with Engine(course.limits, sandbox=False, modules=()) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            files = nbformat.writes(work).encode(), saved(work)
            return [
                await assess(engine, terms, mini.blank(course), read_notebook(raw)) for raw in files
            ]

    clean, came_back = asyncio.run(both())
    assert came_back.judgement == clean.judgement
    assert came_back.flags == clean.flags
    assert 0 < clean.judgement.score < clean.judgement.max_score


def test_what_is_missing_in_it_is_what_is_missing_in_its_twin(tmp_path):
    blank = mini.blank(mini.make_course(tmp_path))
    placeholder = next(c.source for c in blank.cells if c.metadata.dl.role == "question")
    clean = missing(read_notebook(nbformat.writes(blank).encode()), placeholder, "en")
    assert missing(read_notebook(saved(blank)), placeholder, "en") == clean
    assert len(clean) == 2  # nobody signed it, and the question waits
