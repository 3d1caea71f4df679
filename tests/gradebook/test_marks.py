"""Opening a gradebook: who only reads makes none, and what goes wrong is one line."""

import contextlib
import os
import sqlite3
import sys
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from grading.errors import UserError
from grading.gradebook.database import newest_revision
from grading.gradebook.marks import Marks, must_exist
from tests import mini
from tests.command import command


def everything(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("word", ["report", "export", "feedback"])
def test_readers_leave_a_course_without_a_gradebook_as_it_is(tmp_path: Path, word: str) -> None:
    mini.make_course(tmp_path)
    before = everything(tmp_path)
    done = command(tmp_path, word, "mini")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: nothing is graded yet: there is no gradebook at sqlite:///")
    assert "run `python -m grading grade LAB`" in line
    assert everything(tmp_path) == before


def test_an_empty_file_is_no_gradebook_and_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "gradebook.db"
    path.touch()
    with pytest.raises(UserError, match="no gradebook"):
        Marks.existing(f"sqlite:///{path}")
    assert path.read_bytes() == b""


@pytest.mark.kernels
def test_the_gradebooks_of_both_are_read_and_of_one_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # for alembic
    ours, nbgraders = (f"sqlite:///{tmp_path / name}.db" for name in ("ours", "nbgrader"))
    with Marks(ours):
        pass
    Gradebook(nbgraders).close()
    for url in (ours, nbgraders):
        with Marks.existing(url) as marks:
            assert marks.results("mini") == []
    versions = set()
    for name in ("ours", "nbgrader"):
        with contextlib.closing(sqlite3.connect(tmp_path / f"{name}.db")) as database:
            versions |= set(database.execute("SELECT version_num FROM alembic_version"))
    assert versions == {(newest_revision(),)}


@pytest.mark.parametrize("opened", [Marks, must_exist])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gradebook.db", "'gradebook.db' is not the URL of a gradebook; expected sqlite:///FILE"),
        ("oracles://host/x", "is not the URL of a gradebook"),
        ("sqlite:///{folder}/notes.txt", "cannot open the gradebook .*: .*not a database"),
    ],
)
def test_a_url_of_something_else_is_one_line(tmp_path: Path, opened, url: str, said: str) -> None:
    (tmp_path / "notes.txt").write_text("nothing that SQLite would know" * 100)
    with pytest.raises(UserError, match=said) as caught:
        opened(url.format(folder=tmp_path))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"the package psycopg, .*pip install -e '\.\[postgres\]'"):
        must_exist("postgresql://host/grades")
