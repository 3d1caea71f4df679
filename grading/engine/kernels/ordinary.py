"""Kernels like those that Jupyter starts, from which nothing protects this machine."""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from grading.course.config import Limits
from grading.engine.kernels.base import LAST_WORDS_SECONDS, START_SECONDS, End, Kernel, cause_of
from grading.engine.kernels.usage import Process, Spent, Tally
from grading.engine.kernels.work import furnish, left_in
from grading.engine.walls.outer import kit_roots
from grading.engine.wire.jupyter import Wire, open_wire
from grading.engine.wire.zmtp import Bounds
from grading.messages import Reason

KEPT = ("PATH", "LANG", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
RETRY_SECONDS = 0.05
WORK = "work"  # the working directory, in a kernel's own folder
UNPROTECTED = Reason("note.unprotected")


class _ThisPython(KernelSpecManager):
    """Knows one kernel: this Python's."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name=kernel_name, language="python")


class OrdinaryKernels:
    """A source of ordinary kernels, see `grading.engine.kernels.base.Kernels`.

    Parameters
    ----------
    limits : Limits
        Of which those on time and outputs hold.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def begin(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def start(self) -> tuple[Reason, ...]:
        """Say that nothing is protected."""
        return (UNPROTECTED,)

    async def kernel(self, env: Mapping[str, str], files: Mapping[str, bytes]) -> Kernel:
        """Start a kernel in a new folder, which goes when it does."""
        folder = tempfile.TemporaryDirectory(prefix="dl-", ignore_cleanup_errors=True)
        manager = AsyncKernelManager(
            kernel_spec_manager=_ThisPython(),
            transport="tcp" if sys.platform == "win32" else "ipc",
            connection_file=str(Path(folder.name, "k.json")),
        )
        try:
            work = Path(folder.name, WORK)
            work.mkdir()
            furnish(work, files)
            own = {name: os.environ[name] for name in KEPT if name in os.environ}
            own |= {"HOME": folder.name, "PYTHONPATH": os.pathsep.join(kit_roots())}
            own |= {"OMP_NUM_THREADS": "1"}  # as in the sandbox
            await manager.start_kernel(cwd=str(work), env=own | dict(env))
            async with asyncio.timeout(START_SECONDS):
                wire = await open_wire(
                    await _dial(manager, "shell"),
                    await _dial(manager, "iopub"),
                    key=manager.session.key,
                    bounds=Bounds.of(self._limits),
                )
        except BaseException:
            try:
                await _kill(manager)
            finally:
                folder.cleanup()
            raise
        return _Ordinary(manager, folder, wire, int(self._limits.file_mb * 2**20))

    async def close(self) -> None:
        """Do nothing: whoever started a kernel stops it."""


class _Ordinary:
    def __init__(
        self,
        manager: AsyncKernelManager,
        folder: "tempfile.TemporaryDirectory[str]",
        wire: Wire,
        file_bytes: int,
    ) -> None:
        self.wire = wire
        self._manager = manager
        self._folder = folder
        self._file_bytes = file_bytes
        self._tally = Tally()

    def spent(self) -> Spent:
        provisioner: Any = self._manager.provisioner
        family = _family(provisioner.pid)
        self._tally.look(family, time.monotonic(), not any(each.can_run for each in family))
        return self._tally.spent

    async def interrupt(self) -> None:
        if self._manager.has_kernel:
            await self._manager.interrupt_kernel()

    async def stop(self, *, keep_work: bool = False) -> End:
        provisioner: Any = self._manager.provisioner
        waited = 0.0
        while self.wire.is_broken and await provisioner.poll() is None:
            if waited >= LAST_WORDS_SECONDS:
                break
            await asyncio.sleep(RETRY_SECONDS)
            waited += RETRY_SECONDS
        status = await provisioner.poll()
        cpu_seconds = self.spent().cpu if status is None else None
        self.wire.close()
        cause = None if status is None else cause_of(status)
        try:
            await _kill(self._manager)
            if not keep_work:
                return End(cpu_seconds, cause)
            place = Path(self._folder.name, WORK)
            work = await asyncio.to_thread(left_in, place, self._file_bytes)
            return End(cpu_seconds, cause, work=work)
        finally:
            self._folder.cleanup()


async def _kill(manager: AsyncKernelManager) -> None:
    if manager.has_kernel:
        await manager.shutdown_kernel(now=True)


async def _dial(
    manager: AsyncKernelManager, channel: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to one of the sockets that the kernel is about to open."""
    info: dict[str, Any] = {**manager.get_connection_info()}
    port = info[f"{channel}_port"]
    while True:
        try:
            if info["transport"] == "tcp":
                return await asyncio.open_connection(info["ip"], port)
            return await asyncio.open_unix_connection(f"{info['ip']}-{port}")
        except OSError:
            if not await manager.is_alive():
                raise RuntimeError("a kernel could not start; is ipykernel installed?") from None
            await asyncio.sleep(RETRY_SECONDS)


def _family(pid: int | None) -> list[Process]:
    """Return what this system, whichever it is, says of a kernel and what it started."""
    found = []
    with contextlib.suppress(psutil.Error):
        kernel = psutil.Process(pid)
        for process in (kernel, *kernel.children(recursive=True)):
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                reaped = (getattr(times, f"children_{kind}", 0.0) for kind in ("user", "system"))
                found.append(
                    Process(
                        key=(process.pid, hash(process.create_time())),
                        parent=process.ppid(),
                        can_run=process.status() == psutil.STATUS_RUNNING,
                        threads=process.num_threads(),
                        own=times.user + times.system,
                        reaped=sum(reaped),
                        resident=process.memory_info().rss,
                    )
                )
    return found
