"""A course with a service, hand-ins to it, and a grader that executes nothing."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nbformat
from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course, load_course
from grading.course.roster import Student
from grading.engine.executor import Execution, RunOptions
from grading.gradebook.grader import Graded, OnResult, Submission
from grading.gradebook.release import release
from grading.judging.results import GRADED, CheckMark, Result, digest
from grading.messages import Reason
from grading.service.database import Database
from grading.service.intake import Intake, Receipt
from grading.service.people import People
from grading.service.worker import Bench, Worker
from tests import mini

MOST = 9.0


def make_course(root: Path, more: str = "", lab: str = "") -> Course:
    """Make a course whose lab is released, with more in its course.toml, and of its lab."""
    shutil.copytree(_released(), root, dirs_exist_ok=True)
    path = root / "course.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("\nroster", '\ntimezone = "Europe/Madrid"\nroster')
    path.write_text(text.replace("\n[limits]", f"{lab}\n[limits]") + more, encoding="utf-8")
    return load_course(root)


@cache
def _released() -> Path:
    """Return a course whose lab is released, to be copied: a release takes a second."""
    root = Path(tempfile.mkdtemp(prefix="dl-released-"))
    atexit.register(shutil.rmtree, root)
    course = mini.make_course(root)
    release(course, mini.LAB, course.db_url)
    return root


def notebook(course: Course, *signed: str, marks: float = MOST) -> bytes:
    """Return a notebook that these signed; the stand-in grader gives it ``marks``."""
    made = mini.answered(course, mini.solved(course) | {"why": f"It is worth {marks:g}."})
    for cell in made.cells:
        if cell["id"] == "identity":
            for number, student in enumerate(signed, start=1):
                for field, value in (("STUDENT", student), ("SIGNATURE", f"I am {student}")):
                    empty = f'{field}_{number} = ""'
                    assert empty in cell.source
                    cell.source = cell.source.replace(empty, f'{field}_{number} = "{value}"')
    return nbformat.writes(made).encode()


class Service:
    """All of a service but its web application, in this process.

    Parameters
    ----------
    course : Course
    """

    def __init__(self, course: Course, url: str = "") -> None:
        self.course = course
        self.database = Database(url or course.db_url)
        self.people = People(course)
        self.intake = Intake(course, self.database, self.people)

    def student(self, id: str) -> Student:
        found = self.people.roster.find(id)
        assert found is not None
        return found

    def hand_in(
        self, student: str, content: bytes = b"", at: datetime | None = None, **how: Any
    ) -> Receipt:
        content = content or notebook(self.course, student, **how)
        now = at or datetime.now(UTC)
        return self.intake.take(self.student(student), mini.LAB, content, now)

    def work(self, bench: Bench | None = None, name: str = "worker") -> None:
        """Grade until the queue is empty."""

        async def run() -> None:
            worker = Worker(self.course, self.database, name, bench or StandIn(self.course))
            with worker._marks:
                while await worker.batch(asyncio.Event()):
                    pass
            await worker._bench.close()

        with ThreadPoolExecutor(1) as apart:  # from the loop of a browser's test
            apart.submit(lambda: asyncio.run(run())).result()


class StandIn(Bench):
    """Gives each notebook the marks that its written answer asks for, and executes nothing."""

    def __init__(
        self, course: Course, before: Callable[[Submission], None] = lambda submission: None
    ) -> None:
        super().__init__(course, RunOptions())
        self.graded: list[str] = []
        self._before = before

    def grader(self, lab: str) -> "StandIn":
        return self

    async def executor(self, lab: str) -> "Nothing":
        return Nothing()

    async def replay(
        self,
        executor: object,
        work: Sequence[Submission],
        options: RunOptions,
        seeds: Sequence[int],
        on_result: OnResult,
    ) -> None:
        for submission in work:
            self._before(submission)
            await asyncio.sleep(0)
            content = submission.path.read_bytes()
            self.graded.append(digest(content))
            on_result(submission, graded(submission, content))


class Nothing:
    """An executor of nothing."""

    warnings: tuple[Reason, ...] = ()
    slots = 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    async def execute(
        self,
        notebook: NotebookNode,
        *,
        env: Mapping[str, str],
        files: Mapping[str, bytes] | None = None,
        keep_work: bool = False,
    ) -> Execution:
        raise NotImplementedError


def graded(submission: Submission, content: bytes) -> Graded:
    """Return what the stand-in makes of a notebook."""
    read = read_notebook(content)
    (why,) = (cell.source for cell in read.cells if cell.id == "why")
    marks = float(why.removeprefix("It is worth ").rstrip("."))
    student, *_ = submission.students
    of_double, of_slope = min(marks, 5.0), max(marks - 5.0, 0.0)
    result = Result(
        student,
        mini.LAB,
        marks,
        MOST,
        GRADED,
        checks=[
            CheckMark("check-double", "double", of_double, 5.0, "off" * (of_double < 5)),
            CheckMark("check-slope", "slope", of_slope, 4.0, "steep" * (of_slope < 4)),
        ],
        submission=digest(content),
        seeds=[1, 2],
    )
    return Graded((result,), read)
