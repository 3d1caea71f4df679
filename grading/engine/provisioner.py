"""Forked kernels for everything that starts kernels through `jupyter_client`.

``dl-zygote`` is a kernel like any other for nbclient, papermill and nbgrader, once its name is
known: ``python -m grading.engine.provisioner`` writes its specification beside this Python's
others. Such a kernel sees none of the caller's files, starts in an empty folder, and gets of the
caller's environment only what was added for it and the course's own variables.
"""

import asyncio
import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Dict

from grading.course.config import Limits
from grading.engine.kernels.nursery import ENVIRONMENT, ForkedKernel, Nursery, listen
from grading.engine.kernels.order import CHANNELS, Order
from grading.engine.walls import outer

NAME = "dl-zygote"
PASSED_ON = ("DL_", "LAB_", "OMP_NUM_THREADS")  # beginnings of the course's own variables
LOST = 1  # exit status of a kernel whose zygote died

_nurseries: dict[Limits, Nursery] = {}
_lock = threading.Lock()


class ZygoteProvisioner(LocalProvisioner):
    """Forks kernels in a sandbox; where there is none, starts ordinary ones and warns.

    Attributes
    ----------
    limits : dict
        Fields of `grading.course.config.Limits` to change; of these, memory, processes and files
        are limited here, time and outputs by whoever executes the notebook.
    """

    limits: dict[str, Any] = Dict(config=True)  # type: ignore[assignment]
    _kernel: ForkedKernel | None = None
    _sockets = ""  # the folder of their files

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started and not waited for."""
        return self._kernel is not None or super().has_process

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the kernel's sockets and write its connection file."""
        host = outer.host()
        if host.obstacle is not None:
            warnings.warn(
                f"{NAME}: {host.obstacle}; this kernel is an ordinary one, which nothing protects "
                f"this machine from; for a sandbox, {host.advice}",
                RuntimeWarning,
                stacklevel=2,
            )
            return await super().pre_launch(**kwargs)
        manager: Any = self.parent
        self._sockets = self._sockets or tempfile.mkdtemp(prefix="dl-")
        manager.transport = "ipc"
        manager.ip = f"{self._sockets}/k"
        for port, channel in enumerate(CHANNELS, start=1):
            setattr(manager, f"{channel}_port", port)
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        kwargs.pop("extra_arguments", None)
        return await KernelProvisionerBase.pre_launch(self, cmd=[], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel and let it start."""
        if not self._sockets:
            return await super().launch_kernel(cmd, **kwargs)
        nursery = _nursery(Limits(**self.limits))
        await asyncio.wrap_future(nursery.up)
        self._kernel = nursery.fork(
            {
                channel: listen(f"{self._sockets}/k-{port}")
                for port, channel in enumerate(CHANNELS, start=1)
            }
        )
        manager: Any = self.parent
        self._kernel.start(Order(manager.session.key, _environment(kwargs["env"])))
        await asyncio.wrap_future(self._kernel.ready)
        return self.connection_info

    async def poll(self) -> int | None:
        """Return None while the kernel runs, then its exit status."""
        if self._kernel is None:
            return await super().poll()
        return _status(self._kernel.ended) if self._kernel.ended.done() else None

    async def wait(self) -> int | None:
        """Wait for the kernel's end and return its exit status."""
        if self._kernel is None:
            return await super().wait()
        ended = self._kernel.ended
        await asyncio.wait([asyncio.wrap_future(ended)])
        self._kernel = None
        return _status(ended)

    async def send_signal(self, signum: int) -> None:
        """Send the kernel a signal."""
        if self._kernel is None:
            await super().send_signal(signum)
        else:
            self._kernel.signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Kill the kernel: the first process of a PID namespace does not heed SIGTERM."""
        await self.send_signal(signal.SIGKILL if self._kernel else signal.SIGTERM)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Kill the kernel, which has nothing to save."""
        if self._kernel is not None:
            self._kernel.signal(signal.SIGKILL)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the sockets' files."""
        if self._sockets and not restart:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = ""
        await super().cleanup(restart)


def install_kernelspec(prefix: Path = Path(sys.prefix)) -> Path:
    """Make the kernel known by its name to the Jupyter of ``prefix``; return its specification."""
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python, forked in a sandbox",
        "language": "python",
        "metadata": {"kernel_provisioner": {"provisioner_name": NAME}},
    }
    path = prefix / "share" / "jupyter" / "kernels" / NAME / "kernel.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
    return path


def _nursery(limits: Limits) -> Nursery:
    """Return this process's zygote for ``limits``, a new one if there is none or it died."""
    with _lock:
        nursery = _nurseries.get(limits)
        if nursery is None or not nursery.is_alive:
            nursery = _nurseries[limits] = Nursery(limits)
            atexit.register(nursery.close)
        return nursery


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    added = {
        name: value
        for name, value in env.items()
        if os.environ.get(name) != value or name.startswith(PASSED_ON)
    }
    return ENVIRONMENT | added


def _status(ended: "Future[Any]") -> int:
    return LOST if ended.exception() is not None else ended.result().status


if __name__ == "__main__":
    print(install_kernelspec())
