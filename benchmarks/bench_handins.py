"""What a hand-in costs beside its grading: transactions of the gradebook, and room on a disk."""

import asyncio
import gzip
import os
import tempfile
import time
from pathlib import Path

import nbformat
import sqlalchemy as sa

from benchmarks.line import Line
from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course, load_course, sqlite_url
from grading.engine.runner import Engine
from grading.gradebook.database import begin_writing, opened
from tests.example_class import filled, solutions, written_answers
from tests.postgresql import PASSWORD, programs, running

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 3.0
PAGE = 4096  # bytes, about what a transaction writes
NEEDED = 20  # transactions a second: 300 hand-ins in the last ten minutes, forty times over
ROWS = sa.Table(
    "bench_handin",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, sa.String(64)) for name in ("student", "lab", "sha256", "state", "worker")),
    *(sa.Column(name, sa.Float) for name in ("received", "lease", "score")),
)
ROW = {"student": "al1001", "lab": "lab1_mlp", "sha256": "0" * 64, "state": "queued"}
LARGEST = 1.5e6  # bytes of a hand-in, on average over the labs


def run() -> list[Line]:
    """Measure transactions of one writer, and the size of complete hand-ins."""
    return [*_transactions(), _size(load_course(ROOT))]


def _transactions() -> list[Line]:
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # /tmp may be memory
        disk = _synced(Path(folder) / "page")
        lines = [_line("SQLite", sqlite_url(Path(folder) / "gradebook.db"), disk)]
    if programs() is None:
        return [*lines, Line.skipped("transactions of PostgreSQL", "no server is installed")]
    os.environ["PGPASSWORD"] = PASSWORD
    with running(durable=True) as server:
        return [*lines, _line("PostgreSQL", server.database(), disk)]


def _line(name: str, url: str, disk: float) -> Line:
    rate = _committed(url)
    return Line(
        what=f"transactions of one writer in {name}",
        value=rate,
        unit="a second",
        baseline_name="a page written and synced",
        baseline=disk,
        ratio=rate / disk,
        target=f">= {NEEDED} a second",
        met=rate >= NEEDED,
    )


def _synced(path: Path) -> float:
    """Return how often a second a page can be put on the disk for good."""
    count, end = 0, time.perf_counter() + SECONDS
    with path.open("wb") as file:
        while time.perf_counter() < end:
            file.write(bytes(PAGE))
            file.flush()
            os.fsync(file.fileno())
            count += 1
    return count / SECONDS


def _committed(url: str) -> float:
    """Return how many rows a second are kept for good, each in a transaction of its own."""
    with opened(url) as book:
        ROWS.create(book.db.connection())
        book.db.commit()
        count, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            begin_writing(book.db)
            book.db.execute(ROWS.insert().values(ROW))
            book.db.commit()
            count += 1
    return count / SECONDS


def _size(course: Course) -> Line:
    """Measure complete hand-ins, with the figures that a student's session draws."""
    contents = asyncio.run(_handed_in(course))
    mean = sum(map(len, contents)) / len(contents)
    packed = sum(len(gzip.compress(content)) for content in contents) / len(contents)
    return Line(
        what=f"a complete hand-in, mean of {len(contents)} labs ({packed / 1e6:.2f} MB as gzip)",
        value=mean / 1e6,
        unit="MB",
        target=f"<= {LARGEST / 1e6:g} MB",
        met=mean <= LARGEST,
    )


async def _handed_in(course: Course) -> list[bytes]:
    """Execute each lab's student notebook, with every answer, as in a student's session."""
    contents = []
    async with Engine(course.limits) as engine:
        for name in course.lab_names:
            lab = read_lab(course, name)
            instructor = instructor_notebook(lab, course.language, course)
            answers = solutions(instructor) | written_answers(instructor)
            notebook = filled(student_notebook(lab, course.language, course), answers)
            executed = await engine.execute(notebook, env={"LAB_PROFILE": "quick"})
            contents.append(nbformat.writes(executed.notebook).encode())
    return contents
