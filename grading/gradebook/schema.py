"""The version of our tables in a gradebook, and the steps by which those of an older kit follow.

A table that is new is simply made; a table that was there and changes needs a step. Steps are
written in SQL as of their day, because today's declarations go on changing, and find nothing to do
in tables that were just made.
"""

import json
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from grading.errors import UserError
from grading.gradebook.database import take_turn, without_password

table = sa.Table(
    "dl_schema",
    sa.MetaData(),
    sa.Column("version", sa.Integer, primary_key=True),  # in one row; none is before the first step
)


def bring_up_to_date(engine: sa.Engine, tables: Sequence[sa.Table]) -> None:
    """Make the tables that are missing and have those of an older kit be today's, or do nothing.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    tables : sequence of Table
        This one among them, unless the gradebook has it.

    Raises
    ------
    UserError
        If they are of a kit that is newer than this one.
    """
    with engine.connect() as connection:
        there = sa.inspect(connection).get_table_names()
        if {one.name for one in tables}.issubset(there) and _version(connection) == len(STEPS):
            return
    with engine.connect() as connection:
        take_turn(connection)  # somebody else may be doing the same
        for metadata in dict.fromkeys(one.metadata for one in tables):
            metadata.create_all(connection)
        known = _version(connection)
        if known > len(STEPS):
            place = without_password(engine.url.render_as_string(hide_password=False))
            raise UserError(
                f"the gradebook {place} was used with a newer kit: its tables have version "
                f"{known}, and this kit knows {len(STEPS)}; take that kit to this machine, too"
            )
        for step in STEPS[known:]:
            step(connection)
        connection.execute(sa.delete(table))
        connection.execute(sa.insert(table).values(version=len(STEPS)))
        connection.commit()


def _version(connection: sa.Connection) -> int:
    return connection.scalar(sa.select(table.c.version)) or 0


def _grade_hand_ins_again(connection: sa.Connection) -> None:
    """Let a row of the queue grade another one again; gradebooks of then had no version yet."""
    known = {column["name"] for column in sa.inspect(connection).get_columns("dl_handin")}
    for name, kind in (("of", "VARCHAR(32)"), ("cell", "VARCHAR(128)")):
        if name not in known:
            connection.execute(
                sa.text(f"ALTER TABLE dl_handin ADD COLUMN \"{name}\" {kind} DEFAULT '' NOT NULL")
            )


def _find_hand_ins_by_author(connection: sa.Connection) -> None:
    """Note whose work each hand-in is in rows of their own, which an index finds."""
    have = set(connection.scalars(sa.text("SELECT handin FROM dl_author")))
    found = connection.execute(sa.text("SELECT id, students FROM dl_handin WHERE \"of\" = ''"))
    rows = [
        {"handin": id, "student": student}
        for id, students in found
        if id not in have
        for student in dict.fromkeys(json.loads(students))
    ]
    if rows:
        into = sa.text("INSERT INTO dl_author (handin, student) VALUES (:handin, :student)")
        connection.execute(into, rows)


STEPS: tuple[Callable[[sa.Connection], None], ...] = (
    _grade_hand_ins_again,
    _find_hand_ins_by_author,
)
