"""The grading engine beside ``nbgrader autograde`` on its defaults, on the same files."""

import contextlib
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.courses import (
    ASSIGNMENT,
    COMPUTE,
    CORES,
    TRIVIAL,
    copied,
    grade,
    lab_course,
    marks_of,
    plain_course,
    timed,
)
from benchmarks.line import Line
from tests import mini

NBGRADER = ["nbgrader", "autograde", ASSIGNMENT, "--create"]


def run() -> list[Line]:
    """Measure throughput, overhead and memory."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [
            *_trivial(root),
            *_compute(root),
            _overhead(root),
            *_thousand(root),
        ]


def _trivial(root: Path) -> list[Line]:
    count = 40
    theirs = plain_course(root / "trivial", count, TRIVIAL)
    ours = copied(theirs, "trivial-ours")
    baseline, mine = timed(NBGRADER, theirs), timed(grade(ASSIGNMENT), ours)
    same = marks_of(theirs / "gradebook.db") == marks_of(ours / "gradebook.db")
    ratio = baseline.wall / mine.wall
    return [
        Line(
            what=f"{count} submissions that import torch",
            value=60 * count / mine.wall,
            unit="submissions/min",
            baseline_name="nbgrader autograde",
            baseline=60 * count / baseline.wall,
            ratio=ratio,
            target="ratio >= 20, the same marks",
            met=ratio >= 20 and same,
        )
    ]


def _compute(root: Path) -> list[Line]:
    count, seconds = 12, 2.0
    theirs = plain_course(root / "compute", count, COMPUTE)
    ours = copied(theirs, "compute-ours")
    baseline, mine = timed(NBGRADER, theirs), timed(grade(ASSIGNMENT), ours)
    ratio, ideal = baseline.wall / mine.wall, count * seconds / CORES
    return [
        Line(
            what=f"{count} submissions of 2 s of numpy",
            value=60 * count / mine.wall,
            unit="submissions/min",
            baseline_name="nbgrader autograde",
            baseline=60 * count / baseline.wall,
            ratio=ratio,
            target="ratio >= 1.8",
            met=ratio >= 1.8,
        ),
        Line(
            what="their wall time",
            value=mine.wall,
            unit="s",
            baseline_name="the cells' own CPU time / cores",
            baseline=ideal,
            ratio=mine.wall / ideal,
            target="ratio <= 1.1",
            met=mine.wall / ideal <= 1.1,
        ),
    ]


def _overhead(root: Path) -> Line:
    few, many = 10, 60
    small, large = lab_course(root / "few", few), lab_course(root / "many", many)
    cpu = [timed(grade(mini.LAB), course).cpu for course in (small, large)]
    each = (cpu[1] - cpu[0]) / (many - few)
    return Line(
        what="CPU time of one more submission of a small lab, its cells' included",
        value=each,
        unit="s",
        target="<= 0.4 s",
        met=each <= 0.4,
    )


def _thousand(root: Path) -> list[Line]:
    """Grade 100 and 1,000 small submissions and compare the coordinator's peak memory."""
    peaks, last, marks = [], 0.0, 0
    for count in (100, 1000):
        course = lab_course(root / f"lab{count}", count)
        grading, last = _peaks(course, count)
        peaks.append(grading)
        marks = len({student for student, *_ in marks_of(course / "course" / "gradebook.db")})
    return [
        Line(
            what="the coordinator's peak memory until 1,000 marks are written "
            f"({last:.0f} MiB with the printed table and the page)",
            value=peaks[1],
            unit="MiB",
            baseline_name="until 100 are",
            baseline=peaks[0],
            ratio=peaks[1] / peaks[0],
            target="ratio <= 1.1",
            met=peaks[1] / peaks[0] <= 1.1,
        ),
        Line("1,000 small submissions", marks, "with marks", "= 1000", marks == 1000),
    ]


def _peaks(course: Path, count: int) -> tuple[float, float]:
    """Grade a course; return the coordinator's peak memory in MiB at the last mark, at the end."""
    coordinator = subprocess.Popen(
        grade(mini.LAB), cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with contextlib.closing(sqlite3.connect(course / "course" / "gradebook.db")) as gradebook:
        at_last_mark = at_end = 0.0
        while coordinator.poll() is None:
            with contextlib.suppress(OSError, IndexError):  # it may end at any moment
                status = Path(f"/proc/{coordinator.pid}/status").read_text()
                at_end = int(status.split("VmHWM:")[1].split()[0]) / 1024
            with contextlib.suppress(sqlite3.OperationalError):  # not there yet, or locked
                (written,) = gradebook.execute("select count(*) from dl_result").fetchone()
                if written < count:
                    at_last_mark = at_end
            time.sleep(0.05)
    return at_last_mark, at_end
