"""Gradebooks of older kits open, with all that is in them; those of newer ones say what to do."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from grading.errors import UserError
from grading.gradebook import schema
from grading.gradebook.database import connected
from grading.gradebook.handins import table
from grading.gradebook.marks import Marks
from grading.service import queue
from grading.service.database import Database

pytestmark = pytest.mark.kernels  # for the server that some of it starts

# As the first kit with a service made it, with a hand-in of a pair.
FIRST = """
DROP TABLE dl_schema;
DROP TABLE dl_author;
DROP TABLE dl_handin;
CREATE TABLE dl_handin (
    id VARCHAR(32) NOT NULL, lab VARCHAR(128) NOT NULL, student VARCHAR(128) NOT NULL,
    students TEXT NOT NULL, attempt INTEGER NOT NULL, sha256 VARCHAR(64) NOT NULL,
    received VARCHAR(32) NOT NULL, due VARCHAR(32) NOT NULL, state VARCHAR(16) NOT NULL,
    until VARCHAR(32) NOT NULL, worker VARCHAR(64) NOT NULL, tries INTEGER NOT NULL, result TEXT,
    settled BOOLEAN NOT NULL, failure TEXT NOT NULL, notice TEXT NOT NULL, PRIMARY KEY (id)
);
INSERT INTO dl_handin VALUES (
    'f00d', 'mini', 'ada', '["ada", "bob"]', 1, 'abc', '2026-10-05T10:00:00.000000+00:00', '9999',
    'queued', '', '', 0, NULL, false, '', ''
);
"""


def run(url: str, script: str) -> None:
    engine = connected(url)
    with engine.begin() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(sa.text(statement))
    engine.dispose()


def test_hand_ins_of_the_first_service_are_found_and_graded_again(
    new_gradebook: Callable[[], str],
) -> None:
    url = new_gradebook()
    Marks(url).__exit__(None, None, None)
    run(url, FIRST)
    for _ in range(2):  # the second time finds nothing to do
        database = Database(url)
        with database.reading() as session:
            (found,) = queue.of_students(session, "mini", ["bob"])
        database.close()
    assert (found.id, found.students, found.of, found.cell) == ("f00d", ("ada", "bob"), "", "")


def test_what_an_older_kit_made_is_in_the_end_as_todays(new_gradebook: Callable[[], str]) -> None:
    columns = []
    for script in ("", FIRST):
        url = new_gradebook()
        Marks(url).__exit__(None, None, None)
        run(url, script)
        Marks(url).__exit__(None, None, None)
        engine = connected(url)
        found = sa.inspect(engine).get_columns(table.name)
        columns.append({(one["name"], str(one["type"]), one["nullable"]) for one in found})
        engine.dispose()
    assert columns[0] == columns[1]


def test_a_gradebook_of_a_newer_kit_is_left_as_it_is(new_gradebook: Callable[[], str]) -> None:
    url = new_gradebook()
    Marks(url).__exit__(None, None, None)
    newer = len(schema.STEPS) + 1
    run(url, f"UPDATE dl_schema SET version = {newer}")
    with pytest.raises(UserError, match=f"newer kit.*version {newer}.*knows {newer - 1}"):
        Marks(url)
