"""Answers tried at the student's seed and at grading seeds, on the small lab."""

import json
from pathlib import Path

import pytest

from grading.strength.measure import LEAST_SEEDS, Measured, Tried, seeds_for
from grading.strength.mutants import Mutant
from grading.strength.report import is_sound, lines, summary
from grading.strength.trial import Seen
from tests import mini
from tests.command import command


def seen(*passed: bool | None, crash: str = "") -> Seen:
    verdicts = {f"check {n}": one for n, one in enumerate(passed)}
    return Seen(0, "double", verdicts, {}, crash, 0.1)


def tried(kind: str, session: Seen, *graded: Seen) -> Tried:
    mutant = Mutant("sign", 3, "return -x", "return x", "def double(x):\n    return x")
    return Tried("double", mutant, kind, session, graded)


@pytest.mark.kernels
def test_the_small_lab_from_the_command_line(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    stale = command(course.root, "mutants", "mini")
    assert stale.returncode == 2 and "run `python -m grading build`" in stale.stderr
    assert command(course.root, "build", "--profile", "quick").returncode == 0

    file = tmp_path / "found.json"
    done = command(course.root, "mutants", "mini", "--seeds", "1", "--json", str(file))
    assert file.exists(), done.stdout + done.stderr
    found = json.loads(file.read_text())["mini"]
    assert found["mistakes"] == found["refused"] == 8
    assert found["variants"] == found["accepted"] == 6
    assert found["mutants"] == found["killed"] >= 4 and found["equivalent"] == 3
    assert not found["disagree"] and not found["lost_together"]
    assert found["answers_by_grading_seeds"] == {"1": found["mutants"] + 3 + 8 + 6}
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 mistakes refused, 6 of 6 variants accepted; 0 disagreements" in done.stdout


@pytest.mark.kernels
@pytest.mark.heavy
def test_what_is_not_refused_is_named(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    settings = tmp_path / "course.toml"
    settings.write_text(settings.read_text().replace("cell_seconds = 10", "cell_seconds = 2"))
    source = course.root / "notebooks" / "source" / "mini.py"
    weaker = source.read_text().replace(
        "[(rng.normal(size=4),), (rng.normal(size=(2, 3)),)]", "[(2 + rng.uniform(size=1),)]"
    )
    answers = course.root / "notebooks" / "source" / "mini.answers.toml"
    text = answers.read_text()
    for number, code in enumerate(("while True: pass", "import os; os._exit(0)")):
        text += (
            f"\n[[double.mistakes]]\nname = 'ends {number}'\n"
            f"replace = 'return 2 * np.asarray(x)'\nby = '''{code}'''\n"
        )
    answers.write_text(text)
    source.write_text(
        weaker.replace("lambda: float(double(run_seed() + 0.5))", "lambda: run_seed()")
    )
    assert command(course.root, "build", "--profile", "quick").returncode == 0
    done = command(course.root, "mutants", "mini", "--exercise", "double", "--seeds", "1")
    assert done.returncode == 1
    assert "Mistakes that are not refused:" in done.stdout
    assert "double: its sign is lost" in done.stdout
    assert "double: ends" not in done.stdout, "an answer that hangs or ends its process is refused"


def test_an_answer_is_killed_where_a_check_refuses_it_in_the_session() -> None:
    assert tried("mutant", seen(True, False)).is_killed
    assert not tried("mutant", seen(True, True)).is_killed
    assert tried("mutant", seen()).is_killed, "it had to be stopped"


def test_a_mistake_is_refused_at_every_seed_or_not_at_all() -> None:
    assert tried("mistake", seen(False), seen(False)).is_refused
    assert not tried("mistake", seen(False), seen(False), seen(True)).is_refused


def test_a_variant_is_accepted_where_given_cells_can_use_it() -> None:
    assert tried("variant", seen(True), seen(True)).is_accepted
    assert not tried("variant", seen(True, crash="plot: TypeError"), seen(True)).is_accepted
    assert not tried("variant", seen(True), seen(False)).is_accepted


def test_session_and_grading_disagree_by_check() -> None:
    one = tried("mutant", seen(True, False), seen(True, True), seen(False, False))
    assert one.disagreements == {"check 0": (True, 1), "check 1": (False, 1)}
    assert tried("mutant", seen(True, False), seen(True, False)).disagreements == {}
    in_doubt = tried("mutant", seen(None), seen(True), seen(False))
    assert in_doubt.disagreements == {} and in_doubt.is_killed and not in_doubt.is_accepted


def test_the_report_names_what_is_wrong() -> None:
    measured = Measured(
        (
            tried("mutant", seen(True), seen(False)),
            tried("equivalent", seen(False), seen(False)),
            tried("variant", seen(True, crash="plot: TypeError: no"), seen(True)),
        ),
        (seen(True, False, crash="table: KeyError: 'a'"),),
    )
    found = summary(measured)
    text = "\n".join(lines("mini", found))
    assert not is_sound(found)
    assert "    - return -x\n    + return x\n" in text
    assert "check 0: ✓ in the session, 0 of 1 grading runs" in text
    assert "in the session: the given cell plot: TypeError: no" in text
    assert "variants 1: the given cell table: KeyError: 'a'" in text
    assert "mini: 0 of 1 mutants killed (0.0%), 1 equivalent; 0 of 0 mistakes refused" in text


def test_a_lab_without_mutants_has_no_share() -> None:
    assert is_sound(summary(Measured((), ())))


def test_a_lab_whose_checks_kill_nothing_is_not_sound() -> None:
    assert not is_sound(summary(Measured((tried("mutant", seen(True), seen(True)),), ())))


@pytest.mark.parametrize(("seconds", "count"), [(0.1, 20), (0.5, 20), (1.0, 10), (50.0, 3)])
def test_a_solution_that_takes_long_is_tried_at_fewer_seeds(seconds: float, count: int) -> None:
    assert seeds_for(seconds, 20) == count
    assert seeds_for(seconds, 1) == 1 <= LEAST_SEEDS
