"""Executes notebooks, each in a kernel of its own, and keeps what came of it."""

import copy
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any, Self

from jupyter_client import AsyncKernelManager
from jupyter_client.asynchronous import AsyncKernelClient
from nbformat import NotebookNode

from grading.course import Limits
from grading.engine.transcript import Budget, CellTranscript

START_SECONDS = 60.0  # a kernel that has not answered by then is not going to
GRACE_SECONDS = 3.0  # between an interrupt and the kill
REPLY_SECONDS = 2.0  # between the reply and the idle status that follows it


@dataclass(frozen=True)
class Execution:
    """A notebook that was executed, as far as it got.

    Attributes
    ----------
    notebook : NotebookNode
        A copy with outputs.
    seconds : float
        Wall time.
    cpu_seconds : float or None
        CPU time of the kernel and its children, if it could be measured.
    problems : tuple of str
        One line each: why it did not run undisturbed. Empty if it did.
    """

    notebook: NotebookNode
    seconds: float
    cpu_seconds: float | None
    problems: tuple[str, ...]


class _KernelDied(Exception):
    """The kernel is gone."""


class Engine:
    """Executes notebooks, each in a kernel of its own.

    Parameters
    ----------
    limits : Limits
        What one notebook may use.
    sandbox : bool
        False runs ordinary kernels, which can read and write whatever this process can.

    Attributes
    ----------
    warnings : tuple of str
        What this host cannot do; to be said at start.
    """

    def __init__(self, limits: Limits, *, sandbox: bool = True) -> None:
        self.limits = limits
        self.warnings: tuple[str, ...] = ()
        self._sandbox = sandbox

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def execute(
        self,
        notebook: NotebookNode,
        *,
        env: Mapping[str, str],
        files: Mapping[str, bytes] | None = None,
    ) -> Execution:
        """Execute every code cell of a copy of ``notebook``.

        An exception in a cell does not stop the next one. A cell that runs too long is interrupted
        and, if that does not stop it, the kernel is killed; the cells after that are not run.

        Parameters
        ----------
        notebook : NotebookNode
            Version 4; left as it is.
        env : mapping
            The kernel's environment, beside what every kernel needs.
        files : mapping of str to bytes, optional
            Put into the kernel's private working directory before it starts.
        """
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="dl-kernel-", ignore_cleanup_errors=True) as folder:
            for name, content in (files or {}).items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            run = _Run(copy.deepcopy(notebook), self.limits, started)
            manager = AsyncKernelManager(kernel_name="python3")
            base = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "PYTHONPATH": ""}
            base["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
            try:
                await manager.start_kernel(cwd=folder, env=base | dict(env))
                client: Any = manager.client()
                client.start_channels(stdin=False, hb=False)
                try:
                    await client.wait_for_ready(timeout=START_SECONDS)
                    await run.cells(manager, client)
                except (_KernelDied, RuntimeError) as error:
                    run.problems.append(str(error))
                finally:
                    client.stop_channels()
            finally:
                if manager.has_kernel:
                    await manager.shutdown_kernel(now=True)
        return Execution(run.notebook, time.monotonic() - started, None, tuple(run.problems))


class _Run:
    def __init__(self, notebook: NotebookNode, limits: Limits, started: float) -> None:
        self.notebook = notebook
        self.problems: list[str] = []
        self._limits = limits
        self._deadline = started + limits.submission_seconds
        self._outputs = Budget(int(limits.output_mb * 2**20))
        self._evidence = Budget(int(limits.output_mb * 2**20))

    async def cells(self, manager: AsyncKernelManager, client: AsyncKernelClient) -> None:
        for number, cell in enumerate(self.notebook.cells, start=1):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                if cell.source.strip():
                    await self._cell(number, cell, manager, client)

    async def _cell(
        self, number: int, cell: NotebookNode, manager: AsyncKernelManager, client: Any
    ) -> None:
        budget = Budget(int(self._limits.cell_output_kb * 1024))
        transcript = CellTranscript(budget, self._outputs, self._evidence)
        request = client.execute(cell.source, store_history=True, stop_on_error=False)
        now = time.monotonic()
        deadline = min(now + self._limits.cell_seconds, self._deadline)
        interrupted = False
        try:
            while True:
                wait = deadline - time.monotonic()
                if wait <= 0 and not interrupted:
                    await manager.interrupt_kernel()
                    interrupted, deadline = True, time.monotonic() + GRACE_SECONDS
                    self.problems.append(self._over_time(number))
                    continue
                if wait <= 0:
                    raise _KernelDied(f"cell {number} did not stop and its kernel was killed")
                try:
                    message = await client.get_iopub_msg(timeout=min(wait, 0.2))
                except Empty:
                    if not await manager.is_alive():
                        raise _KernelDied(f"the kernel died in cell {number}") from None
                    continue
                if message["parent_header"].get("msg_id") != request:
                    continue
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content.get("execution_state") == "idle":
                    break
                transcript.take(kind, content)
        finally:
            cell.outputs, cell.execution_count = transcript.outputs(), transcript.execution_count
            if transcript.overflowed:
                self.problems.append(
                    f"cell {number} displayed more than its limit; the rest was dropped"
                )
        if time.monotonic() >= self._deadline:
            raise _KernelDied(f"stopped after cell {number}; the rest was not run")

    def _over_time(self, number: int) -> str:
        if time.monotonic() >= self._deadline:
            seconds = self._limits.submission_seconds
            return f"the notebook ran longer than {seconds:g} s and was stopped in cell {number}"
        return f"cell {number} ran longer than {self._limits.cell_seconds:g} s and was stopped"
