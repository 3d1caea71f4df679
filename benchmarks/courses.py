"""Courses to grade in benchmarks: plain nbgrader ones, and the tests' small lab."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
import nbformat.v4
import sqlalchemy as sa
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grading.gradebook.marks import Marks
from tests import mini

CORES = len(os.sched_getaffinity(0))
ASSIGNMENT = "ps"
TRIVIAL = ("import torch\n\nx = torch.ones(3)", "assert double(2) == 4")
COMPUTE = (
    "import time\n\nimport numpy as np",
    "start = time.process_time()\n"
    "a = np.random.default_rng(0).normal(size=(200, 200))\n"
    "while time.process_time() - start < 2.0:\n"
    "    a = np.tanh(a @ a / 200)\n"
    "assert double(2) == 4",
)


@dataclass(frozen=True)
class Timed:
    """What a command took, its children included."""

    wall: float
    cpu: float
    output: str


def timed(command: list[str], folder: Path, more: Mapping[str, str] | None = None) -> Timed:
    """Run a command to its end, with ``more`` in its environment.

    Raises
    ------
    RuntimeError
        If it exits with anything but 0 or 1 (some submissions need attention).
    """
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env |= {"OMP_NUM_THREADS": "1"} | dict(more or {})
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    wall, after = time.perf_counter() - started, os.times()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command} failed: {(done.stderr or done.stdout)[-2000:]}")
    cpu = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return Timed(wall, cpu, done.stdout + done.stderr)


def plain_course(root: Path, count: int, cells: tuple[str, str]) -> Path:
    """Make an nbgrader course of one assignment with ``count`` right submissions."""
    source = root / "source" / ASSIGNMENT / "problem.ipynb"
    source.parent.mkdir(parents=True)
    given, test = cells
    nbformat.write(
        nbformat.v4.new_notebook(
            cells=[
                _cell("given", given, locked=True),
                _cell(
                    "double",
                    "def double(x):\n"
                    "    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION",
                    solution=True,
                ),
                _cell("test", test, locked=True, grade=True, points=2),
            ],
            metadata={
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
            },
        ),
        source,
    )
    _generate(root, ASSIGNMENT)
    release = (root / "release" / ASSIGNMENT / "problem.ipynb").read_text()
    solved = release.replace("raise NotImplementedError()", "return 2 * x")
    for number in range(count):
        path = root / "submitted" / f"student{number:04}" / ASSIGNMENT / "problem.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(solved)
    return root


def _generate(root: Path, assignment: str) -> None:
    """Make nbgrader's release version of an assignment, and its gradebook."""
    config = Config()
    config.CourseDirectory.root = str(root)
    url = f"sqlite:///{root / 'gradebook.db'}"
    config.CourseDirectory.db_url = url
    with Marks(url):
        pass
    course = CourseDirectory(config=config)
    outcome = NbGraderAPI(course, config=config).generate_assignment(assignment)
    if not outcome["success"]:
        raise RuntimeError(outcome["log"])


def real_course(
    root: Path, lab: str, instructor: NotebookNode, submitted: NotebookNode, count: int
) -> Path:
    """Make an nbgrader course of a real lab in which one notebook was handed in ``count`` times."""
    source = root / "source" / lab / f"{lab}.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(instructor, source)
    _generate(root, lab)
    for number in range(count):
        path = root / "submitted" / f"student{number:04}" / lab / f"{lab}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(submitted, path)
    return root


def _cell(
    name: str,
    source: str,
    *,
    locked: bool = False,
    solution: bool = False,
    grade: bool = False,
    points: int | None = None,
) -> NotebookNode:
    about = {"schema_version": 3, "grade_id": name, "locked": locked, "solution": solution}
    about |= {"grade": grade, "task": False}
    if points is not None:
        about["points"] = points
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": about})


def lab_course(root: Path, count: int) -> Path:
    """Make a course of the tests' small lab, released, with ``count`` submissions handed in.

    Every third one is wrong, and no two files are the same.
    """
    course = mini.make_course(root)
    timed([sys.executable, "-m", "grading", "release", mini.LAB], root)
    right = mini.solved(course)
    for number in range(count):
        factor = 3 if number % 3 == 0 else 2
        code = f"def double(x):\n    return {factor} * np.asarray(x)  # student {number}\n"
        path = course.home / "submitted" / f"s{number:04}" / mini.LAB / f"{mini.LAB}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(mini.answered(course, right | {"double": code}), path)
    return root


def grade(assignment: str, *options: str) -> list[str]:
    """Return our command that grades an assignment."""
    return [sys.executable, "-m", "grading", "grade", assignment, *options]


def copied(course: Path, name: str) -> Path:
    """Return a copy of a course beside it; its gradebook's address is relative to none."""
    target = course.with_name(name)
    shutil.copytree(course, target)
    return target


def marks_of(database: Path) -> list[tuple[str, str, float | None, bool]]:
    """Return (student, cell, marks, waits for a person) for every grade of a gradebook."""
    query = sa.text(
        "select sa.student_id, c.name, g.auto_score, g.needs_manual_grade from grade g "
        "join base_cell c on c.id = g.cell_id join submitted_notebook sn on sn.id = g.notebook_id "
        "join submitted_assignment sa on sa.id = sn.assignment_id order by 1, 2"
    )
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    engine.dispose()
    return rows
