"""Executes notebooks, each in a kernel of its own, and keeps what came of it."""

import asyncio
import contextlib
import copy
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nbformat import NotebookNode

from grading.course.config import Limits
from grading.engine.executor import Execution
from grading.engine.kernels.base import End, Kernel, Kernels, LostKernel
from grading.engine.kernels.forked import ForkedKernels
from grading.engine.kernels.order import check_files
from grading.engine.kernels.preload import OF_NOTEBOOKS
from grading.engine.kernels.usage import PATIENCE, Spent
from grading.engine.walls import groups, outer
from grading.engine.wire.jupyter import TOO_LARGE
from grading.engine.wire.transcript import Budget, CellTranscript
from grading.engine.wire.zmtp import BrokenWire, Flood
from grading.errors import UserError
from grading.messages import Reason

# Of a kernel's own time, see `Spent.own`: on a busy machine nothing is taken for late.
GRACE_SECONDS = 3.0  # between an interrupt and the kill
LOST_SECONDS = 2.0  # of silence after the reply or the end of the outputs, until the other is lost
LOOK_SECONDS = 0.25  # between two looks at what a kernel has spent
ASLEEP = 3.0  # seconds for each of a limit on processor time that may pass without using any
ATTEMPTS = 3  # executions of a notebook whose kernel was ended from outside


class Engine:
    """Executes notebooks, each in a kernel of its own.

    Many can be executed at once, in one event loop. Use it as an asynchronous context manager;
    when that ends, nothing of its kernels is left.

    Parameters
    ----------
    limits : Limits
        What one notebook may use.
    sandbox : bool
        False runs ordinary kernels, which can read and write whatever this process can.
    ahead : int
        How many sandboxed kernels to keep ready before they are asked for.
    modules : sequence of str
        What sandboxed kernels find imported, see `grading.engine.kernels.preload`.
    private : sequence of Path
        What of this machine no submission may see, see `Course.private`.

    Attributes
    ----------
    warnings : tuple of Reason
        What this machine cannot do, to be said at start; complete once the context is entered.
    slots : int
        As many as this process may use cores.

    Raises
    ------
    UserError
        If a sandbox is asked for and this machine has none.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        sandbox: bool = True,
        ahead: int = 1,
        modules: Sequence[str] = OF_NOTEBOOKS,
        private: Sequence[Path] = (),
    ) -> None:
        self.limits = limits
        self.warnings: tuple[Reason, ...] = ()
        self.slots = _cores()
        self._kernels: Kernels
        self._room = _Room()
        if sandbox:
            self._kernels = ForkedKernels(limits, ahead, modules, private)
            self.warnings = _check_host()
        else:
            from grading.engine.kernels.ordinary import OrdinaryKernels  # with jupyter_client

            self._kernels = OrdinaryKernels(limits)

    def begin(self) -> None:
        """Begin to start, in the background; entering the context waits for it."""
        self._kernels.begin()

    async def __aenter__(self) -> Self:
        try:
            self.warnings += await self._kernels.start()
        except LostKernel as error:
            raise UserError(str(error)) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._kernels.close()

    async def execute(
        self,
        notebook: NotebookNode,
        *,
        env: Mapping[str, str],
        files: Mapping[str, bytes] | None = None,
        keep_work: bool = False,
    ) -> Execution:
        """Execute the code cells of a copy of ``notebook``, in order.

        An exception in a cell does not stop the next one. A cell that takes too much processor time
        is interrupted; if that does not stop it, the kernel is killed and the cells after it are
        not run. So is one that sleeps for long; where it may have waited for a core instead, all is
        executed once more, with no other notebook beside it. Should the kernel be ended by
        something that a notebook cannot do, all is executed again, too.

        Parameters
        ----------
        notebook : NotebookNode
            Version 4; left as it is.
        env : mapping of str to str
            The kernel's environment, beside the few variables that every kernel has.
        files : mapping of str to bytes, optional
            What its private working directory holds, by relative path; see
            `grading.engine.kernels.work`.
        keep_work : bool
            Whether to return what is in that directory in the end, whatever became of the
            kernel: the next notebook of the same submission can be given it.

        Raises
        ------
        UserError
            If ``files`` are too large or not relative paths.
        LostKernel
            If kernels are lost again and again for reasons outside the notebook.
        """
        given = dict(files or {})
        check_files(given, self.limits)
        started = time.monotonic()
        run, end = await self._run(notebook, env, given, keep_work, alone=False)
        if run.was_starved:
            run, end = await self._run(notebook, env, given, keep_work, alone=True)
        seconds = time.monotonic() - started
        return Execution(
            notebook=run.notebook,
            seconds=seconds,
            cpu_seconds=end.cpu_seconds,
            problems=tuple(run.problems),
            work=end.work,
            costs=tuple(run.costs),
        )

    async def _run(
        self,
        notebook: NotebookNode,
        env: Mapping[str, str],
        files: Mapping[str, bytes],
        keep_work: bool,
        *,
        alone: bool,
    ) -> tuple["_Run", End]:
        for attempt in range(1, ATTEMPTS + 1):
            run = _Run(notebook, self.limits)
            try:
                async with self._room.enter(alone=alone):
                    kernel = await self._kernels.kernel(env, files)
                    end = await run.through(kernel, keep_work)
            except LostKernel:
                if attempt == ATTEMPTS:
                    raise
                continue
            if not end.from_outside:
                break
        return run, end


class _Room:
    """Where notebooks run: many side by side, or one alone."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._inside = 0
        self._alone = 0  # those that are, or want to be

    @contextlib.asynccontextmanager
    async def enter(self, *, alone: bool) -> AsyncIterator[None]:
        async with self._changed:
            if alone:
                self._alone += 1
            try:
                await self._changed.wait_for(
                    lambda: self._inside == 0 if alone else self._alone == 0
                )
            except BaseException:
                self._alone -= alone
                self._changed.notify_all()
                raise
            self._inside += 1
        try:
            yield
        finally:
            async with self._changed:
                self._inside -= 1
                self._alone -= alone
                self._changed.notify_all()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # fewer than the machine has, in a container
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_host() -> tuple[Reason, ...]:
    host = outer.host()
    if host.obstacle is not None:
        raise UserError(
            f"no sandbox: {host.obstacle}; {host.advice}, "
            "or pass --no-sandbox to run submissions unprotected"
        )
    notes = [Reason("note.unenforced", {"name": name}) for name in host.unenforced]
    if groups.home() is None:
        notes.append(Reason("note.uncounted"))
    return tuple(notes)


class _Stopped(Exception):
    """The rest of the notebook is not to be run; ``reason`` lacks the cell's number."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.key)
        self.reason = reason


@dataclass(frozen=True)
class _Limit:
    """A limit in seconds that was exceeded, of a cell or of the whole notebook."""

    key: str
    limit: float
    is_whole: bool

    @property
    def seconds(self) -> str:
        return f"{self.limit:g}"

    def whole(self) -> _Stopped:
        return _Stopped(Reason(self.key, {"seconds": self.seconds}))


class _Run:
    """One execution: the copy that gets the outputs, and what is left of its limits."""

    def __init__(self, notebook: NotebookNode, limits: Limits) -> None:
        self.notebook = _without_outputs(notebook)
        self.problems: list[Reason] = []
        self.costs: list[float] = []
        self._limits = limits
        self.was_starved = False  # stopped on the clock, while others had the cores
        self._outputs = Budget(int(limits.output_mb * 2**20))
        self._evidence = Budget(int(limits.output_mb * 2**20))
        self._begin = Spent()
        self._awaited = ""  # the request of the cell that runs
        self._reply: asyncio.Future[bool] | None = None  # to it: whether the kernel then ends

    async def through(self, kernel: Kernel, keep_work: bool) -> End:
        """Execute the cells and stop the kernel, come what may."""
        self._begin = kernel.spent()
        listener = asyncio.create_task(self._listen_to_replies(kernel))
        at, spent = 0, self._begin.cpu
        try:
            for at, cell in enumerate(self.notebook.cells, start=1):
                cost = 0.0
                if cell.cell_type == "code" and cell.source.strip():
                    await self._execute(kernel, cell, at)
                    spent, before = kernel.spent().cpu, spent
                    cost = spent - before
                self.costs.append(cost)
            failure = None
        except Flood as error:
            failure = Reason("run.killed", {"cause": error.reason})
        except BrokenWire as error:
            failure = Reason("run.died", {"cause": error.reason})
        except _Stopped as error:
            failure = error.reason
        finally:
            listener.cancel()
            end = await kernel.stop(keep_work=keep_work)
        if end.cause and failure and failure.key != "run.quit":
            failure = Reason("run.died", {"cause": end.cause})
        if failure:
            skipped = any(cell.cell_type == "code" for cell in self.notebook.cells[at:])
            rest = Reason("run.rest") if skipped else ""
            self._note(failure.key, at, **failure.values, rest=rest)
        return end

    async def _execute(self, kernel: Kernel, cell: NotebookNode, number: int) -> None:
        budget = Budget(int(self._limits.cell_output_kb * 1024))
        transcript = CellTranscript(budget, self._outputs, self._evidence)
        request = kernel.wire.request(
            "execute_request",
            {
                "code": cell.source,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
        )
        collecting = asyncio.create_task(_collect(kernel, request, transcript))
        self._awaited, reply = request, asyncio.get_running_loop().create_future()
        self._reply = reply
        try:
            await self._wait(kernel, collecting, reply, number)
        except BrokenWire:
            # How much of it arrived was luck, and marks are not.
            transcript.drop_evidence()
            raise
        finally:
            collecting.cancel()
            await asyncio.gather(collecting, return_exceptions=True)
            cell.outputs = transcript.outputs()
            cell.execution_count = transcript.execution_count
            if transcript.overflowed:
                self._note("run.overflow", number)
            if transcript.malformed:
                self._note("run.malformed", number, count=transcript.malformed)

    async def _wait(
        self,
        kernel: Kernel,
        collecting: "asyncio.Task[None]",
        reply: "asyncio.Future[bool]",
        number: int,
    ) -> None:
        """Wait until the cell has ended, and see to it that it does."""
        begin = quiet = kernel.spent()
        heard = -1
        stopped: _Limit | None = None
        while True:
            parts: set[asyncio.Future[Any]] = {collecting, reply}
            await asyncio.wait(parts, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            if collecting.done():
                collecting.result()
                if reply.done():
                    break
            now = kernel.spent()
            if kernel.wire.received != heard:
                heard, quiet = kernel.wire.received, now
            elif kernel.wire.is_broken:
                raise BrokenWire(Reason("cause.closed"))
            elif (collecting.done() or reply.done()) and (now - quiet).exceeds(LOST_SECONDS):
                if not collecting.done():
                    self._note("run.lost_outputs", number)
                break
            if stopped is None:
                stopped = self._exceeded(now - begin, now - self._begin)
                if stopped is not None:
                    begin = now
                    if not stopped.is_whole:
                        self._note(stopped.key, number, seconds=stopped.seconds)
                    await kernel.interrupt()
            elif (now - begin).exceeds(GRACE_SECONDS):
                raise stopped.whole() if stopped.is_whole else _Stopped(Reason("run.stuck"))
        if stopped is not None and stopped.is_whole:
            raise stopped.whole()
        if reply.done() and reply.result():
            raise _Stopped(Reason("run.quit"))

    def _exceeded(self, cell: Spent, whole: Spent) -> "_Limit | None":
        """Return the limit that a cell, or all of them together, have exceeded."""
        for spent, limit, is_whole in (
            (whole, self._limits.submission_seconds, True),
            (cell, self._limits.cell_seconds, False),
        ):
            if spent.cpu >= limit:
                return _Limit("run.over_time" if is_whole else "run.slow", limit, is_whole)
            for used, most in ((spent.idle, ASLEEP * limit), (spent.wall, PATIENCE * limit)):
                if used >= most:
                    self.was_starved = spent.was_starved
                    key = "run.slept_away" if is_whole else "run.asleep"
                    return _Limit(key, most, is_whole)
        return None

    def _note(self, key: str, number: int, **values: Any) -> None:
        self.problems.append(Reason(key, {"cell": number} | values))

    async def _listen_to_replies(self, kernel: Kernel) -> None:
        while True:
            try:
                message = await kernel.wire.reply()
            except BrokenWire:
                return
            if message is None or message.kind != "execute_reply" or self._reply is None:
                continue
            if message.parent == self._awaited and not self._reply.done():
                self._reply.set_result(_ends_kernel(message.content))


async def _collect(kernel: Kernel, request: str, transcript: CellTranscript) -> None:
    """Take what is published in reply to ``request`` until the kernel has done with it."""
    while True:
        message = await kernel.wire.published()
        if message is TOO_LARGE:
            transcript.overflowed = True
        elif message is None or message.content is None:
            transcript.malformed += 1
        elif message.parent != request:
            continue
        elif message.kind != "status":
            transcript.take(message.kind, message.content)
        elif message.content == {"execution_state": "idle"}:
            return


def _ends_kernel(content: Any) -> bool:
    """Whether a reply asks for the end of its kernel, as exit() and quit() in a cell do.

    The kernel ends a moment later, in which it may run more cells, or may not.
    """
    payload = content.get("payload") if isinstance(content, dict) else None
    return isinstance(payload, list) and any(
        isinstance(item, dict) and item.get("source") == "ask_exit" and not item.get("keepkernel")
        for item in payload
    )


def _without_outputs(notebook: NotebookNode) -> NotebookNode:
    clean = copy.copy(notebook)
    clean.cells = [
        copy.deepcopy(NotebookNode({k: v for k, v in cell.items() if k != "outputs"}))
        for cell in notebook.cells
    ]
    clean.metadata = copy.deepcopy(notebook.metadata)
    for cell in clean.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return clean
