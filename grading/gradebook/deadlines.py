"""The due dates of course.toml and the extensions, put where nbgrader keeps its own."""

from collections.abc import Iterable

import sqlalchemy as sa
from nbgrader.api import Assignment, SubmittedAssignment

from grading.course.config import LabInfo
from grading.course.extensions import Extensions
from grading.gradebook import people, stored
from grading.gradebook.changes import AnySession


def write_due_dates(session: AnySession, labs: Iterable[LabInfo]) -> None:
    """Make the due date of each lab that has one in course.toml that of the gradebook."""
    due = {lab.name: lab.due.replace(tzinfo=None) for lab in labs if lab.due}
    for assignment in session.scalars(sa.select(Assignment).where(Assignment.name.in_(due))):
        if assignment.duedate != due[assignment.name]:
            assignment.duedate = due[assignment.name]
    session.flush()


def write_extensions(session: AnySession, labs: Iterable[LabInfo], extensions: Extensions) -> None:
    """Give each submission of those labs the extension that it has, or none.

    Those who handed in together have the latest of theirs.
    """
    for lab in labs:
        if lab.due is None:
            continue
        teams = {
            student: team
            for team in people.teams(stored.results(session, lab.name))
            for student in team
        }
        changed = []
        for submission, student, before in session.execute(
            sa.select(
                SubmittedAssignment.id,
                SubmittedAssignment.student_id,
                SubmittedAssignment.extension,
            )
            .join(Assignment)
            .where(Assignment.name == lab.name)
        ):
            team = teams.get(student, (student,))
            until = max(extensions.get((one, lab.name), lab.due) for one in team)
            extension = until - lab.due or None
            if before != extension:
                changed.append({"id": submission, "extension": extension})
        if changed:
            session.execute(sa.update(SubmittedAssignment), changed)
    session.flush()
    session.expire_all()  # what is at hand of submissions has the extensions of before
