"""Grade the submissions of a lab by their evidence: read, execute, judge, write."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.engine.batch import each
from grading.engine.executor import Executor, RunOptions
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.grader import Graded, OnResult, Submission
from grading.gradebook.marks import Marks
from grading.judging.annotate import annotated
from grading.judging.assess import Terms, assess, prepare
from grading.judging.results import digest, failed_result, result_of
from grading.messages import Reason


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

    def __init__(self, course: Course, lab: str) -> None:
        self._course = course
        self._lab = lab

    def submissions(self) -> list[Submission]:
        """Return what was collected, by student; a pair's file is listed once."""
        found: list[Submission] = []
        seen: set[str] = set()
        for path in sorted(self._submitted.glob(f"*/{self._lab}/{self._lab}.ipynb")):
            student = path.parts[-3]
            if student in seen:
                continue
            students = [student]
            partner = self._partner(student, path)
            if partner:
                students.append(partner)
            seen.update(students)
            found.append(Submission(tuple(students), path))
        return found

    def not_yet_graded(self, marks: Marks, work: Sequence[Submission]) -> Iterator[Submission]:
        """Yield the submissions whose stored result is missing or of another file."""
        for submission in work:
            sha = digest(submission.path.read_bytes())
            stored = [marks.result(self._lab, student) for student in submission.students]
            if any(result is None or result.submission != sha for result in stored):
                yield submission

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
        solution, release = self._released()
        terms = await prepare(executor, solution, options.profile)

        async def one(submission: Submission) -> Graded:
            return await self._assess(executor, terms, release, submission)

        notes = [warning.text(self._course.language) for warning in executor.warnings]
        async for submission, graded in each(work, one, options.at_once(executor)):
            results = tuple(replace(result, notes=notes) for result in graded.results)
            graded = replace(graded, results=results)
            self._keep(marks, submission, graded)
            on_result(submission, graded)

    @property
    def _submitted(self) -> Path:
        return self._course.home / "submitted"

    def _partner(self, student: str, path: Path) -> str | None:
        """Return the student who handed in the same file with this one, if they still share it."""
        note = path.with_name("partner.txt")
        if not note.exists():
            return None
        partner = note.read_text(encoding="utf-8").strip()
        twin = self._submitted / partner / self._lab / f"{self._lab}.ipynb"
        back = twin.with_name("partner.txt")
        both = back.exists() and back.read_text(encoding="utf-8").strip() == student
        return partner if both and twin.read_bytes() == path.read_bytes() else None

    def _released(self) -> tuple[NotebookNode, NotebookNode]:
        """Return (solution, release) of the lab as they were released."""
        self._course.lab(self._lab)
        found = []
        for step in ("source", "release"):
            path = self._course.home / step / self._lab / f"{self._lab}.ipynb"
            if not path.exists():
                raise UserError(
                    f"{self._lab} was not released yet (no {path}); "
                    f"run `python -m grading release {self._lab}`"
                )
            found.append(read_notebook(path.read_bytes()))
        return found[0], found[1]

    async def _assess(
        self, executor: Executor, terms: Terms, release: NotebookNode, submission: Submission
    ) -> Graded:
        raw, lang = submission.path.read_bytes(), self._course.language
        try:
            assessment = await assess(executor, terms, release, read_notebook(raw))
        except UserError as error:
            return self._failed(submission, terms, error.text(lang), raw)
        except Exception as error:  # whatever one submission does, the others are graded
            return self._failed(submission, terms, failure(error).text(lang), raw)
        first = result_of(assessment, release, submission.students[0], self._lab, raw, lang)
        results = tuple(replace(first, student=student) for student in submission.students)
        return Graded(results, annotated(assessment.notebook, assessment.judgement, lang))

    def _failed(self, submission: Submission, terms: Terms, reason: str, raw: bytes) -> Graded:
        maximum = sum(item.spec.marks for _, item in terms.evidence)
        results = (
            failed_result(student, self._lab, maximum, reason, raw)
            for student in submission.students
        )
        return Graded(tuple(results), None)

    def _keep(self, marks: Marks, submission: Submission, graded: Graded) -> None:
        """Keep the executed notebook and write the marks, for each student of the submission."""
        modified = submission.path.stat().st_mtime
        handed_in = datetime.fromtimestamp(modified, UTC).replace(tzinfo=None)
        for result in graded.results:
            if graded.notebook is not None:
                folder = self._course.home / "autograded" / result.student / self._lab
                text = nbformat.writes(graded.notebook)
                content = text.encode("utf-8", "surrogatepass")
                write_atomically(folder / f"{self._lab}.ipynb", content)
            marks.save(result, handed_in)
