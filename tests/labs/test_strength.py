"""A fixed sample of what the labs' checks refuse and accept; `make mutants` tries all of it."""

from pathlib import Path

import pytest

from grading.authoring.building import read_lab
from grading.course.config import load_course
from grading.strength.measure import SEEDS, measure
from grading.strength.report import lines, summary
from tests.graded_class import ROOT

COURSE = load_course(ROOT)
EVERY = 40  # so few of the answers to a lab's exercises


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", COURSE.lab_names)
def test_mistakes_are_refused_variants_accepted_and_mutants_killed(
    name: str, tmp_path: Path
) -> None:
    lab = read_lab(COURSE, name)
    measured = measure(COURSE, lab, tmp_path, every=EVERY, seeds=SEEDS[:1])
    found = summary(measured)
    said = "\n".join(lines(name, found))
    assert found["mutants"] > 0 and found["mistakes"] + found["variants"] > 0, said
    assert not (found["survived"] or found["not_refused"] or found["not_accepted"]), said
    assert not found["equivalent_but_killed"], said
    taken = [one for one in measured.tried if not one.is_killed]
    assert not any(one.disagreements for one in taken), said
