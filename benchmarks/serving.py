"""A course with its service up, for benchmarks: its processes, and notebooks that hand in to it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx
import nbformat
import psutil

from grading.course.config import Course, load_course
from grading.gradebook.release import release
from grading.places import KIT
from grading.service.supervisor import listening
from grading.service.web.signing import Seal, Seals, secret_of
from tests import mini
from tests.example_class import identity_cell

IPYNB = {"Content-Type": "application/x-ipynb+json"}
BUSY = """\
import time

start = time.process_time()
while time.process_time() - start < {seconds}:
    pass
"""


class Site:
    """The service of a course, which can be killed and started again.

    Parameters
    ----------
    root : Path
        Of the course, whose ``course.toml`` has no ``[service]`` yet.
    settings : str
        What else ``[service]`` has.
    options : sequence of str
        Of ``serve``.
    """

    def __init__(self, root: Path, settings: str = "", options: Sequence[str] = ()) -> None:
        with listening("127.0.0.1", 0) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        with (root / "course.toml").open("a", encoding="utf-8") as file:
            file.write(f'\n[service]\naddress = "{self.address}"\n{settings}')
        self.course: Course = load_course(root)
        self._options = options
        self._seals = Seals(secret_of(self.course.home))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the service, or start it again, and wait until it answers."""
        words = [sys.executable, "-m", "grading", "serve", "--port", str(self._port)]
        self._process = subprocess.Popen(
            [*words, *self._options],
            cwd=self.course.root,
            env=os.environ | {"PYTHONPATH": str(KIT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self.answers():
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether the service is up."""
        with suppress(httpx.TransportError):
            return bool(httpx.get(f"{self.address}/sign-in").status_code == 200)
        return False

    def stop(self) -> None:
        """End the service."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def kill_web(self) -> None:
        """Kill the web process with SIGKILL, and start it again."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.start()

    def link(self, id: str) -> str:
        """Return somebody's link."""
        return f"{self.address}/in/{self._seals.link(Seal(id, 0))}"

    @contextmanager
    def signed_in(self, id: str) -> Iterator[httpx.Client]:
        """Open a browser in which somebody is signed in."""
        how = {"base_url": self.address, "follow_redirects": True, "timeout": 60}
        with httpx.Client(**how) as browser:
            browser.get(self.link(id)).raise_for_status()
            yield browser


S = TypeVar("S", bound=Site)


class Served(Site):
    """A course of the tests' small lab, to which its students hand in.

    Parameters
    ----------
    root : Path
    count : int
        How many students it has.
    db : str
        URL of the gradebook; the course's own in SQLite if it is empty.
    """

    def __init__(self, root: Path, count: int, db: str = "") -> None:
        mini.make_course(root)
        self.students = [f"s{number:05}" for number in range(count)]
        lines = ["student_id,name", *(f"{one},Student {one}" for one in self.students)]
        (root / "roster.csv").write_text("\n".join(lines) + "\n")
        super().__init__(root, options=("--db", db) if db else ())
        release(self.course, mini.LAB, db or self.course.db_url)
        self.url = db or self.course.db_url
        self._blank = mini.answered(self.course, mini.solved(self.course))

    def workers(self) -> list[psutil.Process]:
        """Return the workers that are up."""
        assert self._process is not None
        with suppress(psutil.Error):
            return psutil.Process(self._process.pid).children()
        return []

    def kill_worker(self) -> None:
        """Kill the worker with SIGKILL."""
        for worker in self.workers():
            _kill(worker)

    def kill_zygote(self) -> None:
        """Kill what the worker's kernels are forked from, if it is up."""
        for worker in self.workers():
            with suppress(psutil.Error):
                for child in worker.children(recursive=True):
                    _kill(child)

    def notebook(self, student: str, what: str, busy: float = 0.0) -> bytes:
        """Return a right notebook like no other, whose cells compute for some seconds."""
        made = nbformat.from_dict(self._blank)
        sources = {cell["id"]: cell.source for cell in made.cells}
        for cell in made.cells:
            if cell["id"] == "identity":
                cell.source = identity_cell(((student, student),))
            if cell["id"] == "double":
                spent = BUSY.format(seconds=busy) if busy else ""
                cell.source = f"# {what}\n{spent}\n{mini.solved(self.course)['double']}"
        content = nbformat.writes(made).encode()
        for cell in made.cells:  # the course's own stays as it is
            cell.source = sources[cell["id"]]
        return content

    def token(self, student: str) -> dict[str, str]:
        """Return what a notebook that was signed in sends with each request."""
        return {"Authorization": f"Bearer {self._seals.token(Seal(student, 0))}"}

    def hand_in(self, browser: httpx.Client, student: str, content: bytes) -> Any:
        """Send a notebook, again and again until it is answered; return its receipt."""
        path = f"{self.address}/api/1/labs/{mini.LAB}/handins"
        while True:
            with suppress(httpx.TransportError):
                answer = browser.post(path, content=content, headers=self.token(student) | IPYNB)
                if answer.status_code in (200, 201):
                    return answer.json()
                if answer.status_code not in (429, 503):
                    raise RuntimeError(answer.text)
            time.sleep(0.2)

    def state(self, browser: httpx.Client, receipt: Any, student: str) -> Any:
        """Return how far a hand-in is."""
        path = f"{self.address}/api/1/handins/{receipt['id']}"
        return browser.get(path, headers=self.token(student)).json()


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error, ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


@contextmanager
def up(site: S) -> Iterator[S]:
    """Have a service up while the block lasts."""
    site.start()
    try:
        yield site
    finally:
        site.stop()


def served(root: Path, count: int, db: str = "") -> AbstractContextManager[Served]:
    """Make a course to which students hand in, and serve it while the block lasts."""
    return up(Served(root, count, db))
