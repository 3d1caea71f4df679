"""A run that is stopped or killed loses nothing; ``--resume`` goes on from there."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from grading.course.config import Course
from grading.engine.walls import outer
from grading.gradebook.marks import Marks
from tests import mini
from tests.command import command

pytestmark = pytest.mark.kernels

SUBMISSIONS = 5
SLOW = "import time\ntime.sleep({seconds})\ndef double(x):\n    return {factor} * np.asarray(x)\n"

needs_sandbox = pytest.mark.skipif(
    outer.host().obstacle is not None, reason=f"no sandbox: {outer.host().obstacle}"
)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = mini.make_course(tmp_path)
    assert command(tmp_path, "release", mini.LAB).returncode == 0
    right = mini.solved(course)
    for number in range(SUBMISSIONS):
        code = SLOW.format(seconds=0.7, factor=2 + number % 2)
        path = course.home / "submitted" / f"s{number}" / mini.LAB / f"{mini.LAB}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(mini.answered(course, right | {"double": code}), path)
    return course


def graded(course: Course) -> dict[str, float]:
    with Marks(f"sqlite:///{course.home / 'gradebook.db'}") as marks:
        return {result.student: result.score for result in marks.results(mini.LAB)}


def started(course: Course) -> subprocess.Popen[str]:
    """Start a run and return once the first submission's marks are written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "grading", "grade", mini.LAB, "--jobs", "1"],
        cwd=course.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while process.poll() is None and not _first_is_written(course):
        time.sleep(0.05)
    assert process.poll() is None, process.communicate()[0]
    return process


def _first_is_written(course: Course) -> bool:
    gradebook = sqlite3.connect(course.home / "gradebook.db", timeout=30)
    with contextlib.closing(gradebook) as connection:
        tables = connection.execute("select count(*) from sqlite_master where name = 'dl_result'")
        if not tables.fetchone()[0]:
            return False
        return bool(connection.execute("select count(*) from dl_result").fetchone()[0])


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that have not ended within 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        if not left:
            break
        time.sleep(0.1)
    return left


EXPECTED = {f"s{number}": 4.0 if number % 2 else 9.0 for number in range(SUBMISSIONS)}


def name_of(process: psutil.Process) -> str:
    """Return a process's name; none if it has ended meanwhile, as kernels do."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.name()
    return ""


@needs_sandbox
@pytest.mark.parametrize(
    "victim",
    ["coordinator", *(pytest.param(one, marks=pytest.mark.heavy) for one in ("zygote", "kernel"))],
)
def test_after_a_kill_resume_ends_with_the_marks_of_an_undisturbed_run(
    course: Course, victim: str
) -> None:
    process = started(course)
    coordinator = psutil.Process(process.pid)
    family = coordinator.children(recursive=True)
    pythons = [member for member in family if name_of(member) not in ("", "bwrap")]
    target = {"coordinator": coordinator, "zygote": pythons[0], "kernel": pythons[-1]}[victim]
    with contextlib.suppress(psutil.NoSuchProcess):
        target.kill()
    process.communicate(timeout=120)
    assert alive(family) == []
    before = graded(course)
    done = command(course.root, "grade", mini.LAB, "--resume")
    assert done.returncode in (0, 1), done.stderr
    assert before.items() <= graded(course).items()
    assert graded(course) == EXPECTED


@needs_sandbox
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(course: Course) -> None:
    process = started(course)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "--resume" in printed and "Traceback" not in printed
    assert alive(family) == []
    assert 0 < len(graded(course)) < SUBMISSIONS
    assert command(course.root, "grade", mini.LAB, "--resume").returncode == 0
    assert graded(course) == EXPECTED
