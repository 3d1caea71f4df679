"""What each lab is worth, and that its solution earns it with the keys that are committed."""

import pytest

from grading.authoring import checks, instructor_notebook, questions, total_points
from grading.authoring.building import load_keys, marks_against_keys, read_lab
from grading.course.config import load_course
from grading.engine.kernels.preload import mentioned
from grading.engine.walls import outer
from grading.judging.assess import prepare
from tests.engines import bench
from tests.graded_class import ROOT
from utils.profile import DEFAULT_SEED, PROFILES

COURSE = load_course(ROOT)
LABS = {  # the marks of its checks, and how many questions it has
    "lab0_foundations": (85, 4),
    "lab1_mlp": (80, 5),
    "lab2_rnn_lstm": (82, 9),
    "lab3_word2vec_autoencoder": (82, 6),
    "lab4_seq2seq_attention": (79, 8),
}


def test_every_lab_of_the_course_is_looked_at() -> None:
    assert [*LABS] == [*COURSE.lab_names]


@pytest.mark.parametrize("name", LABS)
def test_a_lab_totals_100_marks_questions_included(name: str) -> None:
    lab = read_lab(COURSE, name)
    assert total_points(lab) == 100
    assert (sum(checks(lab).values()), len(questions(lab))) == LABS[name]


@pytest.mark.kernels
@pytest.mark.timeout(900)  # the labs are run, on a machine that may be busy
def test_solutions_earn_full_marks_with_the_committed_keys() -> None:
    labs = [read_lab(COURSE, name) for name in LABS]
    solutions = [instructor_notebook(lab, COURSE.language, COURSE) for lab in labs]
    modules = mentioned(cell.source for solution in solutions for cell in solution.cells)
    protected = outer.host().obstacle is None  # its kernels have imported torch already
    with bench(COURSE.limits, modules, sandbox=protected) as opened:
        for lab, solution in zip(labs, solutions, strict=True):
            keys = load_keys(COURSE, lab.name)
            assert keys is not None, f"run `python -m grading build {lab.name}`"
            assert set(keys.profiles) == set(PROFILES)
            terms = opened.wait_for(prepare(opened.engine, solution, "quick", seed=DEFAULT_SEED))
            outcomes = marks_against_keys(terms, keys)
            assert [one.label for one in outcomes if one.earned != one.marks] == []
            assert sum(one.earned for one in outcomes) == LABS[lab.name][0]
