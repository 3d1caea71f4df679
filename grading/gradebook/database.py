"""The database of a gradebook: how it is opened, who writes when, and what its errors mean.

SQLite for a course on one machine, PostgreSQL for several people: nbgrader's tables, and ours
beside them. Whoever writes takes the write lock first and reads after it, so that nothing is
decided on what somebody else has changed meanwhile.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import nbgrader
import sqlalchemy as sa
from nbgrader import api
from nbgrader.api import (
    Assignment,
    Course,
    Grade,
    Gradebook,
    InvalidEntry,
    SubmittedNotebook,
)
from sqlalchemy.orm import Session, scoped_session

from grading.course.config import sqlite_url
from grading.errors import UserError

LOCK_SECONDS = 10  # how long a writer waits for another one
WRITERS = 0x646C  # the number of our lock in PostgreSQL
EXPECTED = "expected sqlite:///FILE or postgresql://HOST/NAME"
SECRETS = ("password", "sslpassword")  # that a URL's query may hold, too

# What a database says, and what to do about it.
ADVICE = (
    (r"locked|lock timeout", "another program has it open: end that, or wait for it"),
    (r"read-?only", "make the file and its folder yours to write"),
    (r"disk I/O", "is its disk full, or failing?"),
    (r"is full|no space", "make room on its disk"),
    (r"unable to open", "its folder must be there, and yours to write"),
    (r"password", "give it as PGPASSWORD or in ~/.pgpass"),
    (r'database ".*" does not exist', "make it with createdb"),
    (r"connection", "is its server up?"),
)


class GradebookError(UserError):
    """The gradebook cannot be used now; no submission is at fault."""


def address(typed: str) -> str:
    """Return the URL of a gradebook that somebody typed, the same seen from any folder.

    Raises
    ------
    UserError
        If it is none, or of a gradebook that would keep nothing.
    """
    place = _parsed(typed)
    if place.drivername == "postgres":  # as hosting services write it
        place = place.set(drivername="postgresql")
    if place.get_backend_name() == "sqlite" and "uri" not in place.query:
        if place.database in (None, "", ":memory:"):
            raise UserError(f"{typed!r} would keep nothing; {EXPECTED}")
        place = place.set(database=os.path.abspath(place.database))
        if not place.query:
            return sqlite_url(Path(place.database or ""))
    return place.render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """Return a URL as it may be printed and stored.

    Examples
    --------
    >>> without_password("postgresql://ana:secret@host/grades?password=secret")
    'postgresql://ana@host/grades'
    """
    try:
        place = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return re.sub(r"(://[^/@]*):.*@", r"\1@", url)
    if place.password is None and place.query.keys().isdisjoint(SECRETS):
        return url
    query = {name: value for name, value in place.query.items() if name not in SECRETS}
    about = place.username, None, place.host, place.port, place.database, query
    return sa.URL.create(place.drivername, *about).render_as_string()


def opened(url: str) -> Gradebook:
    """Open nbgrader's gradebook; a database that is empty becomes one.

    Raises
    ------
    UserError
        If it cannot be opened, or holds something else.
    """
    place = _parsed(url)
    with errors_in_one_line(url):
        place = _patient(place)
        _refuse_strangers(place)
        with _revision_found_here():
            gradebook = Gradebook(place)
        if place.get_backend_name() == "sqlite":
            # Formgrader may read while we write.
            gradebook.db.execute(sa.text("PRAGMA journal_mode=WAL"))
        elif gradebook.db.get(Course, "") is None:
            from sqlalchemy.dialects.postgresql import insert  # with all its drivers

            # nbgrader's name for the course of one who names none. PostgreSQL wants to know it.
            gradebook.db.execute(insert(Course).values(id="").on_conflict_do_nothing())
        gradebook.db.commit()
    return gradebook


def connected(url: str) -> sa.Engine:
    """Return connections to a gradebook that `opened` made, for those who are many at once."""
    return sa.create_engine(_patient(_parsed(url)), pool_pre_ping=True)


def is_there(url: str) -> bool:
    """Whether there is a gradebook at ``url``; none is made."""
    place = _parsed(url)
    is_file = place.get_backend_name() == "sqlite" and "uri" not in place.query
    if is_file and not Path(place.database or "").is_file():  # to look at it would make it
        return False
    with errors_in_one_line(url):
        return Assignment.__tablename__ in _tables(place)


def must_exist(url: str) -> None:
    """Raise `UserError` if there is no gradebook at ``url``; none is made."""
    if is_there(url):
        return
    raise UserError(
        f"nothing is graded yet: there is no gradebook at {without_password(url)}; "
        "run `python -m grading grade LAB` first"
    )


def begin_writing(session: Session | scoped_session[Session]) -> None:
    """Begin a transaction in which none of us but this one writes, and which sees what is there.

    Formgrader, which knows nothing of it, waits in SQLite for the milliseconds that it takes; in
    PostgreSQL see `hold`.
    """
    session.rollback()  # what was read before is read again
    take_turn(session.connection())


def take_turn(connection: sa.Connection) -> None:
    """Wait, in a transaction that has done nothing yet, until none of us but this one writes."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("BEGIN IMMEDIATE"))
    elif connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS)))


def hold(session: Session | scoped_session[Session], submission: str) -> None:
    """Hold the grades of the submission with this id, so that nobody marks them meanwhile."""
    notebooks = sa.select(SubmittedNotebook.id).filter_by(assignment_id=submission)
    grades = sa.select(Grade.id).where(Grade.notebook_id.in_(notebooks))
    session.execute(grades.with_for_update()).all()
    session.expire_all()


def trouble(url: str, error: sa.exc.SQLAlchemyError, doing: str) -> GradebookError:
    """Return what went wrong while ``doing`` something to a gradebook, and what to do."""
    said = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
    cause = next((line.strip() for line in said.splitlines() if line.strip()), "no reason given")
    advice = next((does for known, does in ADVICE if re.search(known, said, re.IGNORECASE)), "")
    return GradebookError(
        f"cannot {doing} the gradebook {without_password(url)}: {cause}"
        + (advice and f" ({advice})")
    )


def database_error(error: BaseException | None) -> sa.exc.SQLAlchemyError | None:
    """Return the error of the database behind an exception; nbgrader wraps some in its own."""
    while error is not None and not isinstance(error, UserError):
        if isinstance(error, sa.exc.SQLAlchemyError):
            return error
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def errors_in_one_line(url: str) -> Iterator[None]:
    """Turn what goes wrong with the gradebook at ``url`` into a `UserError`."""
    try:
        yield
    except sa.exc.ArgumentError:
        raise _no_url(url) from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"this gradebook needs the package {error.name}, which is not installed; "
            "for PostgreSQL: pip install -e '.[postgres]'"
        ) from None
    except (sa.exc.SQLAlchemyError, InvalidEntry) as error:
        if (cause := database_error(error)) is None:
            raise
        raise trouble(url, cause, "open") from None


def _parsed(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise _no_url(url) from None


def _patient(place: sa.URL) -> sa.URL:
    """Return a URL by which SQLite waits for other writers; PostgreSQL is told by `take_turn`."""
    if place.get_backend_name() == "sqlite" and "timeout" not in place.query:
        return place.update_query_dict({"timeout": str(LOCK_SECONDS)})
    return place


def _no_url(url: str) -> UserError:
    return UserError(f"{without_password(url)!r} is not the URL of a gradebook; {EXPECTED}")


def _tables(place: sa.URL) -> list[str]:
    engine = sa.create_engine(place)
    try:
        return sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def _refuse_strangers(place: sa.URL) -> None:
    """Raise `UserError` if the database is something else's: nbgrader would add its tables."""
    tables = _tables(place)
    if tables and Assignment.__tablename__ not in tables:
        raise UserError(
            f"{without_password(place.render_as_string())} is no gradebook: it has a table "
            f"{min(tables)}; expected an empty database, or one that release made"
        )


@contextmanager
def _revision_found_here() -> Iterator[None]:
    """Let nbgrader ask this process what a new gradebook's version is, and not two others."""
    before = api.get_alembic_version
    api.get_alembic_version = newest_revision
    try:
        yield
    finally:
        api.get_alembic_version = before


@cache
def newest_revision() -> str:
    """Return the version of nbgrader's tables, by the name that its migrations give it."""
    from alembic.script import ScriptDirectory  # only for a new gradebook

    head = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic")).get_current_head()
    assert head is not None  # nbgrader's migrations end in one
    return head
