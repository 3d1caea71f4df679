"""How long whoever types a command waits until it says something."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.courses import grade, lab_course
from benchmarks.line import Line
from tests import mini

TRIES = 5
HELP, FIRST = 0.4, 2.0  # seconds


def run() -> list[Line]:
    """Measure the help, and the first progress of a grading."""
    bare = _fastest([sys.executable, "-c", "print()"])
    with tempfile.TemporaryDirectory() as folder:
        course = lab_course(Path(folder) / "course", 2)
        return [
            _line(
                "python -m grading --help", [sys.executable, "-m", "grading", "--help"], HELP, bare
            ),
            _line("grade, to its first progress", grade(mini.LAB), FIRST, bare, course),
        ]


def _line(
    what: str, command: list[str], most: float, bare: float, folder: Path | None = None
) -> Line:
    seconds = _fastest(command, folder)
    return Line(
        what=what,
        value=seconds,
        unit="s",
        baseline_name="python alone",
        baseline=bare,
        target=f"<= {most:g} s",
        met=seconds <= most,
    )


def _fastest(command: list[str], folder: Path | None = None) -> float:
    return min(_to_first_line(command, folder) for _ in range(TRIES))


def _to_first_line(command: list[str], folder: Path | None) -> float:
    """Return the seconds until a command has written a line, then let it end."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seconds = time.perf_counter() - started
        process.stdout.read()
    return seconds
