"""A copy of a gradebook in one file of SQLite, whatever database it is in."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from nbgrader.api import Base

from grading.course.config import sqlite_url
from grading.gradebook.database import (
    GradebookError,
    errors_in_one_line,
    must_exist,
    without_password,
)
from grading.gradebook.marks import Marks
from grading.gradebook.tables import OURS


def copy_gradebook(url: str, path: Path) -> None:
    """Write the gradebook at ``url``, as it is at one moment, into a new file.

    Others may go on writing meanwhile.

    Raises
    ------
    UserError
        If there is no gradebook, or it cannot be read.
    """
    must_exist(url)
    engine = sa.create_engine(url)
    try:
        with errors_in_one_line(url):
            if engine.dialect.name == "sqlite":
                _back_up(engine, path)
            else:
                _dump(url, engine, path)
        with closing(sqlite3.connect(path)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE")  # so that it is one file
    except sqlite3.Error as error:
        raise GradebookError(
            f"cannot copy the gradebook {without_password(url)}: {error}"
        ) from None
    finally:
        engine.dispose()


def _back_up(engine: sa.Engine, path: Path) -> None:
    with closing(engine.raw_connection()) as source, closing(sqlite3.connect(path)) as copy:
        assert isinstance(source.driver_connection, sqlite3.Connection)
        source.driver_connection.backup(copy)


def _dump(url: str, engine: sa.Engine, path: Path) -> None:
    """Copy row by row, as the tables are declared: each database keeps times in its own way."""
    for place in (url, sqlite_url(path)):
        with Marks(place):
            pass  # has all the tables from then on
    copy = sa.create_engine(sqlite_url(path))
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ") as source,
        copy.begin() as target,
    ):
        for table in (*Base.metadata.sorted_tables, *OURS):
            target.execute(sa.delete(table))
            rows = [dict(row) for row in source.execute(sa.select(table)).mappings()]
            if rows:
                target.execute(sa.insert(table), rows)
    copy.dispose()
