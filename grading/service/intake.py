"""Taking in a notebook: whose it is, whether the course takes it now, and its receipt."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

import sqlalchemy as sa
from nbformat import NotebookNode
from sqlalchemy.orm import Session

from grading.cells.identity import read_identity
from grading.cells.reading import read_notebook
from grading.collect import Credit, check_lab, credit, is_untouched
from grading.collect.collecting import released_notebooks
from grading.course.config import Course
from grading.course.extensions import read_extensions
from grading.course.roster import Student
from grading.errors import UserError
from grading.messages import Reason
from grading.service import queue, store
from grading.service.database import Database
from grading.service.people import People
from grading.service.policy import Refused, check_attempts, check_open
from grading.service.queue import HandIn
from grading.service.tables import pauses

log = logging.getLogger(__name__)
MOST_REFUSED = 20  # of a student and a lab that are kept


@dataclass(frozen=True)
class Receipt:
    """What somebody is told who handed in.

    Attributes
    ----------
    handin : HandIn
    is_new : bool
        False if the same was there already.
    place : int
        Jobs before it in the queue.
    """

    handin: HandIn
    is_new: bool
    place: int


class Intake:
    """Takes in what students of a course hand in.

    Parameters
    ----------
    course : Course
    database : Database
    people : People
    """

    def __init__(self, course: Course, database: Database, people: People) -> None:
        self._course = course
        self._database = database
        self._people = people
        self._released: dict[str, tuple[tuple[int, ...], list[NotebookNode]]] = {}

    def take(self, student: Student, lab: str, content: bytes, now: datetime) -> Receipt:
        """Store a notebook and queue it; both are durable when this returns.

        What is refused is kept, too, as far as there is not much of it, and never graded.

        Raises
        ------
        Refused
            In a sentence for the student; an instructor finds a line in the log.
        OSError
            If it cannot be stored.
        """
        self._check_released(lab)
        sha256 = store.keep(self._course.home, student.id, lab, content)
        try:
            found, notice = self._examined(student, lab, content)
            due = self._due(lab, found.students)
            with self._database.writing() as session:
                return self._queued(session, student, lab, sha256, found, notice, due, now)
        except Refused as refused:
            self._keep_refused(student, lab, sha256, str(refused), now)
            raise

    def _check_released(self, lab: str) -> None:
        known = lab in self._course.lab_names
        if not known or not self._course.release_path(lab).exists():
            raise Refused(HTTPStatus.NOT_FOUND, Reason("service.no_lab", {"lab": f"{lab:.64}"}))

    def _examined(self, student: Student, lab: str, content: bytes) -> tuple[Credit, str]:
        """Return whose a notebook is, and what an instructor should know of it."""
        try:
            notebook = read_notebook(content)
            identity = read_identity(notebook)
        except UserError as error:
            raise _unfit(error.said) from error
        released = self._released_of(lab)
        try:
            check_lab(notebook, lab, released)
        except UserError as error:
            raise _unfit(Reason("service.other_lab", {"lab": lab})) from error
        try:
            found = credit(identity, [student], self._people.roster)
        except UserError as error:
            values = {"student": student.id}
            raise _unfit(Reason("service.not_yours", values)) from error
        notes = list(found.notes)
        if is_untouched(notebook, released):
            notes.append("untouched: every answer is the release's")
        others = (one for one in found.students if one != student.id)
        return replace(found, students=(student.id, *others)), "; ".join(notes)

    def _queued(
        self,
        session: Session,
        student: Student,
        lab: str,
        sha256: str,
        found: Credit,
        notice: str,
        due: datetime | None,
        now: datetime,
    ) -> Receipt:
        attempts = [one for one in queue.of_student(session, student.id, lab) if one.attempt]
        for one in attempts:
            if one.sha256 == sha256:
                return Receipt(one, False, queue.place(session, one))
        if session.scalar(sa.select(pauses.c.lab).where(pauses.c.lab == lab)):
            raise Refused(HTTPStatus.FORBIDDEN, Reason("service.paused"))
        check_open(self._course.late, due, now, self._course.zone)
        check_attempts(self._course.lab(lab).service, attempts, now)
        handin = HandIn(
            id=queue.new_id(),
            lab=lab,
            student=student.id,
            students=found.students,
            attempt=len(attempts) + 1,
            sha256=sha256,
            received=now,
            due=due,
            notice=notice,
        )
        queue.enqueue(session, handin)
        return Receipt(handin, True, queue.place(session, handin))

    def _due(self, lab: str, students: Sequence[str]) -> datetime | None:
        """Return until when these may hand in: a pair has the later date of theirs."""
        due = self._course.lab(lab).due
        if due is None:
            return None
        extensions = read_extensions(self._course)
        return max(extensions.get((one, lab), due) for one in students)

    def _keep_refused(
        self, student: Student, lab: str, sha256: str, why: str, now: datetime
    ) -> None:
        log.warning("%s: refused from %s (%s): %s", lab, student.id, sha256[:12], why)
        handin = HandIn(
            id=queue.new_id(),
            lab=lab,
            student=student.id,
            students=(student.id,),
            attempt=0,
            sha256=sha256,
            received=now,
            due=None,
            state=queue.REFUSED,
            failure=why,
        )
        with self._database.writing() as session:
            known = queue.of_student(session, student.id, lab)
            if any(one.sha256 == sha256 for one in known):
                return
            if sum(not one.attempt for one in known) < MOST_REFUSED:
                queue.enqueue(session, handin)
                return
        store.received_path(self._course.home, student.id, lab, sha256).unlink(missing_ok=True)

    def _released_of(self, lab: str) -> list[NotebookNode]:
        """Return the lab's notebooks as they were given out, read again after a release."""
        paths = self._course.root.glob(f"notebooks/*/{lab}.ipynb")
        released = self._course.release_path(lab)
        stamp = tuple(path.stat().st_mtime_ns for path in (*sorted(paths), released))
        if lab not in self._released or self._released[lab][0] != stamp:
            self._released[lab] = stamp, released_notebooks(self._course, lab)
        return self._released[lab][1]


def _unfit(said: str | Reason) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, said)
