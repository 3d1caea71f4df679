"""What each lab is worth, and that its solution earns it with the keys that are committed."""

from collections.abc import Iterator

import pytest

from grading.authoring import checks, instructor_notebook, questions, total_points
from grading.authoring.building import load_keys, marks_against_keys, read_lab
from grading.course.config import load_course
from grading.engine.kernels.preload import OF_NOTEBOOKS
from grading.engine.walls import outer
from grading.judging.assess import prepare
from tests.engines import Bench, bench
from tests.graded_class import ROOT
from utils.profile import DEFAULT_SEED, PROFILES

COURSE = load_course(ROOT)
LABS = {  # the marks of its checks, and of each of its questions
    "lab0_foundations": (85, [4, 4, 3, 4]),
    "lab1_mlp": (80, [4] * 5),
    "lab2_rnn_lstm": (82, [2] * 9),
    "lab3_word2vec_autoencoder": (82, [3] * 6),
    "lab4_seq2seq_attention": (79, [2, 2, 3, 2, 3, 3, 3, 3]),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Bench]:
    """One engine for all labs: to start it costs as much as a lab."""
    protected = outer.host().obstacle is None  # its kernels have imported torch already
    with bench(COURSE.limits, OF_NOTEBOOKS, sandbox=protected) as opened:
        yield opened


def test_every_lab_of_the_course_is_looked_at() -> None:
    assert [*LABS] == [*COURSE.lab_names]


@pytest.mark.parametrize("name", LABS)
def test_a_lab_totals_100_marks_questions_included(name: str) -> None:
    lab = read_lab(COURSE, name)
    assert total_points(lab) == 100
    assert (sum(checks(lab).values()), [*questions(lab).values()]) == LABS[name]


@pytest.mark.kernels
@pytest.mark.timeout(900)  # the lab is run, on a machine that may be busy
@pytest.mark.parametrize("name", LABS)
def test_a_solution_earns_full_marks_with_the_committed_keys(name: str, engine: Bench) -> None:
    lab = read_lab(COURSE, name)
    keys = load_keys(COURSE, name)
    assert keys is not None, f"run `python -m grading build {name}`"
    assert set(keys.profiles) == set(PROFILES)
    solution = instructor_notebook(lab, COURSE.language, COURSE)
    terms = engine.wait_for(prepare(engine.engine, solution, "quick", seed=DEFAULT_SEED))
    outcomes = marks_against_keys(terms, keys)
    assert [one.label for one in outcomes if one.earned != one.marks] == []
    assert sum(one.earned for one in outcomes) == LABS[name][0]
