"""Grade the submissions of a lab by their evidence: read, execute, judge, write."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.collect.submitted import Place, collected
from grading.course.config import Course
from grading.engine.batch import each
from grading.engine.executor import Executor, ExecutorLost, RunOptions
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.former import former_releases
from grading.gradebook.grader import Graded, Made, OnResult, Submission, ToDo, to_do
from grading.gradebook.marks import Marks
from grading.judging.annotate import annotated
from grading.judging.assess import Terms, assess, prepare
from grading.judging.basis import basis, kit
from grading.judging.results import Result, digest, failed_result, result_of
from grading.messages import Reason
from utils.profile import Profile


def failure(error: Exception) -> Reason:
    """Return why a submission could not be graded, for an exception that nobody foresaw."""
    line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return Reason("unreadable.failed", {"error": line})


class EvidenceGrader:
    """Grades a lab of the course by what its checks left; a `grading.gradebook.grader.Grader`.

    Parameters
    ----------
    course : Course
    lab : str
    """

    seeded = True

    def __init__(self, course: Course, lab: str) -> None:
        self._course = course
        self._lab = lab

    def submissions(self) -> list[Submission]:
        """Return what was collected, by student; a pair's file is listed once."""
        home, lab = self._course.home, self._lab
        return [
            Submission(students, Place(home, students[0], lab).notebook)
            for students in collected(home, lab)
        ]

    def to_do(self, marks: Marks, work: Sequence[Submission], profile: Profile) -> ToDo:
        """Return what is left to grade; see `Grader.to_do`."""
        known = {result.student: result for result in marks.results(self._lab)}
        made_by = Made(self.basis(), profile)
        return to_do(work, known, made_by, self.digest)

    def digest(self, submission: Submission) -> str:
        """Return the SHA-256 of the notebook handed in."""
        return digest(submission.path.read_bytes())

    def basis(self, of_kit: str = "") -> str:
        """Return what marks are made on now; see `Grader.basis`."""
        return basis((path.read_bytes() for path in self._released_files()), of_kit)

    async def grade(
        self,
        executor: Executor,
        marks: Marks,
        work: Sequence[Submission],
        options: RunOptions,
        on_result: OnResult,
    ) -> None:
        """Grade ``work`` on one fresh run of the solution; see `Grader.grade`.

        Raises
        ------
        UserError
            If the lab was not released, or its solution cannot be judged against.
        """
        async for submission, graded in self._graded(executor, work, options):
            self._keep(marks, submission, graded)
            on_result(submission, graded)

    async def replay(
        self,
        executor: Executor,
        work: Sequence[Submission],
        options: RunOptions,
        seeds: Sequence[int],
        on_result: OnResult,
    ) -> None:
        """Grade ``work`` as `grade` does, and write nothing.

        Without the seeds of an earlier run it is graded on fresh ones.

        Raises
        ------
        UserError
            If the lab was not released, or its solution cannot be judged against.
        """
        async for submission, graded in self._graded(executor, work, options, seeds):
            on_result(submission, graded)

    async def _graded(
        self,
        executor: Executor,
        work: Sequence[Submission],
        options: RunOptions,
        seeds: Sequence[int] = (),
    ) -> AsyncIterator[tuple[Submission, Graded]]:
        """Yield what came of each submission, on one run of the solution with fresh seeds."""
        solution, release = (read_notebook(path.read_bytes()) for path in self._released_files())
        former = former_releases(self._course.home, self._lab)
        made_on = self.basis()
        seed, hidden_seed = seeds or (None, None)
        terms = await prepare(
            executor, solution, options.profile, seed=seed, hidden_seed=hidden_seed
        )

        async def one(submission: Submission) -> Graded:
            return await self._assess(executor, terms, (release, *former), submission)

        notes = [warning.text(self._course.language) for warning in executor.warnings]
        async for submission, graded in each(work, one, options.at_once(executor)):
            results = tuple(
                replace(
                    result,
                    notes=[*notes, *result.notes],
                    basis=made_on,
                    profile=options.profile,
                    kit=kit(),
                    seeds=terms.seeds,
                )
                for result in graded.results
            )
            yield submission, replace(graded, results=results)

    def _released_files(self) -> list[Path]:
        """Return where the solution and the release are, of the lab as it was released."""
        self._course.lab(self._lab)
        found = []
        for step in ("source", "release"):
            path = self._course.home / step / self._lab / f"{self._lab}.ipynb"
            if not path.exists():
                raise UserError(
                    f"{self._lab} was not released yet (no {path}); "
                    f"run `python -m grading release {self._lab}`"
                )
            found.append(path)
        return found

    async def _assess(
        self,
        executor: Executor,
        terms: Terms,
        releases: Sequence[NotebookNode],
        submission: Submission,
    ) -> Graded:
        raw, lang = submission.path.read_bytes(), self._course.language
        try:
            submitted = await asyncio.to_thread(read_notebook, raw)
            assessment = await assess(executor, terms, releases[0], submitted, releases[1:])
            page = await asyncio.to_thread(
                annotated, assessment.notebook, assessment.judgement, lang
            )
        except ExecutorLost:
            raise
        except UserError as error:
            return self._failed(submission, terms, error.text(lang), raw)
        except Exception as error:  # whatever one submission does, the others are graded
            return self._failed(submission, terms, failure(error).text(lang), raw)
        first = result_of(assessment, releases[0], submission.students[0], self._lab, raw, lang)
        return Graded(_for_all(first, submission), page)

    def _failed(self, submission: Submission, terms: Terms, reason: str, raw: bytes) -> Graded:
        maximum = sum(item.spec.marks for _, item in terms.evidence)
        first = failed_result(submission.students[0], self._lab, maximum, reason, raw)
        return Graded(_for_all(first, submission), None)

    def _keep(self, marks: Marks, submission: Submission, graded: Graded) -> None:
        """Keep the executed notebook and write the marks, for each student of the submission."""
        executed = None if graded.notebook is None else as_bytes(graded.notebook)
        for result in graded.results:
            keep(marks, self._course.home, result, executed)


def as_bytes(executed: NotebookNode) -> bytes:
    """Return the file of a notebook that was graded, whatever it printed."""
    return nbformat.writes(executed).encode("utf-8", "surrogatepass")


def keep(marks: Marks, home: Path, result: Result, executed: bytes | None) -> None:
    """Keep a student's executed notebook and write the marks of what lies in ``submitted``."""
    if executed is not None:
        folder = home / "autograded" / result.student / result.lab
        write_atomically(folder / f"{result.lab}.ipynb", executed)
    marks.save(result, Place(home, result.student, result.lab).modified())


def _for_all(first: Result, submission: Submission) -> tuple[Result, ...]:
    """Return the same result for each student of a submission."""
    team = list(submission.students) if len(submission.students) > 1 else []
    return tuple(replace(first, student=student, team=team) for student in submission.students)
