"""A control group of Linux for each kernel, where this process may make some (cgroup version 2).

A group counts all that its processes use, by whatever means: memory in the buffers of sockets and
pipes, or shared and mapped by nobody, and the time of children that nobody waited for. Without one,
a limit holds for what can be seen of processes from outside (`grading.engine.kernels.usage`).
"""

import contextlib
import errno
import functools
import itertools
import os
from collections.abc import Mapping
from pathlib import Path

CONTROLLER = "memory"
_numbers = itertools.count(1)


class Group:
    """One kernel's group.

    Parameters
    ----------
    parent : Path
        Where it is made, see `home`.
    limits : mapping of str to str
        What to write into which of its files.
    """

    def __init__(self, parent: Path, limits: Mapping[str, str]) -> None:
        self._folder = parent / f"dl-kernel-{os.getpid()}-{next(_numbers)}"
        self._folder.mkdir()
        try:
            for name, value in limits.items():
                (self._folder / name).write_text(value)
        except OSError:
            self.remove()
            raise

    def entrance(self) -> int:
        """Return a descriptor; a process enters whose number is written to it."""
        return os.open(self._folder / "cgroup.procs", os.O_WRONLY)

    def cpu_seconds(self) -> float:
        """Return the processor time that its processes have used, those that ended included."""
        return self._read("cpu.stat").get("usage_usec", 0) / 1e6

    def exceeded_memory(self) -> bool:
        """Whether Linux killed it for want of memory."""
        return self._read("memory.events").get("oom_kill", 0) > 0

    def remove(self) -> None:
        """Remove it, once its processes are gone."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _read(self, name: str) -> dict[str, int]:
        with contextlib.suppress(OSError, ValueError):
            pairs = (line.split() for line in (self._folder / name).read_text().splitlines())
            return {key: int(value) for key, value in pairs}
        return {}


def memory_limits(size: int) -> dict[str, str]:
    """Return the limits of a group that may have ``size`` bytes of memory."""
    return {"memory.max": str(size), "memory.swap.max": "0", "memory.oom.group": "1"}


@functools.cache
def home() -> Path | None:
    """Return where this process may make groups that limit memory; None if nowhere.

    It moves itself into a group below its own, if it must: a group with processes of its own
    cannot share out memory among others.
    """
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
        own = own_folder(mounts, groups)
        return own if own is not None and may_share(own, CONTROLLER) else None
    except OSError:
        return None


def own_folder(mounts: str, groups: str) -> Path | None:
    """Return the folder of a process's group, from its ``mountinfo`` and ``cgroup``.

    Examples
    --------
    >>> mounts = "24 18 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate"
    >>> own_folder(mounts, "0::/user.slice/me").as_posix()
    '/sys/fs/cgroup/user.slice/me'
    """
    path = next((line[3:] for line in groups.splitlines() if line.startswith("0::")), None)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and path is not None:
            shown, place = before.split()[3:5]
            return Path(place) / os.path.relpath(path, shown)
    return None


def may_share(folder: Path, controller: str) -> bool:
    """Whether groups can be made in ``folder`` with limits of a controller; try to bring it about.

    Parameters
    ----------
    folder : Path
        The group of this process.
    controller : str
        Such as ``"memory"``.
    """
    if controller not in (folder / "cgroup.controllers").read_text().split():
        return False
    if _share(folder, controller):
        return os.access(folder, os.W_OK)
    below = folder / f"dl-coordinator-{os.getpid()}"
    below.mkdir()
    (below / "cgroup.procs").write_text(str(os.getpid()))
    if _share(folder, controller):
        return True
    (folder / "cgroup.procs").write_text(str(os.getpid()))  # others are here, and stay
    below.rmdir()
    return False


def _share(folder: Path, controller: str) -> bool:
    try:
        (folder / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
