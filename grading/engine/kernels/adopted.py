"""A real ipykernel in this process, on sockets that somebody else opened.

The zygote forks; here the child becomes a kernel. It does everything that does not depend on the
notebook first, so that a kernel can wait, ready, for its order.
"""

import importlib
import os
import random
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import zmq
from ipykernel.heartbeat import Heartbeat
from ipykernel.kernelapp import IPKernelApp
from IPython.core.pylabtools import activate_matplotlib

from grading.engine.kernels.order import CHANNELS, Order
from grading.engine.kernels.work import furnish
from grading.places import PACKAGES

INLINE = "module://matplotlib_inline.backend_inline"


def serve(descriptors: Mapping[str, int], receive: Callable[[], bytes]) -> None:
    """Be a kernel until killed.

    Parameters
    ----------
    descriptors : mapping of str to int
        A listening Unix socket for each of `CHANNELS`.
    receive : callable
        Called when everything is ready; returns a packed `Order`.
    """
    app = AdoptingKernelApp.instance()
    app.adopt(descriptors)
    _start_figures(app.shell)
    _obey(Order.unpack(receive()), app)
    app.start()  # type: ignore[no-untyped-call]


def _obey(order: Order, app: "AdoptingKernelApp") -> None:
    furnish(Path(), order.files)
    app.session.key = order.key
    app.iopub_thread.session = app.session
    os.environ.clear()
    os.environ.update(order.env)
    if "DL_MODE" not in order.env:  # another course, whose own modules may have the kit's names
        for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
            del sys.modules[name]
    _set_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    # How many cores a kernel has is the grader's affair; students need not read of it.
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    _reseed(os.environ.get("DL_RUN_SEED"))


def _start_figures(shell: Any) -> None:
    """Show figures as images in the outputs, as a kernel that imports matplotlib itself would."""
    if "matplotlib" in sys.modules:
        activate_matplotlib(INLINE)
        inline = importlib.import_module("matplotlib_inline.backend_inline")
        inline.configure_inline_support(shell, INLINE)


def _set_threads(count: int) -> None:
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    if count > 1 and (pools := sys.modules.get("threadpoolctl")):
        pools.threadpool_limits(count)


def _reseed(seed: str | None) -> None:
    """Give this process random numbers of its own; every fork starts with the zygote's."""
    entropy = int.from_bytes(os.urandom(4)) if seed is None else int(seed) % 2**32
    random.seed(entropy)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(entropy)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(entropy)


class _AdoptedHeartbeat(Heartbeat):
    """A heartbeat on a listening socket."""

    descriptor = -1

    def _try_bind_socket(self) -> None:
        self.socket.setsockopt(zmq.USE_FD, self.descriptor)
        self.socket.bind("ipc://adopted")


class AdoptingKernelApp(IPKernelApp):
    """An ipykernel on listening sockets in place of addresses.

    It reads no configuration, startup files or history and writes no connection file; whoever
    forked it watches it, and keeps it from outliving its parent.
    """

    def adopt(self, descriptors: Mapping[str, int]) -> None:
        """Initialize on one listening Unix socket for each of `CHANNELS`."""
        self.descriptors = [descriptors[channel] for channel in CHANNELS]
        for number, channel in enumerate(CHANNELS, start=1):
            setattr(self, f"{channel}_port", number)
        self.transport = "ipc"
        self.log_level = 50
        self.config.HistoryManager.enabled = False
        self.initialize([])  # type: ignore[no-untyped-call]
        self.iopub_thread.session = None  # it would greet who listens, and has no key to sign with
        self._forget_debugger()

    def _forget_debugger(self) -> None:
        # There is no address at which its socket could reach this kernel, as it tries to.
        self.kernel.debugpy_stream = None
        self.debug_shell_socket.disconnect(self.shell_socket.getsockopt(zmq.LAST_ENDPOINT))

    def _try_bind_socket(self, s: Any, port: int) -> int:
        s.setsockopt(zmq.USE_FD, self.descriptors[port - 1])
        s.setsockopt(zmq.SNDHWM, 0)  # what a cell displays is limited by its reader, not lost here
        s.bind("ipc://adopted")
        return port

    def init_heartbeat(self) -> None:
        """Start the heartbeat on its socket."""
        address = ("ipc", "", self.hb_port)
        self.heartbeat = _AdoptedHeartbeat(zmq.Context(), address)  # type: ignore[no-untyped-call]
        self.heartbeat.descriptor = self.descriptors[self.hb_port - 1]
        self.heartbeat.start()

    def init_path(self) -> None:
        """Look into the working directory last: numpy.py in it is not numpy."""
        sys.path.append("")

    def parse_command_line(self, argv: Any = None) -> None:
        """Read no command line."""

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """Read no configuration."""

    def init_connection_file(self) -> None:
        """Read no connection file."""

    def write_connection_file(self, **kwargs: Any) -> None:
        """Write none."""

    def init_poller(self) -> None:
        """Watch no parent."""

    def init_code(self) -> None:
        """Run no startup files."""
