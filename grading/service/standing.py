"""Where the class stands: the labs' totals and the course's mark, as the gradebook has them now."""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from grading.collect.submitted import collected
from grading.course.adjustments import read_adjustments
from grading.course.config import Course
from grading.course.exams import read_exam
from grading.course.excused import read_excused
from grading.course.extensions import read_extensions
from grading.course.roster import Roster, Student
from grading.gradebook.adjusting import adjusted
from grading.gradebook.lateness import late_policy
from grading.gradebook.marks import Marks
from grading.reporting.coursework import CourseView, Given, course_view
from grading.reporting.standings import ClassView, Standing, class_view
from grading.service.people import People

FRESH_SECONDS = (
    10.0  # that what was read is shown for: pages are read far more often than marks change
)


@dataclass(frozen=True)
class Stand:
    """The class at one moment.

    Attributes
    ----------
    course : Course
    classes : mapping of str to ClassView
        By lab.
    given : Given
    """

    course: Course
    classes: Mapping[str, ClassView]
    given: Given

    def row(self, lab: str, student: str) -> Standing | None:
        """Return a student's row of a lab; None if the roster does not have them."""
        return next((row for row in self.classes[lab].rows if row.student == student), None)

    def late_days_left(self, student: str) -> int | None:
        """Return the late days that a student has not spent; None if the course gives none."""
        late = self.course.late
        if late is None or not late.days:
            return None
        rows = (self.row(lab, student) for lab in self.classes)
        rules = [one.rule for row in rows if row for one in row.deductions if one.rule]
        return late.days - sum(int(str(rule.values.get("slips", 0))) for rule in rules)

    def of(self, student: Student, published: Collection[str], lang: str) -> CourseView:
        """Return a student's course, as far as the marks of its labs are published."""
        nobody = class_view((), Roster((student,)))
        classes = {lab: view if lab in published else nobody for lab, view in self.classes.items()}
        course = replace(self.course, language=lang)
        return course_view(course, Roster((student,)), classes, self.given)


class Standings:
    """Reads where the class stands; for students, who ask often, at most once in a while.

    Parameters
    ----------
    course : Course
    url : str
        Of the gradebook.
    people : People
    """

    def __init__(self, course: Course, url: str, people: People) -> None:
        self._course, self._url, self._people = course, url, people
        self._lock = threading.Lock()
        self._read: Stand | None = None
        self._when = 0.0

    def recent(self) -> Stand:
        """Return where the class stands, or stood a moment ago."""
        with self._lock:
            if self._read is None or time.monotonic() > self._when + FRESH_SECONDS:
                self._read = self.now()
                self._when = time.monotonic()
            return self._read

    def now(self) -> Stand:
        """Read where the class stands."""
        return read(self._course, self._url, self._people.roster)

    def handed_in(self) -> dict[str, tuple[Standing, ...]]:
        """Return the rows of those who handed in, by lab, as the gradebook has them now."""
        return {lab: view.handed_in for lab, view in self.now().classes.items()}


def read(course: Course, url: str, roster: Roster) -> Stand:
    """Read where the class stands."""
    policy, changes = late_policy(course), read_adjustments(course)
    classes = {}
    with Marks(url) as marks:
        for lab in course.lab_names:
            marks.settle(lab, policy)
        for lab in course.lab_names:
            records = adjusted(marks.records(lab), lab, changes, course.mark.beyond_maximum)
            classes[lab] = class_view(records, roster, course.zone, course.language)
        maxima = marks.maxima()
    return Stand(course, classes, replace(given_beside(course, roster), maxima=maxima))


def given_beside(course: Course, roster: Roster) -> Given:
    """Return what a course's mark depends on beside the gradebook."""
    return Given(
        datetime.now(UTC),
        read_excused(course),
        {exam.name: read_exam(exam, roster) for exam in course.exams},
        read_extensions(course),
        {
            (student, lab)
            for lab in course.lab_names
            for team in collected(course.home, lab)
            for student in team
        },
    )
