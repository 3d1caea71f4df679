"""Where a notebook's kernel comes from: forked in the sandbox, or an ordinary process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import psutil
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

from grading.course import Limits
from grading.engine.nursery import ENVIRONMENT, Exit, ForkedKernel, Nursery, ZygoteDied
from grading.engine.order import CHANNELS, Order
from grading.engine.wire import Wire, open_wire, private_key

START_SECONDS = 60.0  # a kernel that does not answer by then is not going to
END_SECONDS = 5.0  # a killed process that is still there by then is stuck in the system
FLOOD = 8  # times the outputs that may be kept, that a kernel may send
KEPT = ("PATH", "LANG", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
UNPROTECTED = (
    "no sandbox: a submission can read and write what this user can, and the limits on memory, "
    "processes and files are not enforced"
)


@dataclass(frozen=True)
class End:
    """How a kernel ended.

    Attributes
    ----------
    cpu_seconds : float or None
        CPU time of the kernel and its children.
    cause : str
        What ended it, as in "the kernel died: ..."; empty if it was killed on request.
    from_outside : bool
        Whether something that a submission cannot do ended it.
    """

    cpu_seconds: float | None
    cause: str = ""
    from_outside: bool = False


class Kernel(Protocol):
    """A running kernel."""

    wire: Wire

    async def interrupt(self) -> None:
        """Ask the running cell to stop."""

    async def stop(self) -> End:
        """Kill it, if it still runs, and return when nothing of it is left."""


class Kernels(Protocol):
    """A source of kernels."""

    async def start(self) -> tuple[str, ...]:
        """Prepare to make kernels; return what this machine cannot do, a line each."""

    async def kernel(self, env: Mapping[str, str], files: Mapping[str, bytes]) -> Kernel:
        """Start a kernel; see `grading.engine.runner.Engine.execute`."""

    async def close(self) -> None:
        """Kill every kernel."""


def _bounds(limits: Limits) -> tuple[int, int]:
    """Return the bytes that are kept of a message, and those that a kernel may send in all."""
    kept = int(limits.output_mb * 2**20)
    return kept + 2**16, FLOOD * kept


# Forked kernels


@dataclass
class _Prepared:
    kernel: ForkedKernel
    shell: socket.socket
    iopub: socket.socket

    def discard(self) -> None:
        self.shell.close()
        self.iopub.close()
        self.kernel.signal(signal.SIGKILL)


class ForkedKernels:
    """Kernels forked from a zygote in the sandbox.

    Parameters
    ----------
    limits : Limits
    ahead : int
        How many to keep ready before they are asked for.
    """

    def __init__(self, limits: Limits, ahead: int) -> None:
        self._limits = limits
        self._ahead = ahead
        self._nursery: Nursery | None = None
        self._ready: deque[_Prepared] = deque()
        self._starting = asyncio.Lock()

    async def start(self) -> tuple[str, ...]:
        """Start the zygote; raise RuntimeError if it does not come up."""
        async with self._starting:
            if self._nursery is not None and self._nursery.is_alive:
                return ()
            self._drop_ready()
            self._nursery = Nursery(self._limits)
            complaints = await asyncio.wrap_future(self._nursery.up)
            self._prepare()
            return complaints

    async def kernel(self, env: Mapping[str, str], files: Mapping[str, bytes]) -> "Kernel":
        """Take a kernel that is ready or fork one; raise `ZygoteDied` if the zygote is gone."""
        await self.start()
        prepared = self._ready.popleft() if self._ready else self._fork()
        self._prepare()
        key = private_key()
        prepared.kernel.start(Order(key, ENVIRONMENT | dict(env), files))
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.wrap_future(prepared.kernel.ready)
                kept, most = _bounds(self._limits)
                wire = await open_wire(
                    await asyncio.open_unix_connection(sock=prepared.shell),
                    await asyncio.open_unix_connection(sock=prepared.iopub),
                    key=key,
                    kept=kept,
                    most=most,
                )
        except BaseException:
            prepared.discard()
            raise
        return _RunningFork(prepared.kernel, wire)

    async def close(self) -> None:
        """End the zygote and with it all kernels."""
        self._drop_ready()
        if self._nursery is not None:
            await asyncio.to_thread(self._nursery.close)

    def _prepare(self) -> None:
        while len(self._ready) < self._ahead:
            self._ready.append(self._fork())

    def _drop_ready(self) -> None:
        while self._ready:
            self._ready.pop().discard()

    def _fork(self) -> _Prepared:
        """Fork a kernel and connect to it at once, so that its sockets' files can go."""
        assert self._nursery is not None
        with tempfile.TemporaryDirectory(prefix="dl-") as folder:
            listening = {channel: listen(f"{folder}/{channel}") for channel in CHANNELS}
            shell, iopub = (_connect(f"{folder}/{channel}") for channel in ("shell", "iopub"))
        return _Prepared(self._nursery.fork(listening), shell, iopub)


class _RunningFork:
    def __init__(self, kernel: ForkedKernel, wire: Wire) -> None:
        self.wire = wire
        self._kernel = kernel

    async def interrupt(self) -> None:
        self._kernel.signal(signal.SIGINT)

    async def stop(self) -> End:
        self.wire.close()
        ended = asyncio.wrap_future(self._kernel.ended)
        try:
            # If it ended by itself, the zygote is about to say why.
            own_end = self.wire.is_broken and await _within(0.5, ended)
        finally:
            self._kernel.signal(signal.SIGKILL)
        exit_ = await asyncio.shield(ended)
        return _end_of(exit_) if own_end or exit_.reason else End(exit_.cpu_seconds)
