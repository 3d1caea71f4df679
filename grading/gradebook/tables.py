"""The tables of our own in nbgrader's database; a row about a student has a column ``student``.

A gradebook that an earlier version of the kit made lacks the later tables and columns. A column
that is added to a table which some version made needs a ``server_default``, or may be NULL.
"""

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from grading.gradebook import changes, handins, lateness, lms, marking, stored
from grading.gradebook.database import take_turn

OURS = (
    *(stored.table, changes.table, lateness.table, handins.table, handins.links),
    *(handins.audits, lms.accounts, lms.scores),
    *marking.TABLES,
)


def complete(engine: sa.Engine, tables: Iterable[sa.Table]) -> None:
    """Make the tables that are lacking, and the columns of those that an earlier version made."""
    tables = tuple(tables)
    for metadata in dict.fromkeys(table.metadata for table in tables):
        metadata.create_all(engine)
    with engine.connect() as connection:
        lacking = any(_lacking(connection, tables))
    if lacking:
        _add_columns(engine, tables)


def _add_columns(engine: sa.Engine, tables: Iterable[sa.Table]) -> None:
    with engine.begin() as connection:
        take_turn(connection)
        for table, column in [*_lacking(connection, tables)]:
            about = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN {about}"))


def _lacking(
    connection: sa.Connection, tables: Iterable[sa.Table]
) -> Iterator[tuple[sa.Table, sa.Column[object]]]:
    """Yield (table, column) for what the tables in a database lack."""
    seen = sa.inspect(connection)
    for table in tables:
        there = {column["name"] for column in seen.get_columns(table.name)}
        yield from ((table, column) for column in table.columns if column.name not in there)
