"""A build refuses checks whose answer anybody who has seen it once could put in."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4

from grading.answers.canonical import canonical
from grading.answers.encoding import encode
from grading.answers.evidence import MIME, Answer, Reference, Spec, answer_of
from grading.authoring.building import is_same, read_lab, refuse_constants, run_solution
from grading.course.config import Course
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.judging.assess import Terms
from tests import mini


def value(answer: Any, marks: float = 2.0, label: str = "sum", **terms: Any) -> Reference:
    answers = (answer_of(answer, seed="s"),)
    return Reference(label, "value", answers, spec=Spec(marks, **terms))


def refusing(*names: str) -> Reference:
    return Reference("no", "call", tuple(Answer(raised=name) for name in names), spec=Spec(2.0))


def group(*answers: Any) -> Reference:
    items = tuple(value(a, marks=0.0, label=f"item {n}") for n, a in enumerate(answers))
    return Reference("all", "group", (), items, spec=Spec(2.0))


def terms(item: Reference) -> Terms:
    """Return a run of a solution that left one check's evidence."""
    cell = v4.new_code_cell("tick")
    cell.metadata.nbgrader = {"grade_id": "one", "grade": True, "solution": False}
    cell.outputs = [v4.new_output("display_data", data={MIME: encode(item)})]
    return Terms("quick", 0, v4.new_notebook(cells=[cell]), b"{}")


@pytest.mark.parametrize(
    ("one", "other", "is_constant"),
    [
        (value(True), value(True), True),
        (value([True, False]), value([False, True]), False),
        (value("torch.float32"), value("torch.float32"), True),
        (value(0.0, tol=1e-4), value(3e-9, tol=1e-4), True),  # how far two gradients are apart
        (value([0.5, 0.25]), value([0.5, 0.2]), False),
        (value([1.0] * 20_000), value([1.0] * 20_000), True),  # sent as a sketch
        (refusing("ValueError"), refusing("ValueError"), True),
        (value([1.0]), value([1.0, 1.0]), False),
        (group(1, True), group(2, True), False),
        (group(1, True), group(1, True), True),
    ],
)
def test_an_answer_that_no_seed_changes(
    one: Reference, other: Reference, is_constant: bool, tmp_path: Path
) -> None:
    assert is_same(one, other) is is_constant
    lab = read_lab(mini.make_course(tmp_path), mini.LAB)
    if not is_constant:
        return refuse_constants(lab, terms(one), terms(other))
    with pytest.raises(UserError, match=rf"^mini: .*'{one.label}' \(2\); draw") as caught:
        refuse_constants(lab, terms(one), terms(other))
    assert "\n" not in str(caught.value)
    return None


def test_one_mark_may_be_constant_and_a_metric_is_none(tmp_path: Path) -> None:
    lab = read_lab(mini.make_course(tmp_path), mini.LAB)
    refuse_constants(lab, *[terms(value(True, marks=1.0))] * 2)
    measured = value(
        [1.0, 2.0],
        metric="rmse",
        truth=canonical([1.0, 2.5]),
        baseline=canonical([0.0, 0.0]),
    )
    refuse_constants(lab, *[terms(measured)] * 2)


@pytest.mark.kernels
def test_the_seeds_of_real_runs_change_answers(tmp_path: Path) -> None:
    course: Course = mini.make_course(tmp_path)
    lab = read_lab(course, mini.LAB)

    async def runs(*seeds: int) -> list[Terms]:
        async with Engine(course.limits, sandbox=False) as engine:
            return [await run_solution(engine, course, lab, "quick", seed) for seed in seeds]

    one, other = asyncio.run(runs(1, 2))
    refuse_constants(lab, one, other)
    with pytest.raises(UserError, match=r"'double on vectors' \(3\), 'double of the seed' \(2\)"):
        refuse_constants(lab, one, one)
