"""What grades a lab: one of our own, judged by its evidence, or one marked by nbgrader's rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nbformat import NotebookNode

from grading.engine.executor import Executor, RunOptions
from grading.gradebook.marks import Marks
from grading.judging.results import Result
from utils.profile import Profile


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


@dataclass(frozen=True)
class Made:
    """What marks are made by: a release and a kit, in a profile."""

    basis: str
    profile: str


@dataclass(frozen=True)
class ToDo:
    """The submissions left to grade, and those of them whose marks are only stale."""

    submissions: tuple[Submission, ...]
    stale: tuple[Submission, ...]


def to_do(
    work: Sequence[Submission],
    known: Mapping[str, Result],
    made_by: Made,
    digest_of: Callable[[Submission], str],
) -> ToDo:
    """Return which submissions are to be graded, given the results known by student."""
    left, stale = [], []
    for submission in work:
        results = [known.get(student) for student in submission.students]
        digest = digest_of(submission)
        if any(result is None or result.submission != digest for result in results):
            left.append(submission)
        elif any(result and Made(result.basis, result.profile) != made_by for result in results):
            stale.append(submission)
    return ToDo((*left, *stale), tuple(stale))


OnResult = Callable[[Submission, Graded], None]


class Grader(Protocol):
    """Grades the submissions of one lab.

    Attributes
    ----------
    seeded : bool
        Whether its marks hang on a run's seeds.
    """

    seeded: bool

    def submissions(self) -> list[Submission]:
        """Return what was collected, by student; a pair's file is listed once."""

    def to_do(self, marks: Marks, work: Sequence[Submission], profile: Profile) -> ToDo:
        """Return what of ``work`` has no result yet, or one that was made otherwise."""

    def digest(self, submission: Submission) -> str:
        """Return the SHA-256 of what was handed in, as a result has it."""

    def basis(self, of_kit: str = "") -> str:
        """Return what marks are made on now, by this kit or another; see `grading.judging.basis`.

        Raises
        ------
        UserError
            If the lab was not released.
        """

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
