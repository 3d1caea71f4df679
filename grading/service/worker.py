"""A worker leases hand-ins, a few of one lab at a time, and grades them by the code of `grade`."""

import asyncio
import contextlib
import logging
import os
import signal
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.course.config import Course
from grading.engine.choice import executor_of
from grading.engine.executor import Executor, ExecutorLost, RunOptions
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.grade import EvidenceGrader, as_bytes
from grading.gradebook.grader import Graded, OnResult, Submission
from grading.gradebook.marks import Marks
from grading.judging.results import Result
from grading.messages import in_one_line
from grading.service import pages, queue, regrading, store
from grading.service.database import Database, stamp
from grading.service.people import People
from grading.service.queue import HandIn
from grading.service.settling import settle
from grading.service.tables import workers

log = logging.getLogger(__name__)

BATCH = 16  # hand-ins that share a run of the solution
LEASE = timedelta(minutes=2)
RENEW_SECONDS = 20.0
LOOK_SECONDS = 0.5  # between two looks at an empty queue
TROUBLE_SECONDS = 5.0  # before all is tried again
PAUSE = timedelta(minutes=1)  # before a lab is that could not be graded
SAY_AGAIN = timedelta(seconds=10)
FORGOTTEN = timedelta(hours=1)  # after which a worker that is gone is not shown any more
NICENESS = 5  # pages come before grading
MOST_WARM = 2  # labs whose kernels' zygotes stay up


class Replaying(Protocol):
    """Grades a lab's submissions and writes nothing; see `EvidenceGrader.replay`."""

    async def replay(
        self,
        executor: Executor,
        work: Sequence[Submission],
        options: RunOptions,
        seeds: Sequence[int],
        on_result: OnResult,
    ) -> None:
        """Grade ``work`` and tell of each as soon as it is done."""


class Bench:
    """What labs are graded with: graders, and executors of which the last used stay warm.

    Parameters
    ----------
    course : Course
    options : RunOptions
    """

    def __init__(self, course: Course, options: RunOptions) -> None:
        self.options = options
        self._course = course
        self._warm: OrderedDict[str, Executor] = OrderedDict()

    def grader(self, lab: str) -> Replaying:
        """Return what grades a lab."""
        return EvidenceGrader(self._course, lab)

    async def executor(self, lab: str) -> Executor:
        """Return what executes a lab's submissions, up and warm."""
        if lab not in self._warm:
            while len(self._warm) >= MOST_WARM:
                _, oldest = self._warm.popitem(last=False)
                await oldest.__aexit__(None, None, None)
            executor = executor_of(self._course, lab, self.options)
            await executor.__aenter__()
            self._warm[lab] = executor
        self._warm.move_to_end(lab)
        return self._warm[lab]

    @property
    def room(self) -> int:
        """How many submissions are executed at once, as far as that is known."""
        return max((self.options.at_once(one) for one in self._warm.values()), default=0)

    async def drop(self, lab: str) -> None:
        """End what executes a lab's submissions; the next time another one starts."""
        if executor := self._warm.pop(lab, None):
            await executor.__aexit__(None, None, None)

    async def close(self) -> None:
        """End all executors."""
        while self._warm:
            _, executor = self._warm.popitem()
            await executor.__aexit__(None, None, None)


class Worker:
    """Grades what is handed in to the service of a course.

    Parameters
    ----------
    course : Course
    database : Database
    name : str
        By which its leases are told from others'; no other worker may ever have had it.
    bench : Bench
    """

    def __init__(self, course: Course, database: Database, name: str, bench: Bench) -> None:
        self._course = course
        self._database = database
        self._name = name
        self._bench = bench
        self._people = People(course)
        self._marks = Marks(database.url)
        self._marks.add_students(self._people.roster)
        self._is_settled = False
        self._said = "", datetime.min.replace(tzinfo=UTC)

    async def run(self, stop: asyncio.Event) -> None:
        """Grade until ``stop`` is set; what is not finished then is another worker's."""
        with self._marks:
            try:
                while not stop.is_set():
                    seconds = 0.0
                    try:
                        if not await self.batch(stop):
                            seconds = LOOK_SECONDS
                    except Exception as error:  # a full disk, no database: it may pass
                        log.error("%s", _line(error))
                        seconds = TROUBLE_SECONDS
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), seconds)
            finally:
                await self._bench.close()

    async def batch(self, stop: asyncio.Event) -> bool:
        """Settle what is left, lease some hand-ins and grade them; False if there were none."""
        self._publish()
        if not self._is_settled:
            self._settle_all()
        leased = self._lease()
        if not leased:
            return False
        grading = asyncio.create_task(self._grade(leased))
        stopping = asyncio.create_task(stop.wait())
        renewing = asyncio.create_task(self._renew(leased))
        why, until = "", queue.AT_ONCE
        try:
            await asyncio.wait((grading, stopping), return_when=asyncio.FIRST_COMPLETED)
            if grading.done():
                grading.result()
        except Exception as error:  # of none of them: what one does is its own result
            log.error("%s: %s", leased[0].lab, _line(error))
            if isinstance(error, ExecutorLost):
                await self._bench.drop(leased[0].lab)
            why, until = _line(error), stamp(datetime.now(UTC) + PAUSE)
        finally:
            for task in (grading, stopping, renewing):
                task.cancel()
            await asyncio.gather(grading, stopping, renewing, return_exceptions=True)
        with self._database.writing() as session:
            queue.put_back(session, leased, why, until)  # those that are not done
        return True

    def _settle_all(self) -> None:
        """Settle what was graded and the gradebook does not know of: somebody was killed before."""
        with self._database.reading() as session:
            left = queue.unsettled(session)
        for handin in left:
            self._write_page(handin)
            settle(self._course, self._database, self._marks, handin)
        self._is_settled = True

    def _publish(self) -> None:
        """Have what was graded again count, where somebody said so."""
        with self._database.reading() as session:
            published = regrading.published(session)
        for proposal in published:
            store.take_over(self._course.home, proposal.again)
            with self._database.writing() as session:
                regrading.apply(session, proposal)
            self._is_settled = False

    def _write_page(self, handin: HandIn) -> None:
        path = store.executed_path(self._course.home, handin.student, handin.lab, handin.sha256)
        executed = read_notebook(path.read_bytes()) if path.exists() else None
        assert handin.result is not None  # it was graded
        pages.write(self._course, self._people.roster, handin, handin.result, executed)

    def _lease(self) -> list[HandIn]:
        now = datetime.now(UTC)
        with self._database.reading() as session:
            is_waiting = queue.is_waiting(session, now)
        leased = []
        if is_waiting:
            with self._database.writing() as session:
                most = max(BATCH, self._bench.room)
                leased = queue.lease(session, self._name, now, now + LEASE, most)
        self._say(leased, now)
        return leased

    async def _renew(self, leased: Sequence[HandIn]) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            now = datetime.now(UTC)
            try:
                with self._database.writing() as session:
                    queue.renew(session, leased, now + LEASE)
                self._say(leased, now)
            except UserError as error:  # the lease lasts for some more of these
                log.warning("%s", error)

    async def _grade(self, leased: Sequence[HandIn]) -> None:
        lab = leased[0].lab
        of_path = {self._received(handin): handin for handin in leased}
        work = [Submission(handin.students, path) for path, handin in of_path.items()]

        def done(submission: Submission, graded: Graded) -> None:
            self._finish(of_path[submission.path], graded)

        executor = await self._bench.executor(lab)
        await self._bench.grader(lab).replay(executor, work, self._bench.options, (), done)

    def _finish(self, handin: HandIn, graded: Graded) -> None:
        """Keep what came of a hand-in: its files, then its row, then what counts."""
        result = graded.results[0]
        if handin.of:
            self._propose(handin, result, graded.notebook)
            return
        if graded.notebook is not None:
            path = store.executed_path(self._course.home, handin.student, handin.lab, handin.sha256)
            write_atomically(path, as_bytes(graded.notebook))
        pages.write(self._course, self._people.roster, handin, result, graded.notebook)
        with self._database.writing() as session:
            is_mine = queue.complete(session, handin, result)
        if is_mine:
            self._is_settled = False  # until it is
            settle(self._course, self._database, self._marks, handin)
            self._is_settled = True

    def _propose(self, again: HandIn, result: Result, notebook: NotebookNode | None) -> None:
        """Keep what came of grading a hand-in again; what counts stays as it is."""
        path = store.again_path(self._course.home, again)
        if notebook is not None and not again.cell:  # else its other marks are not those that count
            write_atomically(path, as_bytes(notebook))
        with self._database.writing() as session:
            is_wanted = queue.complete(session, again, result)
        if not is_wanted:
            path.unlink(missing_ok=True)

    def _received(self, handin: HandIn) -> Path:
        return store.received_path(self._course.home, handin.student, handin.lab, handin.sha256)

    def _say(self, leased: Sequence[HandIn], now: datetime) -> None:
        """Have instructors see that this worker is up, and what it does."""
        doing = f"{leased[0].lab}: {len(leased)}" if leased else ""
        before, when = self._said
        if doing == before and now - when < SAY_AGAIN:
            return
        about = {"seen": stamp(now), "doing": doing}
        with self._database.writing() as session:
            gone = workers.c.seen < stamp(now - FORGOTTEN)
            session.execute(sa.delete(workers).where(gone | (workers.c.name == self._name)))
            session.execute(sa.insert(workers).values(name=self._name, **about))
        self._said = doing, now


async def work(worker: Worker, under: int = 0) -> None:
    """Let a worker work until SIGINT or SIGTERM, or until it is not ``under`` that process."""
    os.nice(NICENESS)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.create_task(worker.run(stop))
    while not working.done():
        await asyncio.wait([working], timeout=LOOK_SECONDS)
        if under and os.getppid() != under:
            stop.set()
    await working


def _line(error: Exception) -> str:
    """Return an error in one line; one that nobody foresaw with its kind."""
    text = in_one_line(str(error))
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"
