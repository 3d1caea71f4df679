"""Who may do what: students of the roster, the course's staff, and everybody else."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from grading.course.config import Course
from grading.course.roster import Roster, Student, group_names, read_roster
from grading.course.service import GRADER, INSTRUCTOR, Staff
from grading.errors import UserError

STRANGER, STUDENT = "stranger", "student"
ROLES = (STRANGER, STUDENT, GRADER, INSTRUCTOR)
STAFF = frozenset((GRADER, INSTRUCTOR))
FIRST = Staff(INSTRUCTOR, INSTRUCTOR)  # of a course whose course.toml names nobody
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, or `NOBODY`.

    Attributes
    ----------
    id, role : str
    student : Student or None
        The roster's line, if there is one.
    sections : frozenset of str
        Groups of the class beyond which a grader sees nobody; the whole class if there are none.
    """

    id: str
    role: str
    student: Student | None = None
    sections: frozenset[str] = frozenset()

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
        If the roster cannot be read, somebody of the staff has the id of a student, or an
        instructor has sections. Later such a roster changes nothing.
    """

    def __init__(self, course: Course) -> None:
        self._path = course.roster
        self.staff = course.service.staff or (FIRST,)
        for one in self.staff:
            if one.sections and one.role != GRADER:
                raise UserError(
                    f"{one.id} of [[service.staff]] in course.toml has sections and is {one.role}; "
                    f'expected them of a "{GRADER}" alone: who changes marks sees whose they are'
                )
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
                return _of_staff(one)
        student = self.roster.find(id)
        return Person(student.id, STUDENT, student) if student else None

    def all(self) -> list[Person]:
        """Return the staff, then the students."""
        students = (Person(one.id, STUDENT, one) for one in self.roster.students)
        return [*map(_of_staff, self.staff), *students]

    def sees(self, person: Person, students: Iterable[str]) -> bool:
        """Whether somebody of the staff may see the work of these students, of one at least."""
        if not person.sections:
            return person.role in STAFF
        known = (self.roster.find(one) for one in students)
        return any(person.sections.intersection(group_names(one.group)) for one in known if one)

    def seen_by(self, person: Person) -> list[Student]:
        """Return the students of the class whom somebody of the staff may see."""
        return [one for one in self.roster.students if self.sees(person, [one.id])]

    def _read(self) -> Roster:
        roster = read_roster(self._path)
        groups = {name for one in roster.students for name in group_names(one.group)}
        for one in self.staff:
            if nobodys := sorted({*one.sections} - groups):
                log.warning("%s: nobody of the roster is in the group %s", one.id, nobodys)
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


def _of_staff(one: Staff) -> Person:
    return Person(one.id, one.role, sections=frozenset(one.sections))
