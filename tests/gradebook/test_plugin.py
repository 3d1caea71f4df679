"""Which submissions share a run of the solution when nbgrader grades them one after the other."""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grading.gradebook import nbgrader_plugin
from tests import mini


@pytest.fixture
def seeds_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what says which run of the solution, by number, each of some students is graded on."""
    course = mini.make_course(tmp_path)
    solution = course.home / "source" / mini.LAB / f"{mini.LAB}.ipynb"
    solution.parent.mkdir(parents=True)
    nbformat.write(mini.solution(course), solution)
    runs = iter(range(100))

    async def prepared(*_: Any) -> int:
        return next(runs)

    class Idle:
        def __init__(self, limits: Any, private: Any) -> None: ...

        async def __aenter__(self) -> None: ...

    monkeypatch.setattr(nbgrader_plugin, "prepare", prepared)
    monkeypatch.setattr(nbgrader_plugin, "Engine", Idle)
    host = nbgrader_plugin._Host(course)
    return lambda *students: [host.terms(course, mini.LAB, student) for student in students]


def test_a_class_shares_one_run(seeds_of: Any) -> None:
    assert seeds_of("ada", "bob", "cyd") == [0, 0, 0]


def test_who_comes_again_gets_another_seed(seeds_of: Any) -> None:
    assert seeds_of("ada", "bob", "ada", "ada", "bob", "cyd") == [0, 0, 1, 2, 2, 2]


def test_a_seed_grows_old(seeds_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert seeds_of("ada") == [0]
    monkeypatch.setattr(nbgrader_plugin, "BATCH_SECONDS", 0.0)
    assert seeds_of("bob") == [1]


def test_a_new_solution_is_run(seeds_of: Any, tmp_path: Path) -> None:
    assert seeds_of("ada") == [0]
    (solution,) = tmp_path.glob("course/source/*/*.ipynb")
    os.utime(solution, (1, 1))
    assert seeds_of("bob") == [1]
