"""The gradebook's database as the service uses it: many readers and writers at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook.database import begin_writing, connected, errors_in_one_line, trouble
from grading.gradebook.marks import Marks
from grading.gradebook.people import NOTED
from grading.gradebook.schema import bring_up_to_date
from grading.service import tables


class Database:
    """Sessions of a gradebook, whose tables are made if there are none.

    Parameters
    ----------
    url : str

    Raises
    ------
    UserError
        If it cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        with Marks(url):
            pass  # has all its tables from then on
        self._engine = connected(url)
        self._turn = threading.Lock()  # in SQLite whoever waits sleeps, and may be overtaken
        with errors_in_one_line(url):
            bring_up_to_date(self._engine, tables.metadata.sorted_tables)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that writes nothing."""
        with self._said(), Session(self._engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session in which nobody else writes; kept if the block ends well, or not at all.

        When the block has ended, what it wrote survives a loss of power.
        """
        with self._said(), self._turn, Session(self._engine, info={NOTED: True}) as session:
            begin_writing(session)
            yield session
            session.commit()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise trouble(self.url, error, "use") from error


def stamp(moment: datetime) -> str:
    """Return a time as the tables hold it: texts that are in the order of the times.

    Examples
    --------
    >>> stamp(datetime(2026, 10, 5, 21, 59, tzinfo=UTC))
    '2026-10-05T21:59:00.000000+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
