"""Who may do what: students of the roster, the course's staff, and everybody else."""

import logging
from dataclasses import dataclass

from grading.course.config import Course
from grading.course.roster import Roster, Student, read_roster
from grading.course.service import GRADER, INSTRUCTOR, Staff
from grading.errors import UserError

STRANGER, STUDENT = "stranger", "student"
ROLES = (STRANGER, STUDENT, GRADER, INSTRUCTOR)
STAFF = frozenset((GRADER, INSTRUCTOR))
FIRST = Staff(INSTRUCTOR, INSTRUCTOR)  # of a course whose course.toml names nobody
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, or `NOBODY`; ``student`` is the roster's line, if there is one."""

    id: str
    role: str
    student: Student | None = None

    @property
    def name(self) -> str:
        """What the person is called."""
        return self.student.name if self.student else self.id


NOBODY = Person("", STRANGER)


class People:
    """The people of a course; the roster is read again when it was changed.

    Parameters
    ----------
    course : Course

    Raises
    ------
    UserError
        If the roster cannot be read, or somebody of the staff has the id of a student. Later such
        a roster changes nothing.
    """

    def __init__(self, course: Course) -> None:
        self._path = course.roster
        self.staff = course.service.staff or (FIRST,)
        self._seen = self._stamp()
        self._roster = self._read()

    @property
    def roster(self) -> Roster:
        """The roster as it is now."""
        if (stamp := self._stamp()) != self._seen:
            self._seen = stamp
            try:
                self._roster = self._read()
            except UserError as error:
                log.warning("the roster stays as it was: %s", error)
        return self._roster

    def find(self, id: str) -> Person | None:
        """Return the person with this id; None if nobody of the course has it."""
        for one in self.staff:
            if one.id == id:
                return Person(one.id, one.role)
        student = self.roster.find(id)
        return Person(student.id, STUDENT, student) if student else None

    def all(self) -> list[Person]:
        """Return the staff, then the students."""
        staff = [Person(one.id, one.role) for one in self.staff]
        return [*staff, *(Person(one.id, STUDENT, one) for one in self.roster.students)]

    def _read(self) -> Roster:
        roster = read_roster(self._path)
        for one in self.staff:
            if roster.find(one.id):  # whose link would open what is for staff
                raise UserError(
                    f"{one.id} is a student of {self._path} and one of the staff; expected another "
                    "id in [[service.staff]] of course.toml"
                )
        return roster

    def _stamp(self) -> tuple[int, int]:
        try:
            about = self._path.stat()
        except OSError:
            return 0, 0
        return about.st_mtime_ns, about.st_size
