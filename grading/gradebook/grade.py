"""Grade all submissions of a lab: read, execute, judge, and write one transaction each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.engine.batch import each
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.marks import Marks
from grading.judging.annotate import annotated
from grading.judging.assess import Executor, Terms, assess, prepare
from grading.judging.results import Result, digest, failed_result, result_of
from utils.profile import Profile


@dataclass(frozen=True)
class Submission:
    """A file handed in, and the students it counts for (two if they worked as a pair)."""

    students: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class Graded:
    """What came of a submission: its results (one a student) and the notebook to keep."""

    results: tuple[Result, ...]
    notebook: NotebookNode | None


def submissions(course: Course, lab: str) -> list[Submission]:
    """Return what was collected for ``lab``, by student; a pair's file is listed once."""
    found: list[Submission] = []
    seen: set[str] = set()
    for path in sorted((course.home / "submitted").glob(f"*/{lab}/{lab}.ipynb")):
        student = path.parts[-3]
        if student in seen:
            continue
        students = [student]
        partner = _partner(course, lab, student, path)
        if partner:
            students.append(partner)
        seen.update(students)
        found.append(Submission(tuple(students), path))
    return found


def _partner(course: Course, lab: str, student: str, path: Path) -> str | None:
    """Return the student who handed in the same file with this one, if they still share it."""
    note = path.with_name("partner.txt")
    if not note.exists():
        return None
    partner = note.read_text(encoding="utf-8").strip()
    twin = course.home / "submitted" / partner / lab / f"{lab}.ipynb"
    back = twin.with_name("partner.txt")
    both = back.exists() and back.read_text(encoding="utf-8").strip() == student
    return partner if both and twin.read_bytes() == path.read_bytes() else None


def released(course: Course, lab: str) -> tuple[NotebookNode, NotebookNode]:
    """Return (solution, release) of a lab as they were released."""
    course.lab(lab)
    found = []
    for step in ("source", "release"):
        path = course.home / step / lab / f"{lab}.ipynb"
        if not path.exists():
            raise UserError(
                f"{lab} was not released yet (no {path}); run `python -m grading release {lab}`"
            )
        found.append(read_notebook(path.read_bytes()))
    return found[0], found[1]


async def grade_lab(
    course: Course,
    lab: str,
    engine: Executor,
    marks: Marks,
    *,
    profile: Profile,
    jobs: int,
    work: list[Submission],
    notes: Sequence[str],
    on_result: Callable[[Submission, Graded], None],
) -> None:
    """Grade ``work`` and write each submission's marks as soon as they are known.

    Parameters
    ----------
    course, lab
    engine : Executor
    marks : Marks
        The gradebook; this coroutine is its only writer.
    profile : {"quick", "full"}
    jobs : int
        Submissions executed at once.
    work : list of Submission
    notes : sequence of str
        How this run differs from a fully sandboxed one; kept with every result.
    on_result : callable
        Told of every submission once its marks are written.
    """
    solution, release = released(course, lab)
    terms = await prepare(engine, solution, profile)

    async def one(submission: Submission) -> Graded:
        return await _grade(engine, terms, release, submission, course, lab)

    async for submission, graded in each(work, one, jobs):
        results = tuple(replace(result, notes=list(notes)) for result in graded.results)
        graded = replace(graded, results=results)
        keep(course, lab, marks, submission, graded)
        on_result(submission, graded)


async def _grade(
    engine: Executor,
    terms: Terms,
    release: NotebookNode,
    submission: Submission,
    course: Course,
    lab: str,
) -> Graded:
    raw = submission.path.read_bytes()
    try:
        assessment = await assess(engine, terms, release, read_notebook(raw))
    except UserError as error:
        return _failed(submission, lab, terms, str(error), raw)
    except Exception as error:  # whatever one submission does, the others are graded
        line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return _failed(submission, lab, terms, f"could not be graded: {line}", raw)
    first = result_of(assessment, release, submission.students[0], lab, raw, course.language)
    results = tuple(replace(first, student=student) for student in submission.students)
    return Graded(results, annotated(assessment.notebook, assessment.judgement, course.language))


def _failed(submission: Submission, lab: str, terms: Terms, reason: str, raw: bytes) -> Graded:
    maximum = sum(item.spec.marks for _, item in terms.evidence if item.spec is not None)
    return Graded(
        tuple(failed_result(student, lab, maximum, reason, raw) for student in submission.students),
        None,
    )


def keep(course: Course, lab: str, marks: Marks, submission: Submission, graded: Graded) -> None:
    """Keep the executed notebook and write the marks, for each student of the submission."""
    handed_in = datetime.fromtimestamp(submission.path.stat().st_mtime, UTC).replace(tzinfo=None)
    for result in graded.results:
        if graded.notebook is not None:
            folder = course.home / "autograded" / result.student / lab
            text = nbformat.writes(graded.notebook)
            write_atomically(folder / f"{lab}.ipynb", text.encode("utf-8", "surrogatepass"))
        marks.save(result, handed_in)


def not_yet_graded(marks: Marks, lab: str, work: list[Submission]) -> Iterator[Submission]:
    """Yield the submissions whose stored result is missing or of another file."""
    for submission in work:
        sha = digest(submission.path.read_bytes())
        stored = [marks.result(lab, student) for student in submission.students]
        if any(result is None or result.submission != sha for result in stored):
            yield submission
