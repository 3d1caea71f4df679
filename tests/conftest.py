"""Fixtures that several test files share."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from grading.cells.hasten import hasten_nbformat
from grading.gradebook.hasten import hasten_nbgrader
from tests.postgresql import PASSWORD, Server, programs, running
from utils import language

ROOT = Path(__file__).resolve().parents[1]
ENGINE = "tests/engine/"
gc.disable()  # until the tests are collected: what is imported stays
hasten_nbformat()
hasten_nbgrader()
# Hundreds of tests call a command, for each of which the whole list of them would be made again.
typer.main.get_command = cache(typer.main.get_command)

settings.register_profile("busy", settings(), deadline=None)  # no test fails as others run, too
settings.load_profile("busy")

if "PYTEST_XDIST_WORKER" in os.environ:  # the processes share the cores: a thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in a shell's background
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_work(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what a student's session remembers out of the folder that the tests run in."""
    monkeypatch.setenv("DL_WORK", str(tmp_path_factory.mktemp("work")))


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test begin in English, whatever language the one before it started a lab in."""
    monkeypatch.setenv(language.VARIABLE, language.FALLBACK)


@pytest.fixture(autouse=True)
def own_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test begin with the pictures as they are, not in words as in a graded session."""
    monkeypatch.setenv("MPLBACKEND", "")  # so that it is put back, too
    monkeypatch.delenv("MPLBACKEND")


@pytest.fixture
def data_mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder with the real data sets, set as the mirror, and an empty cache."""
    named = os.environ.get("DL_DATA_MIRROR")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data sets: {folder} is not there; DL_DATA_MIRROR names their folder")
    monkeypatch.setenv("DL_DATA_MIRROR", str(folder))
    monkeypatch.setenv("DL_DATA_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server of this process's own; the environment knows its password."""
    if programs() is None:
        pytest.skip("no PostgreSQL server is installed; sh .ci/postgresql installs it")
    with running() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PGPASSWORD", PASSWORD)
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_gradebook(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """What makes the URL of an empty gradebook, in each kind of database in turn."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('book') / 'gradebook.db'}"
    return request.getfixturevalue("postgresql").database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: the engine's tests, which one process runs, then kernels."""
    items.sort(
        key=lambda item: (
            not item.nodeid.startswith(ENGINE),
            item.get_closest_marker("kernels") is None,
        )
    )


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make, and no more among what they import."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


class ByFile(LoadFileScheduling):
    """A file's tests in one process, and the engine's files in one, too.

    What a module prepares, such as a class that was graded, is then prepared once. The engine's
    tests look at the whole machine (its processes, /dev/shm, ports): two of them would meet.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "engine" if nodeid.startswith(ENGINE) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Share the files among the processes of `make test`."""
    return ByFile(config, log)
