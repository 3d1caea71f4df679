"""Executes notebooks, each in a kernel of its own, and keeps what came of it."""

import asyncio
import copy
import math
import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from nbformat import NotebookNode

from grading.course.config import Limits
from grading.engine.executor import Execution
from grading.engine.kernels.base import End, Kernel, Kernels, LostKernel
from grading.engine.kernels.forked import ForkedKernels
from grading.engine.kernels.order import check_files
from grading.engine.kernels.ordinary import OrdinaryKernels
from grading.engine.kernels.preload import OF_NOTEBOOKS
from grading.engine.walls import outer
from grading.engine.wire.jupyter import TOO_LARGE
from grading.engine.wire.transcript import Budget, CellTranscript
from grading.engine.wire.zmtp import BrokenWire, Flood
from grading.errors import UserError
from grading.messages import Reason

GRACE_SECONDS = 3.0  # between an interrupt and the kill
LOST_SECONDS = 2.0  # of silence after the reply, until its end is taken for lost
SETTLE_SECONDS = 0.1  # for an interrupt to arrive that the end of a cell has overtaken
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
    ) -> None:
        self.limits = limits
        self.warnings: tuple[Reason, ...] = ()
        self.slots = _cores()
        self._kernels: Kernels = (
            ForkedKernels(limits, ahead, modules) if sandbox else OrdinaryKernels(limits)
        )
        if sandbox:
            self.warnings = _check_host()

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
    ) -> Execution:
        """Execute the code cells of a copy of ``notebook``, in order.

        An exception in a cell does not stop the next one. A cell that runs too long is interrupted;
        if that does not stop it, the kernel is killed and the cells after it are not run. Should
        the kernel be ended by something that a notebook cannot do, all is executed again.

        Parameters
        ----------
        notebook : NotebookNode
            Version 4; left as it is.
        env : mapping of str to str
            The kernel's environment, beside the few variables that every kernel has.
        files : mapping of str to bytes, optional
            What its private working directory holds, by relative path.

        Raises
        ------
        UserError
            If ``files`` are too large or not relative paths.
        LostKernel
            If kernels are lost again and again for reasons outside the notebook.
        """
        given = dict(files or {})
        check_files(given, int(self.limits.file_mb * 2**20))
        started = time.monotonic()
        for attempt in range(1, ATTEMPTS + 1):
            run = _Run(notebook, self.limits)
            try:
                kernel = await self._kernels.kernel(env, given)
                end = await run.through(kernel)
            except LostKernel:
                if attempt == ATTEMPTS:
                    raise
                continue
            if not end.from_outside:
                break
        seconds = time.monotonic() - started
        return Execution(run.notebook, seconds, end.cpu_seconds, tuple(run.problems))


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
    return tuple(Reason("note.unenforced", {"name": name}) for name in host.unenforced)


class _Stopped(Exception):
    """The rest of the notebook is not to be run; ``reason`` lacks the cell's number."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.key)
        self.reason = reason


class _Run:
    """One execution: the copy that gets the outputs, and what is left of its limits."""

    def __init__(self, notebook: NotebookNode, limits: Limits) -> None:
        self.notebook = _without_outputs(notebook)
        self.problems: list[Reason] = []
        self._limits = limits
        self._deadline = math.inf
        self._outputs = Budget(int(limits.output_mb * 2**20))
        self._evidence = Budget(int(limits.output_mb * 2**20))
        self._replied: set[str] = set()

    async def through(self, kernel: Kernel) -> End:
        """Execute the cells and stop the kernel, come what may."""
        self._deadline = time.monotonic() + self._limits.submission_seconds
        listener = asyncio.create_task(self._listen_to_replies(kernel))
        at = 0
        try:
            for at, cell in enumerate(self.notebook.cells, start=1):
                if cell.cell_type == "code" and cell.source.strip():
                    await self._execute(kernel, cell, at)
            failure = None
        except Flood as error:
            failure = Reason("run.killed", {"cause": error.reason})
        except BrokenWire as error:
            failure = Reason("run.died", {"cause": error.reason})
        except _Stopped as error:
            failure = error.reason
        finally:
            listener.cancel()
            end = await kernel.stop()
        if end.cause and failure:
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
        try:
            await self._wait(kernel, collecting, request, number)
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
        self, kernel: Kernel, collecting: "asyncio.Task[None]", request: str, number: int
    ) -> None:
        """Wait until the cell has ended, and see to it that it does."""
        deadline = min(time.monotonic() + self._limits.cell_seconds, self._deadline)
        is_whole = deadline == self._deadline
        interrupted = False
        heard = -1
        while True:
            wait = min(LOST_SECONDS, deadline - time.monotonic())
            done, _ = await asyncio.wait({collecting}, timeout=max(0.0, wait))
            if done:
                collecting.result()
                break
            if request in self._replied and kernel.wire.received == heard:
                self._note("run.lost_outputs", number)
                break
            if kernel.wire.is_broken:
                raise BrokenWire(Reason("cause.closed"))
            heard = kernel.wire.received
            if time.monotonic() < deadline:
                continue
            if interrupted:
                raise self._over_time() if is_whole else _Stopped(Reason("run.stuck"))
            interrupted = True
            deadline = time.monotonic() + GRACE_SECONDS
            if not is_whole:
                self._note("run.slow", number, seconds=f"{self._limits.cell_seconds:g}")
            await kernel.interrupt()
        if interrupted:
            if is_whole:
                raise self._over_time()
            await asyncio.sleep(SETTLE_SECONDS)

    def _over_time(self) -> _Stopped:
        seconds = f"{self._limits.submission_seconds:g}"
        return _Stopped(Reason("run.over_time", {"seconds": seconds}))

    def _note(self, key: str, number: int, **values: Any) -> None:
        self.problems.append(Reason(key, {"cell": number} | values))

    async def _listen_to_replies(self, kernel: Kernel) -> None:
        while True:
            try:
                message = await kernel.wire.reply()
            except BrokenWire:
                return
            if message is not None and message.kind == "execute_reply":
                self._replied = {message.parent}


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
