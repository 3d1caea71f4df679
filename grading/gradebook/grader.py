"""What grades a lab: one of our own, judged by its evidence, or one marked by nbgrader's rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nbformat import NotebookNode

from grading.engine.executor import Executor, RunOptions
from grading.gradebook.marks import Marks
from grading.judging.results import Result


@dataclass(frozen=True)
class Submission:
    """What was handed in, and the students it counts for (two if they worked as a pair)."""

    students: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class Graded:
    """What came of a submission: its results (one a student) and the notebook to keep."""

    results: tuple[Result, ...]
    notebook: NotebookNode | None


OnResult = Callable[[Submission, Graded], None]


class Grader(Protocol):
    """Grades the submissions of one lab."""

    def submissions(self) -> list[Submission]:
        """Return what was collected, by student; a pair's file is listed once."""

    def not_yet_graded(self, marks: Marks, work: Sequence[Submission]) -> Iterator[Submission]:
        """Yield the submissions whose stored result is missing or of another file."""

    async def grade(
        self,
        executor: Executor,
        marks: Marks,
        work: Sequence[Submission],
        options: RunOptions,
        on_result: OnResult,
    ) -> None:
        """Grade ``work`` and write each submission's marks as soon as they are known.

        Parameters
        ----------
        executor : Executor
            Entered already.
        marks : Marks
            The gradebook; this coroutine is its only writer.
        work : sequence of Submission
        options : RunOptions
        on_result : callable
            Told of every submission once its marks are written.
        """
