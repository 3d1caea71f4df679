"""A process that has imported what notebooks import, and forks a kernel when asked.

It runs inside the sandbox (`grading.engine.walls.outer`) and puts every kernel behind a wall of its
own (`grading.engine.walls.inner`). It has one thread, no ZMQ context and has run no parallel code,
or its forks would not work. It is asked over a Unix socket that it inherits, whose other end is
`grading.engine.kernels.nursery`; when that end closes, it ends and so do its kernels.

Requests and events are JSON, one packet each:

- ``{"do": "fork", "id": n}``, with the descriptors of the kernel's sockets;
  ``{"do": "start", "id": n, "core": k}``, with that of its packed order and, where there is one,
  the entrance to its control group;
  ``{"do": "signal", "id": n, "signal": s}``.
- ``{"event": "up", "threads": t, "missing": {...}}``; ``{"event": "ready", "id": n}``, with a
  descriptor of the kernel's working directory; ``{"event": "signalled", "id": n}``,
  ``{"event": "spent", "id": n, "cpu": c, "idle": i}``,
  ``{"event": "ended", "id": n, "status": s, "cpu": c, "reason": r, "said": text}``.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from grading.engine.kernels.order import CHANNELS
from grading.engine.kernels.preload import preload
from grading.engine.kernels.usage import Process, Tally, can_run, families
from grading.engine.walls import inner

MAX_PACKET = 65_536
WATCH_SECONDS = 0.25


@dataclass
class _Kernel:
    number: int
    pid: int
    report: int  # it says here that it is ready, or why it never will be
    order: socket.socket  # it waits here for its order
    tally: Tally = field(default_factory=Tally)
    said: bytes = b""
    reason: str | None = None  # why it was killed


class Zygote:
    """Forks kernels, watches and reaps them.

    Parameters
    ----------
    control : socket.socket
        The coordinator's end is at the other end.
    allowance : inner.Allowance
        What a kernel may use.
    shown : sequence of str
        Folders of the host that a kernel sees.
    """

    def __init__(
        self, control: socket.socket, allowance: inner.Allowance, shown: Sequence[str]
    ) -> None:
        self._control = control
        self._allowance = allowance
        self._shown = shown
        self._kernels: dict[int, _Kernel] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._obey)
        self._baseline = Process.read(os.getpid()).resident

    def run(self) -> None:
        """Serve until the coordinator is gone."""
        children, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(children, selectors.EVENT_READ, self._reap)
        watched = time.monotonic()
        while True:
            for key, _ in self._selector.select(WATCH_SECONDS if self._kernels else None):
                key.data(key.fd)
            if time.monotonic() - watched > WATCH_SECONDS:
                self._watch()
                watched = time.monotonic()

    def tell(self, event: str, descriptors: Sequence[int] = (), **details: Any) -> None:
        """Send an event to the coordinator; end with it if it is gone."""
        packet = json.dumps({"event": event, **details}).encode()
        try:
            socket.send_fds(self._control, [packet], descriptors)
        except OSError:
            os._exit(0)

    def _obey(self, _: int) -> None:
        packet, descriptors, *_rest = socket.recv_fds(self._control, MAX_PACKET, 16)
        if not packet:
            os._exit(0)  # and with this process its PID namespace and all kernels
        request = json.loads(packet)
        kernel = self._kernels.get(request["id"])
        if request["do"] == "fork":
            self._fork(request["id"], descriptors)
        elif request["do"] == "start":
            if kernel is not None:
                self._start(kernel, request["core"], *descriptors)
            _close(descriptors)
        else:
            if kernel is not None:
                _signal(kernel.pid, request["signal"])
            self.tell("signalled", id=request["id"])

    def _fork(self, number: int, descriptors: list[int]) -> None:
        report, said = os.pipe()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = inner.fork_inside(lambda: self._become_kernel(descriptors, theirs.fileno(), said))
        except OSError as error:
            os.close(report)
            ours.close()
            self.tell("ended", id=number, status=1, cpu=0.0, reason=None, said=str(error))
            return
        finally:
            theirs.close()
            _close((*descriptors, said))
        self._kernels[number] = _Kernel(number, pid, report, ours)
        self._selector.register(report, selectors.EVENT_READ, self._listen)

    def _start(self, kernel: _Kernel, core: int, order: int, *entrance: int) -> None:
        _pin(kernel.pid, core)
        with contextlib.suppress(OSError):  # it is gone, and will be reaped
            for group in entrance:
                os.write(group, str(kernel.pid).encode())
            socket.send_fds(kernel.order, [b"go"], [order])

    def _listen(self, report: int) -> None:
        kernel = next((k for k in self._kernels.values() if k.report == report), None)
        if kernel is None:
            return  # buried a moment ago
        said = os.read(report, MAX_PACKET)
        kernel.said += said
        if kernel.said == b"ready" and said:
            _, descriptors, *_rest = socket.recv_fds(kernel.order, 16, 1)
            self.tell("ready", descriptors, id=kernel.number)
            _close(descriptors)
        if not said:
            self._selector.unregister(report)
            os.close(report)
            kernel.report = -1

    def _reap(self, children: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(children, 4096)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                for kernel in [k for k in self._kernels.values() if k.pid == pid]:
                    self._bury(kernel, status, usage.ru_utime + usage.ru_stime)

    def _bury(self, kernel: _Kernel, status: int, cpu: float) -> None:
        while kernel.report != -1:
            self._listen(kernel.report)
        del self._kernels[kernel.number]
        kernel.order.close()
        said = kernel.said.removeprefix(b"ready").decode(errors="replace")[-2000:]
        code = os.waitstatus_to_exitcode(status)
        cpu = max(cpu, kernel.tally.spent.cpu)
        self.tell("ended", id=kernel.number, status=code, cpu=cpu, reason=kernel.reason, said=said)

    def _watch(self) -> None:
        """Tell what each kernel has spent, and kill what has more than its share.

        The limits that Linux holds are those of one process; these are of all that it started.
        """
        found = families(kernel.pid for kernel in self._kernels.values()) if self._kernels else {}
        for kernel in self._kernels.values():
            family = found[kernel.pid]
            kernel.tally.look(family, time.monotonic(), not any(map(can_run, family)))
            spent = kernel.tally.spent
            self.tell("spent", id=kernel.number, cpu=spent.cpu, idle=spent.idle)
            if sum(process.threads for process in family) > self._allowance.processes:
                kernel.reason = "processes"
            elif self._is_overgrown(family):
                kernel.reason = "memory"
            if kernel.reason is not None:
                os.kill(kernel.pid, signal.SIGKILL)

    def _is_overgrown(self, family: list[Process]) -> bool:
        # What the kernels share with the zygote counts once, and not for them. To say how much
        # that is is slow, so it is only asked where it can matter.
        limit = self._allowance.memory
        return sum(process.resident for process in family) > limit and (
            sum(map(_share, family)) > limit + self._baseline
        )

    def _become_kernel(self, sockets: list[int], order: int, said: int) -> None:
        try:
            _close_all_but({*sockets, order, said})
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            inner.enclose(self._allowance, self._shown)
            from grading.engine.kernels.adopted import serve

            def receive() -> bytes:
                # Only now are the kernel's own threads, and what they map, there.
                inner.limit_memory(self._allowance.memory)
                return _wait_for_order(order, said)

            serve(dict(zip(CHANNELS, sockets, strict=True)), receive)
        except BaseException:
            with contextlib.suppress(OSError):
                os.write(said, traceback.format_exc().encode()[-2000:])
            raise


def _wait_for_order(order: int, said: int) -> bytes:
    with socket.socket(fileno=order) as waiting:
        _lend_work(waiting)
        os.write(said, b"ready")
        os.close(said)
        packet, descriptors, *_rest = socket.recv_fds(waiting, 16, 1)
    if not packet:
        os._exit(0)
    with open(descriptors[0], "rb") as file:
        return file.read()


def _lend_work(order: socket.socket) -> None:
    """Hand on the working directory, to the coordinator: what is in it outlives the kernel."""
    work = os.open(inner.WORK, os.O_PATH | os.O_DIRECTORY)
    try:
        socket.send_fds(order, [b"work"], [work])
    finally:
        os.close(work)


def _close_all_but(kept: set[int]) -> None:
    """Close every inherited descriptor; the standard ones lead nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _signal(pid: int, number: int) -> None:
    """Signal a kernel and what it started in its cells; it may not lead its group yet."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)


def _pin(pid: int, core: int) -> None:
    """Keep a kernel, which cannot change that, and all that it will start on one core."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):  # a core that this machine has lost
            os.sched_setaffinity(int(thread), {core})


def _share(process: Process) -> int:
    """Return the bytes that a process has, its part of what it shares; all, if it hides that."""
    with contextlib.suppress(OSError), open(f"/proc/{process.key[0]}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return process.resident


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def main() -> None:
    """Run the zygote; the argument is JSON, see `grading.engine.kernels.nursery`."""
    given = json.loads(sys.argv[1])
    if given["user"] is not None:
        inner.become(given["user"])
    inner.adopt_orphans()
    missing = preload(given["modules"])
    importlib.import_module("grading.engine.kernels.adopted")  # without it there is no kernel
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=given["control"])
    zygote = Zygote(control, inner.Allowance(**given["allowance"]), given["shown"])
    threads = sorted(_read_comm(task) for task in os.listdir("/proc/self/task"))
    zygote.tell("up", threads=threads, missing=missing)
    zygote.run()


def _read_comm(task: str) -> str:
    with open(f"/proc/self/task/{task}/comm") as file:
        return file.read().strip()
