"""Every change of what people gave: who made it, when, and why.

nbgrader keeps the last mark and the last comment of a cell and nothing of those before. The changes
stand in a table of our own in its database, written in the transaction of the change itself.
"""

import getpass
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy.orm import Session, scoped_session

from grading.judging.record import Change

AnySession = Session | scoped_session[Session]
Key = tuple[str, str, str, str]  # student, notebook, cell, field
Value = float | str | None

FIELDS: dict[str, type[Any]] = {
    "manual_score": Grade,
    "extra_credit": Grade,
    "manual_comment": Comment,
}

table = sa.Table(
    "dl_change",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("lab", sa.String(128), nullable=False, index=True),
    sa.Column("student", sa.String(128), nullable=False),
    sa.Column("notebook", sa.String(128), nullable=False),
    sa.Column("cell", sa.String(128), nullable=False),
    sa.Column("field", sa.String(32), nullable=False),
    sa.Column("old", sa.Text, nullable=False),
    sa.Column("new", sa.Text, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)


def whoever() -> str:
    """Return who is at work: the user of JupyterHub, or of the system."""
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return f"uid {os.getuid()}"


def note(
    session: AnySession, lab: str, key: Key, old: Value, new: Value, who: str, why: str = ""
) -> Change:
    """Write down one change, made now, and return it."""
    change = Change(*key, old, new, who, datetime.now(UTC).replace(microsecond=0), why)
    values = asdict(change) | {
        "lab": lab,
        "old": json.dumps(old),
        "new": json.dumps(new),
        "at": change.at.isoformat(),
    }
    session.execute(sa.insert(table).values(values))
    return change


def noted(session: AnySession, lab: str, student: str | None = None) -> list[Change]:
    """Return all changes of a lab, or those of one student, oldest first."""
    query = sa.select(table).where(table.c.lab == lab).order_by(table.c.id)
    if student is not None:
        query = query.where(table.c.student == student)
    rows = session.execute(query)
    return [
        Change(
            row.student,
            row.notebook,
            row.cell,
            row.field,
            json.loads(row.old),
            json.loads(row.new),
            row.who,
            datetime.fromisoformat(row.at),
            row.why,
        )
        for row in rows
    ]


def given(session: AnySession, lab: str, student: str | None = None) -> dict[Key, Value]:
    """Return the marks, bonuses and comments of people that stand in a lab, or for a student."""
    found: dict[Key, Value] = {}
    for kind in _PLACED:
        fields = {name: getattr(kind, name) for name in FIELDS if FIELDS[name] is kind}
        query = placed(kind, lab).where(sa.or_(*(one.is_not(None) for one in fields.values())))
        if student is not None:
            query = query.where(SubmittedAssignment.student_id == student)
        place = SubmittedAssignment.student_id, Notebook.name, BaseCell.name
        for row in session.execute(query.with_only_columns(*place, *fields.values())):
            whose, notebook, cell, *values = row
            found |= {
                (whose, notebook, cell, name): value
                for name, value in zip(fields, values, strict=True)
                if value is not None
            }
    return found


def put(session: AnySession, lab: str, key: Key, value: Value) -> None:
    """Write a person's mark, bonus or comment into nbgrader's row, if it has one for it."""
    *where, field = key
    found = row(session, lab, FIELDS[field], *where)
    if found is None:
        return
    setattr(found, field, value)
    if field == "manual_score":
        found.needs_manual_grade = value is None and found.auto_score is None


def row(
    session: AnySession, lab: str, kind: type[Any], student: str, notebook: str, cell: str
) -> Any:
    """Return nbgrader's `Grade` or `Comment` of a cell of a submission, None if it has none."""
    return session.scalars(
        placed(kind, lab).where(
            SubmittedAssignment.student_id == student,
            Notebook.name == notebook,
            BaseCell.name == cell,
        )
    ).one_or_none()


def find_unnoted(
    session: AnySession,
    lab: str,
    student: str | None = None,
    stands: Mapping[Key, Value] | None = None,
) -> list[Change]:
    """Note the changes that were made without us, and return them.

    Scripts and nbgrader's own commands write into the gradebook, too. Who did it is not known then,
    and the time is that of finding it. ``stands`` is what `given` returns, for who knows it.
    """
    return [
        note(session, lab, key, old, new, who="")
        for key, (old, new) in unnoted(session, lab, student, stands).items()
    ]


def unnoted(
    session: AnySession,
    lab: str,
    student: str | None = None,
    stands: Mapping[Key, Value] | None = None,
) -> dict[Key, tuple[Value, Value]]:
    """Return what was noted last and what stands, where these are not the same."""
    known = {change.key: change.new for change in noted(session, lab, student)}
    stands = given(session, lab, student) if stands is None else stands
    return {
        key: (known.get(key), stands.get(key))
        for key in sorted(known.keys() | stands.keys())
        if known.get(key) != stands.get(key)
    }


def grades(session: AnySession, lab: str, student: str) -> list[Any]:
    """Return nbgrader's `Grade` of every cell of a submission."""
    query = placed(Grade, lab).where(SubmittedAssignment.student_id == student)
    return list(session.scalars(query))


def placed(kind: type[Any], lab: str) -> sa.Select[Any]:
    """Return the query of the grades or the comments of a lab, with what says where they are."""
    return _PLACED[kind].where(Assignment.name == lab)


_PLACED: dict[type[Any], sa.Select[Any]] = {  # to put one together takes longer than to ask
    kind: sa.select(kind)
    .join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
    .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
    .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    .join(BaseCell, BaseCell.id == kind.cell_id)
    for kind in (Grade, Comment)
}
