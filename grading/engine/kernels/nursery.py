"""The coordinator's end of the zygote: starts it, asks for kernels and hears what became of them.

Nothing here depends on an event loop, because a zygote may serve several: nbclient and papermill
bring their own. A thread starts the sandbox and reads the zygote's events.
"""

import contextlib
import json
import math
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from grading.course.config import Limits
from grading.engine.kernels import cores
from grading.engine.kernels.order import CHANNELS, Order
from grading.engine.kernels.preload import OF_NOTEBOOKS
from grading.engine.kernels.usage import Spent
from grading.engine.kernels.zygote import MAX_PACKET
from grading.engine.walls import groups, outer
from grading.engine.walls.inner import HOME, Allowance
from grading.messages import Reason

ENVIRONMENT = {
    "HOME": HOME,
    "USER": "student",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
}
OF_THE_ZYGOTE = {
    "MALLOC_ARENA_MAX": "2",  # one for each thread would use up the address space
    # Threads that a submission asks for wait asleep: the cores may be another one's.
    "OMP_WAIT_POLICY": "PASSIVE",
    # It must have one thread when it forks.
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}


END_SECONDS = 5.0


class ZygoteDied(RuntimeError):
    """The zygote is gone and its kernels with it."""


@dataclass(frozen=True)
class Exit:
    """How a kernel ended.

    Attributes
    ----------
    status : int
        Its exit code, or the negative number of the signal that killed it.
    cpu_seconds : float
        CPU time of the kernel and of its children.
    reason : str or None
        The limit for which the zygote killed it: ``"memory"`` or ``"processes"``.
    said : str
        The traceback of a kernel that could not start.
    """

    status: int
    cpu_seconds: float
    reason: str | None
    said: str


class ForkedKernel:
    """A kernel that was asked for; see `Nursery.fork`.

    Attributes
    ----------
    ready : Future
        Done when the kernel waits for its order; fails with `ZygoteDied` or, if the kernel could
        not start, with RuntimeError.
    ended : Future of Exit
        Done when the kernel is gone; fails with `ZygoteDied`.
    """

    def __init__(self, nursery: "Nursery", number: int) -> None:
        self.ready: Future[None] = _promise()
        self.ended: Future[Exit] = _promise()
        self._nursery = nursery
        self._number = number
        self._core: cores.Core | None = None
        self._group: groups.Group | None = None
        self._signalled: deque[Future[None]] = deque()
        self._work: deque[int] = deque()  # a descriptor of its working directory, until asked for
        self._spent = Spent()

    def start(self, order: Order) -> None:
        """Let it run, on a core and in a control group of its own if there are any."""
        self._core = cores.take()
        self._group = self._nursery.new_group()
        packed = os.memfd_create("order")
        descriptors = [packed] + ([self._group.entrance()] if self._group else [])
        try:
            with open(packed, "wb", closefd=False) as file:
                file.write(order.pack())
            os.lseek(packed, 0, os.SEEK_SET)
            request = {"do": "start", "id": self._number, "core": self._core.number}
            self._nursery.tell(request, descriptors)  # if it is gone, `ended` says so
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            if self.ended.done():
                self._let_go()

    def work(self) -> int:
        """Return a descriptor of its working directory, once, when it is ready.

        Whoever asks closes it; until then what lies there stays, even when the kernel is gone.

        Raises
        ------
        OSError
            If the kernel is gone already.
        """
        try:
            return self._work.popleft()
        except IndexError:
            raise OSError("the kernel has gone") from None

    def signal(self, number: int) -> Future[None]:
        """Send it a signal; the answer is done when it has that, or is gone."""
        sent: Future[None] = _promise()
        self._signalled.append(sent)
        request = {"do": "signal", "id": self._number, "signal": number}
        if not self._nursery.tell(request) or self.ended.done():
            self._answer_all()
        return sent

    def spent(self) -> Spent:
        """Return what it had spent a moment ago."""
        cpu = max(self._spent.cpu, self._group.cpu_seconds() if self._group else 0.0)
        return replace(self._spent, cpu=cpu, wall=time.monotonic())

    def _hear(self, event: dict[str, Any], descriptors: Sequence[int]) -> None:
        self._work.extend(descriptors)
        if event["event"] == "ready":
            self.ready.set_result(None)
            return
        if event["event"] == "spent":
            self._spent = Spent(event["cpu"], event["idle"])
            return
        if event["event"] == "signalled":
            with contextlib.suppress(IndexError):
                self._signalled.popleft().set_result(None)
            return
        exit_ = Exit(event["status"], event["cpu"], event["reason"], event["said"])
        if self._group is not None:
            memory = "memory" if self._group.exceeded_memory() else None
            cpu_seconds = max(exit_.cpu_seconds, self._group.cpu_seconds())
            exit_ = replace(exit_, cpu_seconds=cpu_seconds, reason=exit_.reason or memory)
        if not self.ready.done():
            last = (exit_.said.strip() or f"it exited with {exit_.status}").splitlines()[-1]
            self.ready.set_exception(RuntimeError(f"a kernel could not start: {last}"))
        self.ended.set_result(exit_)
        self._let_go()

    def _lose(self, error: ZygoteDied) -> None:
        for future in (self.ready, self.ended):
            if not future.done():
                future.set_exception(error)
        self._let_go()

    def _let_go(self) -> None:
        self._answer_all()
        with contextlib.suppress(IndexError):
            os.close(self._work.popleft())
        if self._core is not None:
            self._core.release()
        if self._group is not None:
            self._group.remove()

    def _answer_all(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._signalled.popleft().set_result(None)


class Nursery:
    """A zygote in its sandbox.

    Parameters
    ----------
    limits : Limits
        What each kernel may use.
    modules : sequence of str
        What the zygote imports, beside what every kernel needs.
    private : sequence of Path
        What of this machine no kernel may see, wherever it lies.

    Attributes
    ----------
    up : Future of tuple of Reason
        Done when kernels can be forked; holds what is not as it should be, a line each. Fails with
        RuntimeError if the zygote cannot start.
    """

    def __init__(
        self,
        limits: Limits,
        modules: Sequence[str] = OF_NOTEBOOKS,
        private: Sequence[Path] = (),
    ) -> None:
        self.up: Future[tuple[Reason, ...]] = _promise()
        self._allowance = Allowance(
            memory=int(limits.memory_mb * 2**20),
            processes=int(limits.processes),
            file=int(limits.file_mb * 2**20),
            cpu_seconds=math.ceil(limits.submission_seconds) + 60,
        )
        self._modules = modules
        self._private = private
        self._kernels: dict[int, ForkedKernel] = {}
        self._forked = 0
        self._lock = threading.Lock()
        self._control, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Bubblewrap dies with the thread that started it, so this thread stays until it has.
        self._thread = threading.Thread(target=self._run, name="zygote", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the zygote listens."""
        return self._control.fileno() != -1

    def new_group(self) -> groups.Group | None:
        """Return a control group that holds a kernel to its memory, where this machine has any."""
        home = groups.home()
        if home is None:
            return None
        # Files in memory count for nothing else.
        size = self._allowance.memory + self._allowance.file
        with contextlib.suppress(OSError):  # the group was taken from this process meanwhile
            return groups.Group(home, groups.memory_limits(size))
        return None

    def fork(self, sockets: Mapping[str, socket.socket]) -> ForkedKernel:
        """Ask for a kernel.

        Parameters
        ----------
        sockets : mapping of str to socket
            A listening Unix socket for each of `order.CHANNELS`; closed here.
        """
        with self._lock:
            self._forked += 1
            number = self._forked
            kernel = ForkedKernel(self, number)
            self._kernels[number] = kernel
        descriptors = [sockets[channel].fileno() for channel in CHANNELS]
        if not self.tell({"do": "fork", "id": number}, descriptors):
            self._lose_all()
        for used in sockets.values():
            used.close()
        return kernel

    def tell(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> bool:
        """Send a request to the zygote; return False if it is gone."""
        try:
            with self._lock:
                socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End the zygote and all its kernels, and wait until they are gone."""
        with self._lock, contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _run(self) -> None:
        said = ""
        try:
            with tempfile.TemporaryFile() as errors, outer.made_files() as files:
                self._serve(self._start(files, errors))
                errors.seek(0)
                said = errors.read().decode(errors="replace")
        except OSError as error:
            said = str(error)
        finally:
            with self._lock:
                self._control.close()
            if not self.up.done():
                last = (said.strip() or "it ended at once").splitlines()[-1]
                self.up.set_exception(RuntimeError(f"the zygote could not start: {last}"))
            self._lose_all()

    def _start(self, files: Mapping[str, int], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        view = outer.view_of_this_process(self._private)
        arguments = {
            "control": self._theirs.fileno(),
            "user": outer.user_inside(),
            "allowance": asdict(self._allowance),
            "shown": [str(place) for place in (*view.folders, *view.shown)],
            "modules": list(self._modules),
        }
        with self._theirs:
            return subprocess.Popen(
                outer.command(
                    outer.python("grading.engine.kernels.zygote", arguments),
                    view,
                    ENVIRONMENT | OF_THE_ZYGOTE,
                    files,
                    root=outer.is_root(),
                ),
                env={"PATH": os.environ.get("PATH", os.defpath)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(self._theirs.fileno(), *files.values()),
                start_new_session=True,  # so that Ctrl-C reaches the coordinator alone
            )

    def _serve(self, process: "subprocess.Popen[bytes]") -> None:
        """Hear what the zygote says until one of the two ends."""
        try:
            with contextlib.suppress(OSError):
                while True:
                    packet, descriptors, *_rest = socket.recv_fds(self._control, MAX_PACKET, 1)
                    if not packet:
                        break
                    self._hear(json.loads(packet), descriptors)
        finally:
            with self._lock:
                self._control.close()
            try:
                process.wait(END_SECONDS)  # it ends by itself, and its kernels before it
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _hear(self, event: dict[str, Any], descriptors: Sequence[int]) -> None:
        if event["event"] == "up":
            self.up.set_result(_complaints(event["threads"], event["missing"]))
            return
        with self._lock:
            kernel = self._kernels.get(event["id"])
            if event["event"] == "ended":
                del self._kernels[event["id"]]
        if kernel is not None:  # a signal may be answered after its end was told
            kernel._hear(event, descriptors)
        else:
            for descriptor in descriptors:
                os.close(descriptor)

    def _lose_all(self) -> None:
        with self._lock:
            lost = list(self._kernels.values())
            self._kernels.clear()
        for kernel in lost:
            kernel._lose(ZygoteDied("the zygote died"))


def _complaints(threads: list[str], missing: Mapping[str, str]) -> tuple[Reason, ...]:
    found = [
        Reason("note.not_imported", {"name": name, "why": why}) for name, why in missing.items()
    ]
    if len(threads) > 1:
        values = {"count": len(threads), "names": ", ".join(threads)}
        found.append(Reason("note.threads", values))
    return tuple(found)


def listen(path: str) -> socket.socket:
    """Return a Unix socket that listens at ``path``."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    return listening


def _promise() -> Future[Any]:
    """Return a future that whoever waits for it cannot cancel."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future
