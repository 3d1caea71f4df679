"""Kernels forked from a zygote in the sandbox."""

import asyncio
import os
import signal
import socket
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grading.course.config import Limits
from grading.engine.kernels.base import (
    LAST_WORDS_SECONDS,
    START_SECONDS,
    End,
    Kernel,
    LostKernel,
    cause_of,
)
from grading.engine.kernels.nursery import (
    ENVIRONMENT,
    Exit,
    ForkedKernel,
    Nursery,
    ZygoteDied,
    listen,
)
from grading.engine.kernels.order import CHANNELS, Order
from grading.engine.kernels.usage import Spent
from grading.engine.kernels.work import left_in
from grading.engine.wire.jupyter import Wire, open_wire, private_key
from grading.engine.wire.zmtp import Bounds
from grading.messages import Reason


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
    """A source of forked kernels, see `grading.engine.kernels.base.Kernels`.

    Parameters
    ----------
    limits : Limits
    ahead : int
        How many kernels to keep ready before they are asked for.
    modules : sequence of str
        What the zygote imports, beside what every kernel needs.
    private : sequence of Path
        What of this machine no kernel may see.
    """

    def __init__(
        self, limits: Limits, ahead: int, modules: Sequence[str], private: Sequence[Path]
    ) -> None:
        self._limits = limits
        self._ahead = ahead
        self._modules = modules
        self._private = private
        self._nursery: Nursery | None = None
        self._ready: deque[_Prepared] = deque()
        self._starting = asyncio.Lock()

    def begin(self) -> None:
        """Start the zygote, unless it runs, and do not wait for it."""
        if self._nursery is None or not self._nursery.is_alive:
            self._discard_ready()
            self._nursery = Nursery(self._limits, self._modules, self._private)

    async def start(self) -> tuple[Reason, ...]:
        """Wait for the zygote, started if need be; raise `LostKernel` if it does not come up."""
        async with self._starting:
            self.begin()
            assert self._nursery is not None
            try:
                complaints = await asyncio.wrap_future(self._nursery.up)
            except RuntimeError as error:
                raise LostKernel(str(error)) from error
            self._prepare()
            return complaints

    async def kernel(self, env: Mapping[str, str], files: Mapping[str, bytes]) -> Kernel:
        """Take a kernel that is ready, or fork one."""
        if not self._is_up():
            await self.start()
        prepared = self._take()
        self._prepare()
        key = private_key()
        prepared.kernel.start(Order(key, ENVIRONMENT | dict(env), files))
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.wrap_future(prepared.kernel.ready)
                wire = await open_wire(
                    await asyncio.open_unix_connection(sock=prepared.shell),
                    await asyncio.open_unix_connection(sock=prepared.iopub),
                    key=key,
                    bounds=Bounds.of(self._limits),
                )
            work = prepared.kernel.work()
        except (RuntimeError, OSError) as error:
            prepared.discard()
            raise LostKernel(str(error) or "a kernel did not answer") from error
        except BaseException:
            prepared.discard()
            raise
        return _Forked(prepared.kernel, wire, work, int(self._limits.file_mb * 2**20))

    async def close(self) -> None:
        """End the zygote and with it all kernels."""
        self._discard_ready()
        if self._nursery is not None:
            await asyncio.to_thread(self._nursery.close)

    def _is_up(self) -> bool:
        return self._nursery is not None and self._nursery.is_alive and self._nursery.up.done()

    def _take(self) -> _Prepared:
        while self._ready:
            prepared = self._ready.popleft()
            if not prepared.kernel.ended.done():
                return prepared
            prepared.discard()
        return self._fork()

    def _prepare(self) -> None:
        while len(self._ready) < self._ahead:
            self._ready.append(self._fork())

    def _discard_ready(self) -> None:
        while self._ready:
            self._ready.pop().discard()

    def _fork(self) -> _Prepared:
        """Fork a kernel and connect to it at once, so that its sockets' files can go."""
        assert self._nursery is not None
        with tempfile.TemporaryDirectory(prefix="dl-") as folder:
            listening = {channel: listen(f"{folder}/{channel}") for channel in CHANNELS}
            shell, iopub = (_connect(f"{folder}/{channel}") for channel in ("shell", "iopub"))
        return _Prepared(self._nursery.fork(listening), shell, iopub)


class _Forked:
    def __init__(self, kernel: ForkedKernel, wire: Wire, work: int, file_bytes: int) -> None:
        self.wire = wire
        self._kernel = kernel
        self._work = work
        self._file_bytes = file_bytes

    def spent(self) -> Spent:
        return self._kernel.spent()

    async def interrupt(self) -> None:
        await asyncio.wrap_future(self._kernel.signal(signal.SIGINT))

    async def stop(self, *, keep_work: bool = False) -> End:
        try:
            end = await self._end()
            if not keep_work:
                return end
            # It lies in a file system of the kernel's own that only this descriptor leads to.
            place = Path(f"/proc/self/fd/{self._work}")
            return replace(end, work=await asyncio.to_thread(left_in, place, self._file_bytes))
        finally:
            os.close(self._work)

    async def _end(self) -> End:
        ended = asyncio.wrap_future(self._kernel.ended)
        before = self.spent()
        while self.wire.is_broken and not (self.spent() - before).exceeds(LAST_WORDS_SECONDS):
            # If that is because it ended, the zygote is about to say so.
            if (await asyncio.wait([ended], timeout=LAST_WORDS_SECONDS))[0]:
                break
        by_itself = ended.done()
        self.wire.close()
        self._kernel.signal(signal.SIGKILL)
        try:
            exit_ = await ended
        except ZygoteDied as error:
            raise LostKernel(str(error)) from error
        if by_itself or exit_.reason is not None:
            return _end_of(exit_)
        return End(exit_.cpu_seconds)


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.setblocking(False)
    return connection


def _end_of(exit_: Exit) -> End:
    if exit_.reason is not None:
        return End(exit_.cpu_seconds, Reason(f"cause.{exit_.reason}"))
    if exit_.status == -signal.SIGKILL:  # the first process of a namespace cannot kill itself
        return End(exit_.cpu_seconds, Reason("cause.system"), from_outside=True)
    return End(exit_.cpu_seconds, cause_of(exit_.status))
