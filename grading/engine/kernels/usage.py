"""What a kernel and all that it started have used, as seen from outside.

The numbers are Linux's own, read where a submission can neither change nor hide them: which process
belongs to which kernel is told by parents, and not by what a process lets others see of it.
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
PATIENCE = 30.0  # seconds on the clock for each of a limit, on the busiest of machines
LONGEST_NAP = 1.0  # seconds between two looks that may count as idle: what was between is not known


@dataclass(frozen=True)
class Spent:
    """Where the time of a kernel went.

    Attributes
    ----------
    cpu : float
        Seconds of processor time, of all its processes together.
    idle : float
        Seconds in which none of them could have run: they slept, or waited for something.
    wall : float
        Seconds on the clock. What is in neither of the others, it waited for a core.
    """

    cpu: float = 0.0
    idle: float = 0.0
    wall: float = 0.0

    def __sub__(self, earlier: "Spent") -> "Spent":
        return Spent(self.cpu - earlier.cpu, self.idle - earlier.idle, self.wall - earlier.wall)

    @property
    def own(self) -> float:
        """Seconds that passed for the kernel itself, however busy the machine was."""
        return self.cpu + self.idle

    def exceeds(self, seconds: float) -> bool:
        """Whether ``seconds`` have passed for the kernel itself, or very many on the clock."""
        return self.own >= seconds or self.wall >= PATIENCE * seconds

    @property
    def was_starved(self) -> bool:
        """Whether others kept it from running for more than a quarter of the time."""
        return self.wall - self.own > self.wall / 4


@dataclass(frozen=True)
class Process:
    """One process at one moment.

    Attributes
    ----------
    key : tuple of int
        Its number and when it started: numbers are used again.
    parent : int
    can_run : bool
        Whether its first thread runs or waits for a core.
    threads : int
    own, reaped : float
        Processor seconds of itself, and of its children that have ended and were waited for.
    resident : int
        Bytes of memory, those that it shares included.
    """

    key: tuple[int, int]
    parent: int
    can_run: bool
    threads: int
    own: float
    reaped: float
    resident: int

    @classmethod
    def read(cls, pid: int) -> Self:
        """Return what Linux says of a process; raise OSError if it is gone."""
        (parent, state, *_), numbers = _stat(f"/proc/{pid}/stat")
        return cls(
            key=(pid, numbers[17]),
            parent=int(parent),
            can_run=state == "R",
            threads=numbers[15],
            own=(numbers[9] + numbers[10]) / _TICKS,
            reaped=(numbers[11] + numbers[12]) / _TICKS,
            resident=numbers[19] * _PAGE,
        )


def _stat(path: str) -> tuple[tuple[str, str], list[int]]:
    """Return (parent, state) of a stat file, and the numbers that follow."""
    with open(path, "rb") as file:
        state, parent, *rest = file.read().rpartition(b")")[2].decode().split()
    return (parent, state), [int(number) for number in rest]


def can_run(process: Process) -> bool:
    """Whether any thread of a process runs or waits for a core."""
    if process.can_run or process.threads == 1:
        return process.can_run
    folder = f"/proc/{process.key[0]}/task"
    with contextlib.suppress(OSError):
        for thread in os.listdir(folder):
            with contextlib.suppress(OSError):
                if _stat(f"{folder}/{thread}/stat")[0][1] == "R":
                    return True
    return False


def families(kernels: Iterable[int]) -> dict[int, list[Process]]:
    """Return each kernel's processes, those that descend from it and itself, by its number."""
    found: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                found[int(name)] = Process.read(int(name))
    members: dict[int, list[Process]] = {kernel: [] for kernel in kernels}
    for pid, process in found.items():
        ancestor = _kernel_of(pid, found, members)
        if ancestor is not None:
            members[ancestor].append(process)
    return members


def _kernel_of(
    pid: int, processes: Mapping[int, Process], kernels: Mapping[int, object]
) -> int | None:
    while pid not in kernels:
        if pid not in processes:
            return None
        pid = processes[pid].parent
    return pid


@dataclass
class Tally:
    """Adds up what a kernel has spent, from looks at its processes now and then.

    A process that ended is found again in what its parent reaped. One that was not waited for, as
    a submission may arrange, leaves what it had used when it was last seen.
    """

    spent: Spent = field(default_factory=Spent)
    _seen: dict[tuple[int, int], Process] = field(default_factory=dict)

    def look(self, family: Iterable[Process], now: float, is_idle: bool) -> None:
        """Take what its processes have used up to ``now``.

        Parameters
        ----------
        family : iterable of Process
        now : float
            Seconds on the clock.
        is_idle : bool
            Whether none of their threads can run.
        """
        seen = {process.key: process for process in family}
        fresh = reaped = 0.0
        for key, process in seen.items():
            before = self._seen.get(key)
            fresh += process.own - (before.own if before else 0.0)
            reaped += process.reaped - (before.reaped if before else 0.0)
        ended = [process for key, process in self._seen.items() if key not in seen]
        known = sum(process.own + process.reaped for process in ended)
        used = max(0.0, fresh) + max(0.0, reaped - known)
        passed = min(now - self.spent.wall, LONGEST_NAP) if self._seen else 0.0
        idle = max(0.0, passed - used) if is_idle else 0.0
        self.spent = Spent(self.spent.cpu + used, self.spent.idle + idle, now)
        self._seen = seen
