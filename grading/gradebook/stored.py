"""The whole result of each submission, in a table of our own in nbgrader's database."""

import json
from dataclasses import asdict, replace

import sqlalchemy as sa
from nbgrader.api import Assignment, SubmittedAssignment

from grading.gradebook.changes import AnySession
from grading.judging.results import CheckMark, Result

table = sa.Table(
    "dl_result",
    sa.MetaData(),
    sa.Column("lab", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("result", sa.Text, nullable=False),
)


def store(session: AnySession, result: Result) -> None:
    """Put a result in the place of the one there was."""
    about = {"lab": result.lab, "student": result.student, "result": written(result)}
    session.execute(_of(result.lab, result.student))
    session.execute(sa.insert(table).values(about))


def result(session: AnySession, lab: str, student: str) -> Result | None:
    """Return the stored result of a submission, None if it was never graded."""
    query = sa.select(table.c.result).where(table.c.lab == lab, table.c.student == student)
    text = session.execute(query).scalar()
    return None if text is None else read(text)


def results(session: AnySession, lab: str) -> list[Result]:
    """Return the stored results of a lab, of all whom nbgrader has in it, by student."""
    query = sa.select(table.c.result).where(table.c.lab == lab, table.c.student.in_(_there(lab)))
    return [read(text) for text in session.execute(query.order_by(table.c.student)).scalars()]


def removed(session: AnySession, lab: str) -> list[str]:
    """Return the students who have a result of a lab and whom nbgrader has no longer in it."""
    query = sa.select(table.c.student).where(
        table.c.lab == lab, table.c.student.not_in(_there(lab))
    )
    return list(session.execute(query.order_by(table.c.student)).scalars())


def make_stale(session: AnySession, lab: str, student: str) -> None:
    """Have ``--resume`` grade a submission again; what is known of it stays until then."""
    known = result(session, lab, student)
    if known is not None:
        store(session, replace(known, basis=""))


def _there(lab: str) -> sa.Select[tuple[str]]:
    return (
        sa.select(SubmittedAssignment.student_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == lab)
    )


def _of(lab: str, student: str) -> sa.Delete:
    return sa.delete(table).where(table.c.lab == lab, table.c.student == student)


def written(result: Result) -> str:
    """Return a result as it is stored."""
    return json.dumps(asdict(result), ensure_ascii=False)


def read(text: str) -> Result:
    """Return a result that was stored."""
    data = json.loads(text)
    data["checks"] = [CheckMark(**check) for check in data["checks"]]
    return Result(**data)
