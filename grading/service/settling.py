"""What counts, brought to where the rest of the kit looks for it: ``submitted`` and the gradebook.

All of it can be done twice: a worker that is killed in between leaves the hand-in unsettled, and
the next one does it again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from filelock import FileLock

from grading.collect.submitted import TIME_FORMAT, HandedIn, Place
from grading.course.config import Course
from grading.gradebook import stored
from grading.gradebook.grade import keep
from grading.gradebook.marks import Marks
from grading.judging.results import Result
from grading.service import queue, store
from grading.service.counting import counting
from grading.service.database import Database
from grading.service.queue import HandIn


def settle(course: Course, database: Database, marks: Marks, handin: HandIn) -> None:
    """Bring what counts for those of a graded hand-in where it belongs."""
    rules, zone = course.lab(handin.lab).service, course.zone or UTC
    with FileLock(course.home / store.FOLDER / ".settling"):  # one after the other
        with database.reading() as session:
            near = queue.of_students(session, handin.lab, handin.students)
            students = {one for near_one in near for one in near_one.students}
            every = queue.of_students(session, handin.lab, students)
            known = {one: stored.result(session, handin.lab, one) for one in students}
        counted = {
            student: found
            for student in students
            if (found := counting(every, student, rules.counts, course.late, zone))
        }
        for student, found in counted.items():
            team = [one for one in found.students if counted.get(one) == found]
            _bring(
                course.home,
                marks,
                known.get(student),
                student,
                found,
                team,
                is_news=found.id == handin.id,
            )
        with database.writing() as session:
            queue.settled(session, [handin.id])


def _bring(
    home: Path,
    marks: Marks,
    known: Result | None,
    student: str,
    handin: HandIn,
    team: Sequence[str],
    *,
    is_news: bool,
) -> None:
    """Make a hand-in what counts for a student, with those for whom it counts, too.

    What the gradebook says of this very file stays, unless there is news of it.
    """
    assert handin.result is not None  # only what is graded counts
    lab, together = handin.lab, list(team) if len(team) > 1 else []
    result = replace(handin.result, student=student, team=together)
    place = Place(home, student, lab)
    partner = next((one for one in team if one != student), "")
    content = store.received_path(home, handin.student, lab, handin.sha256).read_bytes()
    if place.content() != content or place.partner() != partner:
        _put(place, handin, content, partner)
    same = known and (known.submission, known.team) == (result.submission, result.team)
    if not same or (is_news and known != result):
        executed = store.executed_path(home, handin.student, lab, handin.sha256)
        keep(marks, home, result, executed.read_bytes() if executed.exists() else None)


def _put(place: Place, handin: HandIn, content: bytes, partner: str) -> None:
    path = store.received_path(place.home, handin.student, handin.lab, handin.sha256)
    held = place.content()
    before = place.handed_in()
    if held is not None and not before.file.startswith(f"{store.FOLDER}/"):
        place.keep_aside()  # it came another way, and is nowhere else
    file = path.relative_to(place.home).as_posix()
    saved = handin.received.astimezone(UTC).strftime(TIME_FORMAT)
    place.write(
        content, handin.received, partner, HandedIn(file, handin.student, saved, ids=before.ids)
    )
