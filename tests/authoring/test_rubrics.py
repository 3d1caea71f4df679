"""Rubrics beside the questions of a lab's source."""

from pathlib import Path

import pytest

from grading.authoring import Lab, parse_lab
from grading.authoring.building import read_lab
from grading.authoring.rubrics import read_rubrics
from grading.course.config import load_course
from grading.errors import UserError
from grading.judging.rubric import TOP, ZERO, Item, Rubric
from tests import mini

COURSE = load_course(Path(__file__).resolve().parents[2])
ITEM = '[[why.items]]\npoints = 1\nes = "Dice por qué"\nen = "Says why"\n'


def lab_with(folder: Path, rubrics: str, part: str = "") -> Lab:
    """Return the small lab, in one file or as a part of one, with a file of rubrics beside it."""
    source = folder / "mini" / f"{part}.py" if part else folder / "mini.py"
    source.parent.mkdir(exist_ok=True)
    source.write_text(mini.SOURCE, encoding="utf-8")
    source.with_suffix(".rubrics.toml").write_text(rubrics, encoding="utf-8")
    return parse_lab(folder / "mini" if part else source)


@pytest.mark.parametrize("part", ["", "1_sums"])
def test_a_rubric_is_read_beside_its_part(tmp_path: Path, part: str) -> None:
    lab = lab_with(tmp_path, ITEM + ITEM.replace("= 1", "= 0.5"), part)
    words = {"es": "Dice por qué", "en": "Says why"}
    assert read_rubrics(lab) == {
        "why": Rubric(ZERO, (Item("1", 1.0, words), Item("2", 0.5, words)))
    }


def test_a_rubric_from_the_top_takes_off(tmp_path: Path) -> None:
    text = '[why]\nstart = "top"\n' + ITEM.replace("= 1", "= -0.5") + ITEM.replace("= 1", "= 0")
    (rubric,) = read_rubrics(lab_with(tmp_path, text)).values()
    assert rubric.start == TOP
    assert (rubric.marks([], 2), rubric.marks(["1"], 2), rubric.marks(["1", "2"], 2)) == (
        2,
        1.5,
        1.5,
    )


def test_a_lab_needs_no_rubric(tmp_path: Path) -> None:
    lab = lab_with(tmp_path, "")
    assert read_rubrics(lab) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[why", "cannot read"),
        ("[who]\n" + ITEM.replace("why", "who"), "[who] is no question of mini.py"),
        ("[double]\n" + ITEM.replace("why", "double"), "[double] is no question"),
        ('[why]\nstart = "zero"\n', "[[why.items]]"),
        ("[why]\nitems = []\n", "[[why.items]]"),
        ('[why]\nfrom = "top"\n' + ITEM, "expected start"),
        ('[why]\nstart = "middle"\n' + ITEM, "expected one of: zero, top"),
        (ITEM * 3, "its points sum to 3, and the question has 2"),
        (ITEM.replace("= 1", "= -1"), "starts from zero and takes off 1"),
        ('[why]\nstart = "top"\n' + ITEM, "starts from the top and adds 1"),
        (ITEM.replace('en = "Says why"\n', ""), "item 1: found es, points"),
        (ITEM.replace('"Says why"', '" "'), "item 1: expected a text in each of: es, en"),
        (ITEM.replace("= 1", "= true"), "item 1: points is True"),
        (ITEM.replace("= 1", "= nan"), "item 1: points is nan"),
        ("why = 3\n", "[[why.items]]"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    lab = lab_with(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_rubrics(lab)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert "mini.rubrics.toml" in str(caught.value)


@pytest.mark.parametrize("name", COURSE.lab_names)
def test_the_items_of_every_question_of_the_course_sum_to_its_points(name: str) -> None:
    lab = read_lab(COURSE, name)
    sums = {
        question: sum(item.points for item in rubric.items)
        for question, rubric in read_rubrics(lab).items()
        if rubric.start == ZERO
    }
    assert sums == {cell.id: cell.points for cell in lab.of_role("question")}
