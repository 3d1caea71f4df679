"""nbgrader's gradebook: one transaction a submission, and the detail behind each mark.

The marks go where nbgrader and Formgrader expect them. Beside them, in a table of our own in the
same database and the same transaction, stands the whole result: each check with its reason.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy.orm import Session

from grading.course.config import LabInfo
from grading.course.roster import Roster
from grading.errors import UserError
from grading.gradebook import changes, forgetting, people, schema, stored
from grading.gradebook.database import (
    GradebookError,
    begin_writing,
    database_error,
    errors_in_one_line,
    hold,
    must_exist,
    opened,
    take_turn,
    trouble,
)
from grading.gradebook.deadlines import write_due_dates
from grading.gradebook.lateness import LatePolicy
from grading.gradebook.records import records
from grading.gradebook.tables import OURS
from grading.judging.record import Change, Record
from grading.judging.results import Result

KEPT = "what was finished is kept, and grade --resume goes on from there"


class Marks:
    """The gradebook of a course, opened by its one writer, and made if there is none.

    Parameters
    ----------
    url : str
        SQLAlchemy URL: ``sqlite:///…`` or ``postgresql://…``.

    Raises
    ------
    UserError
        If it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._gradebook = opened(url)
        self._db = self._gradebook.db
        self._db.info[people.NOTED] = True
        try:
            with errors_in_one_line(url):
                schema.bring_up_to_date(self._gradebook.engine, OURS)
        except UserError:
            self._gradebook.close()
            raise

    @classmethod
    def existing(cls, url: str) -> Self:
        """Open a gradebook that is there; see `must_exist`."""
        must_exist(url)
        return cls(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gradebook.close()
        if cause := database_error(error):
            said = trouble(self._url, cause, "use")
            raise GradebookError(f"{said}; {KEPT}") from None

    def add_students(self, roster: Roster) -> None:
        """Add the roster's students, or bring their names and addresses up to date."""
        with self._writing():
            for entry in roster.students:
                student = self._db.get(Student, entry.id)
                if student is None:
                    student = Student(id=entry.id)
                    self._db.add(student)
                student.last_name = entry.name
                student.email = entry.email

    def set_due_dates(self, labs: Iterable[LabInfo]) -> None:
        """Have nbgrader's tools see when labs are due."""
        with self._writing():
            write_due_dates(self._db, labs)

    def result(self, lab: str, student: str) -> Result | None:
        """Return the stored result of a submission, None if it was never graded."""
        return stored.result(self._db, lab, student)

    def results(self, lab: str) -> list[Result]:
        """Return all stored results of a lab, by student."""
        return stored.results(self._db, lab)

    def removed(self, lab: str) -> list[str]:
        """Return the students who were graded, and removed from nbgrader's gradebook since."""
        return stored.removed(self._db, lab)

    def save(self, result: Result, handed_in: datetime | None = None) -> None:
        """Write one submission's marks and details, in one transaction.

        Every grade cell that the database knows is written, whether or not the submission still
        had it. What a person gave stays while what they read does; see `people.take_back_unread`.

        Parameters
        ----------
        result : Result
        handed_in : datetime, optional
            With a time zone; without one the time that is known stays.

        Raises
        ------
        UserError
            If the lab was never released, so that the gradebook does not know its cells.
        """
        with self._writing():
            submission = self._submission(result, handed_in)
            hold(self._db, submission.id)
            marks = result.cell_marks()
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    _write_grade(grade, marks, result.unanswered)
            self._db.flush()
            before = stored.result(self._db, result.lab, result.student)
            people.take_back_unread(self._db, before, result)
            stored.store(self._db, result)

    def make_stale(self, lab: str, student: str) -> None:
        """Have ``--resume`` grade a submission again, whatever becomes of grading it now."""
        with self._writing():
            stored.make_stale(self._db, lab, student)

    def settle(self, lab: str, policy: LatePolicy) -> list[Change]:
        """Bring a lab's gradebook in order: what pairs share, what lateness costs.

        Returns
        -------
        list of Change
            Marks that a pair was given and that contradict each other; see
            `people.share_within_teams`.
        """
        with self._writing():
            contradictions = people.share_within_teams(self._db, lab)
            policy.apply(self._db, lab)
        return contradictions

    def adjust(self, lab: str, student: str, cell: str, marks: float, why: str) -> float:
        """Give a cell of a submission other marks, and return those that it had.

        Raises
        ------
        UserError
            If there is no such cell, or it cannot have these marks.
        """
        with self._writing():
            grades = changes.grades(self._db, lab, student)
            found = [grade for grade in grades if grade.cell.name == cell]
            if len(found) != 1:
                known = ", ".join(sorted({grade.cell.name for grade in grades}))
                raise UserError(
                    f"{student} has {len(found) or 'no'} cells {cell!r} with marks in {lab}; "
                    f"expected one of: {known or 'none, as nothing was graded'}"
                )
            (grade,) = found
            if not 0 <= marks <= grade.max_score:
                raise UserError(
                    f"{cell} has from 0 to {grade.max_score:g} marks; {marks:g} is not among them"
                )
            changes.find_unnoted(self._db, lab, student)
            before, old = float(grade.score), grade.manual_score
            key = (student, grade.notebook.name, cell, "manual_score")
            changes.put(self._db, lab, key, marks)
            changes.note(self._db, lab, key, old, marks, changes.whoever(), why)
            people.share_within_teams(self._db, lab)
        return before

    def maxima(self) -> dict[str, float]:
        """Return the marks of each lab that was released."""
        rows = self._db.execute(sa.select(Assignment.name, Assignment.max_score))
        return {name: float(most) for name, most in rows if most}

    def unnoted(self, lab: str) -> list[changes.Key]:
        """Return what was given or changed and nobody knows by whom; nothing is noted of it."""
        return list(changes.unnoted(self._db, lab))

    def students(self) -> list[Student]:
        """Return whom nbgrader's gradebook knows, by id."""
        return list(self._db.scalars(sa.select(Student).order_by(Student.id)))

    def rows_of(self, student: str) -> dict[str, int]:
        """Return how many rows there are of a student, by their table."""
        return forgetting.counts(self._db, student)

    def leave_teams(
        self, student: str, submissions: Mapping[tuple[str, str], tuple[str, str]]
    ) -> None:
        """Take a student out of the teams of others; see `forgetting.leave_teams`."""
        with self._writing():
            forgetting.leave_teams(self._db, student, submissions)

    def forget(self, student: str, blot: forgetting.Blot) -> None:
        """Remove a student with all that is known of them; see `forgetting.forget`.

        Raises
        ------
        GradebookError
            If somebody is reading, so that the file keeps traces of what was removed.
        """
        with self._writing():
            forgetting.forget(self._db, student, blot)
        if not forgetting.compact(self._db):
            raise GradebookError(
                "another program has the gradebook open, so that it still keeps what was removed: "
                "end that, and run this again"
            )

    def records(self, lab: str) -> list[Record]:
        """Return the record of every submission of a lab, by student; see `settle`."""
        return records(self._db, lab)

    @contextmanager
    def lend(self) -> Iterator["LentGradebook"]:
        """Lend nbgrader its gradebook; what it writes is kept when the block ends without error."""
        with self._db.get_bind().begin() as connection, warnings.catch_warnings():
            # nbgrader has habits that newer versions of SQLAlchemy warn about.
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            take_turn(connection)
            gradebook = LentGradebook(connection)
            try:
                yield gradebook
                gradebook.db.flush()
            finally:
                gradebook.db.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Keep what the block writes if it ends well, nothing of it otherwise."""
        begin_writing(self._db)
        try:
            yield
            self._db.commit()
        except BaseException:
            self._db.rollback()
            raise

    def _submission(self, result: Result, handed_in: datetime | None) -> SubmittedAssignment:
        assignment = self._db.query(Assignment).filter(Assignment.name == result.lab).first()
        if assignment is None:
            raise UserError(
                f"the gradebook does not know {result.lab!r}; "
                f"run `python -m grading release {result.lab}` first"
            )
        student = self._db.get(Student, result.student) or Student(id=result.student)
        self._db.add(student)
        self._db.flush()
        submission = (
            self._db.query(SubmittedAssignment)
            .filter_by(assignment_id=assignment.id, student_id=result.student)
            .first()
        )
        if submission is None:
            submission = SubmittedAssignment(assignment_id=assignment.id, student_id=student.id)
            self._db.add(submission)
        if handed_in is not None:
            submission.timestamp = handed_in.astimezone(UTC).replace(tzinfo=None)
        self._db.flush()
        for notebook in assignment.notebooks:
            self._complete(submission, notebook)
        self._db.expire(submission)
        return submission

    def _complete(self, submission: SubmittedAssignment, notebook: Notebook) -> None:
        """Give the submission a grade and a comment for every cell that the lab has now."""
        mine = (
            self._db.query(SubmittedNotebook)
            .filter_by(assignment_id=submission.id, notebook_id=notebook.id)
            .first()
        )
        if mine is None:
            mine = SubmittedNotebook(assignment_id=submission.id, notebook_id=notebook.id)
            self._db.add(mine)
            self._db.flush()
        self._add_missing(Grade, mine, (*notebook.grade_cells, *notebook.task_cells))
        self._add_missing(Comment, mine, (*notebook.solution_cells, *notebook.task_cells))
        self._db.flush()
        self._db.expire(mine)

    def _add_missing(
        self, kind: type[Any], notebook: SubmittedNotebook, cells: Iterable[BaseCell]
    ) -> None:
        present = set(
            self._db.execute(sa.select(kind.cell_id).filter_by(notebook_id=notebook.id)).scalars()
        )
        for cell in cells:
            if cell.id not in present:
                self._db.add(kind(cell_id=cell.id, notebook_id=notebook.id))


class LentGradebook(Gradebook):
    """nbgrader's gradebook within a transaction of ours: what it commits is only sent on.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction, which its owner ends.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self.engine = connection.engine
        self.db = Session(bind=connection, join_transaction_mode="rollback_only")
        self.db.info[people.NOTED] = True
        self.authenticator = None

    def close(self) -> None:
        """Stay open; whoever lent it closes it."""

    def keep(self, result: Result) -> None:
        """Store the detail behind the marks that nbgrader wrote."""
        before = stored.result(self.db, result.lab, result.student)
        people.take_back_unread(self.db, before, result)
        stored.store(self.db, result)


def _write_grade(grade: Grade, marks: dict[str, float], unanswered: Iterable[str]) -> None:
    name, manual = grade.cell.name, grade.cell.cell_type == "markdown"
    if manual and name not in unanswered:
        grade.auto_score = None
        grade.needs_manual_grade = grade.manual_score is None
        return
    if grade.auto_score is None or grade.manual_score is not None:
        grade.needs_manual_grade = grade.manual_score is not None
    grade.auto_score = 0.0 if manual else marks.get(name, 0.0)
