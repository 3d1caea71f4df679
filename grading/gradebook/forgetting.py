"""One student out of the gradebook, whose partners keep what they have."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from nbgrader.api import Comment, Grade, Student, SubmittedAssignment, SubmittedNotebook

from grading.gradebook import changes, handins, marking, stored
from grading.gradebook.changes import AnySession
from grading.gradebook.tables import OURS

Blot = Callable[[str], str]  # returns a text without what tells of somebody


def counts(session: AnySession, student: str) -> dict[str, int]:
    """Return how many rows there are of a student, by what they are."""
    found = {
        table.name: session.scalar(sa.select(sa.func.count()).select_from(table).where(theirs)) or 0
        for table, theirs in _rows(student)
    }
    return {name: count for name, count in found.items() if count}


def leave_teams(
    session: AnySession, student: str, submissions: Mapping[tuple[str, str], tuple[str, str]]
) -> None:
    """Take a student out of the teams of others, whose work counts for these alone from then on.

    Parameters
    ----------
    session
        In a transaction that writes.
    student : str
    submissions : mapping
        By lab and partner: the digest of the file handed in, and what it will be.
    """
    for (lab, partner), (before, after) in submissions.items():
        known = stored.result(session, lab, partner)
        if known is None:
            continue
        team = [member for member in known.team if member != student]
        submission = after if known.submission == before else known.submission
        team = team if len(team) > 1 else []
        stored.store(session, replace(known, team=team, submission=submission))


def forget(session: AnySession, student: str, blot: Blot) -> None:
    """Delete all rows of a student, and blot out what those of others say of them."""
    for table, theirs in _rows(student):
        session.execute(sa.delete(table).where(theirs))
    texts = (handins.table.c.notice, handins.table.c.failure, *marking.TEXTS)
    for column in (changes.table.c.why, Comment.manual_comment, Comment.auto_comment, *texts):
        _blot(session, column, blot)
    results = (stored.table.c.result, handins.table.c.result)
    for column in (changes.table.c.old, changes.table.c.new, *results, *marking.JSON):
        _blot(session, column, lambda text: _blotted_json(text, blot))
    _blot(session, handins.table.c.students, lambda text: _without(text, student))
    session.expire_all()


def compact(session: AnySession) -> bool:
    """Have the database keep nothing of what was deleted; False if somebody else is reading it."""
    session.close()
    engine = session.get_bind().engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM"))
        if connection.dialect.name != "sqlite":
            return True
        busy, *_ = connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        return not busy


def _rows(student: str) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
    """Return which rows of which tables are a student's, those first that stand on others."""
    submissions = sa.select(SubmittedAssignment.id).where(SubmittedAssignment.student_id == student)
    notebooks = sa.select(SubmittedNotebook.id).where(
        SubmittedNotebook.assignment_id.in_(submissions)
    )
    theirs = [
        (Grade, Grade.notebook_id.in_(notebooks)),
        (Comment, Comment.notebook_id.in_(notebooks)),
        (SubmittedNotebook, SubmittedNotebook.assignment_id.in_(submissions)),
        (SubmittedAssignment, SubmittedAssignment.student_id == student),
        (Student, Student.id == student),
    ]
    return [
        *((kind.__table__, rows) for kind, rows in theirs),
        *((table, table.c.student == student) for table in OURS if "student" in table.c),
    ]


def _blot(session: AnySession, column: "sa.ColumnElement[str]", blot: Blot) -> None:
    query = sa.select(column).where(column.is_not(None)).distinct()
    for text in session.scalars(query).all():
        if (left := blot(text)) != text:
            session.execute(
                sa.update(column.table).where(column == text).values({column.key: left})
            )


def _without(students: str, student: str) -> str:
    return json.dumps([one for one in json.loads(students) if one != student])


def _blotted_json(text: str, blot: Blot) -> str:
    value = json.loads(text)
    left = mapped(value, blot)
    return text if left == value else json.dumps(left, ensure_ascii=False)


def mapped(value: Any, of_text: Callable[[str], str]) -> Any:
    """Return JSON with each of its texts, but no key, as ``of_text`` gives it."""
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, list):
        return [mapped(item, of_text) for item in value]
    if isinstance(value, dict):
        return {key: mapped(item, of_text) for key, item in value.items()}
    return value
