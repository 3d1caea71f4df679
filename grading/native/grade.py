"""Grade the submissions of a plain assignment: prepare, execute, and have nbgrader mark them.

The same steps as in `grading.gradebook.grade`, other marks. Preparing and marking take
turns in the coordinator; what runs in parallel are the kernels. A submission's marks are written
in one transaction, together with the row by which ``--resume`` knows that it is done.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course, Limits
from grading.engine.batch import each
from grading.engine.executor import Executor, ExecutorLost, RunOptions
from grading.errors import UserError
from grading.gradebook.database import database_error
from grading.gradebook.grade import EvidenceGrader, failure
from grading.gradebook.grader import Graded, Grader, Made, OnResult, Submission, ToDo, to_do
from grading.gradebook.marks import Marks
from grading.judging.basis import basis, kit
from grading.judging.results import ATTENTION, FAILED, GRADED, Result, lines_of
from grading.messages import Reason
from grading.native.converter import Converter
from grading.native.course import is_plain, settings_of
from grading.native.marking import executed, to_execute
from grading.native.records import clear, read_scores, read_tests, settle
from grading.native.released import as_released, flags
from grading.native.reported import (
    checks,
    limits_met,
    no_marks,
    present,
    read_by_people,
    unanswered,
)
from utils.profile import Profile

MANY = 5  # paths that one flag names
MOST_KEPT = 1000  # files that a submission made and that are kept beside its notebooks
ENVIRONMENT = {"NBGRADER_EXECUTION": "autograde"}  # as nbgrader sets it


@dataclass(frozen=True)
class _Run:
    """A submission's notebooks with their outputs, or why there are none."""

    digest: str
    notebooks: Mapping[str, NotebookNode]
    flags: Sequence[Reason] = ()
    made: Mapping[str, bytes] = field(default_factory=dict)  # files that they wrote or changed
    seconds: float = 0.0
    failure: str = ""


def grader_of(course: Course, lab: str) -> Grader:
    """Return what grades a lab: by evidence, or by nbgrader's rules if it has no evidence."""
    return (NativeGrader if is_plain(course, lab) else EvidenceGrader)(course, lab)


class NativeGrader:
    """Grades an assignment by nbgrader's rules; a `grading.gradebook.grader.Grader`.

    Parameters
    ----------
    course : Course
    lab : str
        Name of the assignment.
    """

    seeded = False

    def __init__(self, course: Course, lab: str) -> None:
        self._lab = lab
        self._lang = course.language
        self._limits = course.limits
        self._converter = Converter(settings_of(course), lab)

    def submissions(self) -> list[Submission]:
        """Return what lies in nbgrader's ``submitted`` folder, by student."""
        found = self._converter.submitted()
        return [Submission((student,), folder) for student, folder in found.items()]

    def to_do(self, marks: Marks, work: Sequence[Submission], profile: Profile) -> ToDo:
        """Return what is left to grade; see `Grader.to_do`."""
        known = {result.student: result for result in marks.results(self._lab)}
        made_by = Made(self.basis(), profile)
        return to_do(work, known, made_by, self.digest)

    def digest(self, submission: Submission) -> str:
        """Return the SHA-256 of a submission's files and their names."""
        return _digest(submission.path)

    def basis(self, of_kit: str = "") -> str:
        """Return what marks are made on now; see `Grader.basis`."""
        return basis((path.read_bytes() for path in self._converter.released()), of_kit)

    async def grade(
        self,
        executor: Executor,
        marks: Marks,
        work: Sequence[Submission],
        options: RunOptions,
        on_result: OnResult,
    ) -> None:
        """Grade ``work``; see `Grader.grade`.

        Raises
        ------
        UserError
            If the gradebook does not know the assignment, or it is not for Python.
        """
        said = (*executor.warnings, Reason("plain.note"))
        notes = [reason.text(self._lang) for reason in said]
        made_by = Made(self.basis(), options.profile)
        desk = _Desk(self._lab, self._lang, self._limits, self._converter, marks, notes, made_by)
        env = ENVIRONMENT | {"LAB_PROFILE": options.profile}

        async def one(submission: Submission) -> _Run:
            return await desk.run(executor, submission, env)

        async for submission, run in each(work, one, options.at_once(executor)):
            on_result(submission, desk.keep(submission, run))


class _Desk:
    """The coordinator's side: what comes before and after the executions."""

    def __init__(
        self,
        lab: str,
        lang: str,
        limits: Limits,
        converter: Converter,
        marks: Marks,
        notes: Sequence[str],
        made_by: Made,
    ) -> None:
        self._lab = lab
        self._lang = lang
        self._limits = limits
        self._converter = converter
        self._marks = marks
        self._notes = list(notes)
        self._made_by = made_by
        with marks.lend() as gradebook:
            self._tests = read_tests(gradebook, lab)

    async def run(self, executor: Executor, submission: Submission, env: Mapping[str, str]) -> _Run:
        """Execute a submission's notebooks, one after the other, in one work folder."""
        digest = _digest(submission.path)
        try:
            notebooks, found = self._prepare(submission)
            given = self._converter.files(submission.students[0], self._limits)
            files: Mapping[str, bytes] = given
            seconds = 0.0
            for name, notebook in notebooks.items():
                execution = await executor.execute(
                    to_execute(notebook), env=env, files=files, keep_work=True
                )
                files = execution.work.files
                notebooks[name], problems = executed(notebook, execution, self._lang)
                found += limits_met(name, notebooks[name], problems, self._limits)
                if len(self._tests.points) > 1:
                    problems = [Reason("reason.item", {"label": name, "why": p}) for p in problems]
                found += [Reason("flag.unexpected", {"detail": problem}) for problem in problems]
                found += no_marks(name, notebooks[name])
                found += _not_kept([name], execution.work.left_out)
                seconds += execution.seconds
        except ExecutorLost:
            raise
        except Exception as error:  # whatever one submission does, the others are graded
            if database_error(error):  # the gradebook's trouble, not the submission's
                raise
            return _Run(digest, {}, failure=_said(error, self._lang))
        made = {path: content for path, content in files.items() if given.get(path) != content}
        found += _not_kept(notebooks, [*made][MOST_KEPT:])
        made = dict(islice(made.items(), MOST_KEPT))
        return _Run(digest, notebooks, found, made, seconds)

    def keep(self, submission: Submission, run: _Run) -> Graded:
        """Have nbgrader mark what was run and write everything; return what came of it."""
        student = submission.students[0]
        self._marks.make_stale(self._lab, student)
        if run.failure:
            return self._fail(student, run, run.failure)
        try:
            return self._mark(student, run)
        except Exception as error:  # as above
            if database_error(error):
                raise
            return self._fail(student, run, _said(error, self._lang))

    def _prepare(self, submission: Submission) -> tuple[dict[str, NotebookNode], list[Reason]]:
        """Return the notebooks to execute, and what is wrong with the submission."""
        _refuse_links(submission.path)
        paths = {path.stem: path for path in sorted(submission.path.glob("*.ipynb"))}
        expected = self._tests.points
        if not paths.keys() & expected.keys():
            values = {"lab": self._lab, "expected": _listed(expected), "found": _listed(paths)}
            raise UserError(Reason("plain.no_notebook", values))
        notebooks: dict[str, NotebookNode] = {}
        unknown = [name for name in paths if name not in expected]
        found = [Reason("plain.unknown", {"notebook": name}) for name in unknown]
        with self._marks.lend() as gradebook:
            for name in sorted(expected, key="{}.ipynb".format):  # nbgrader's order
                if name not in paths:
                    found.append(Reason("plain.missing", {"notebook": name}))
                    continue
                try:
                    submitted = read_notebook(paths[name].read_bytes())
                except UserError as error:
                    raise UserError(
                        Reason("reason.item", {"label": f"{name}.ipynb", "why": error.said})
                    ) from None
                cells = self._tests.cells[name]
                found += flags(name, submitted, cells)
                notebooks[name] = self._converter.sanitized(
                    gradebook, submission.students[0], name, as_released(submitted, cells)
                )
        return notebooks, found

    def _mark(self, student: str, run: _Run) -> Graded:
        with self._marks.lend() as gradebook:
            clear(gradebook, self._lab, student)
            notebooks = self._converter.save(gradebook, student, run.notebooks, run.made)
            settle(gradebook, self._lab, student, present(notebooks))
            scores = read_scores(gradebook, self._lab, student)
            marks = checks(self._tests, scores, notebooks, self._lang)
            result = Result(
                student=student,
                lab=self._lab,
                score=sum(check.marks for check in marks),
                max_score=self._tests.max_score,
                status=ATTENTION if run.flags else GRADED,
                flags=lines_of(run.flags, self._lang),
                seconds=round(run.seconds, 3),
                checks=marks,
                submission=run.digest,
                unanswered=unanswered(scores, notebooks),
                notes=self._notes,
                texts=read_by_people(notebooks),
                basis=self._made_by.basis,
                profile=self._made_by.profile,
                kit=kit(),
            )
            gradebook.keep(result)
        return Graded((result,), next(iter(notebooks.values())))

    def _fail(self, student: str, run: _Run, reason: str) -> Graded:
        """Leave the gradebook as nbgrader does after a failure: no marks, waiting for a person."""
        self._converter.discard(student)
        result = Result(
            student=student,
            lab=self._lab,
            score=0.0,
            max_score=self._tests.max_score,
            status=FAILED,
            flags=[reason],
            submission=run.digest,
            notes=self._notes,
            basis=self._made_by.basis,
            profile=self._made_by.profile,
            kit=kit(),
        )
        with self._marks.lend() as gradebook:
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(self._lab, student)
            clear(gradebook, self._lab, student)
            gradebook.keep(result)
        return Graded((result,), None)


def _said(error: Exception, lang: str) -> str:
    """Return an error as one line; those that are not ours with their kind."""
    return error.text(lang) if isinstance(error, UserError) else failure(error).text(lang)


def _not_kept(names: Iterable[str], left_out: Sequence[str]) -> list[Reason]:
    """Return, as a flag, what is not kept of what notebooks left in the work folder."""
    paths = ", ".join(left_out[:MANY]) + (" …" if len(left_out) > MANY else "")
    return (
        [Reason("plain.not_kept", {"notebooks": _listed(names), "paths": paths})] if paths else []
    )


def _refuse_links(folder: Path) -> None:
    """Raise `UserError` if the submission holds what is neither a file nor a folder of its own.

    nbgrader follows links, which may lead to other submissions or to the gradebook.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UserError(Reason("plain.link", {"path": path.relative_to(folder)}))


def _digest(folder: Path) -> str:
    """Return the SHA-256 of a submission's files and their names."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.relative_to(folder)}\0{content}\n".encode("utf-8", "replace"))
    return whole.hexdigest()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{name}.ipynb" for name in sorted(names)) or "–"
