"""What the engine asks of a kernel, wherever it comes from."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from grading.engine.kernels.usage import Spent
from grading.engine.kernels.work import Work
from grading.engine.wire.jupyter import Wire
from grading.messages import Reason

START_SECONDS = 60.0  # a kernel that does not answer by then is not going to
LAST_WORDS_SECONDS = 0.5  # between a kernel's closing its sockets and its end


class LostKernel(RuntimeError):
    """A kernel did not start, or its zygote died; no notebook can bring that about."""


@dataclass(frozen=True)
class End:
    """How a kernel ended.

    Attributes
    ----------
    cpu_seconds : float or None
        CPU time of the kernel and its children, if it could be measured.
    cause : Reason or None
        Why it ended before it was stopped; None if it did not.
    from_outside : bool
        Whether it was ended by something that a submission cannot do.
    work : Work
        What it left in its working directory; nothing unless that was asked for.
    """

    cpu_seconds: float | None
    cause: Reason | None = None
    from_outside: bool = False
    work: Work = field(default_factory=Work)


def cause_of(status: int) -> Reason:
    """Say how a process ended, from its exit code or the negative number of a signal."""
    if status < 0:
        return Reason("cause.signal", {"name": signal.Signals(-status).name})
    return Reason("cause.exited", {"status": status})


class Kernel(Protocol):
    """A running kernel."""

    wire: Wire

    def spent(self) -> Spent:
        """Return what it has spent up to now; as it was a moment ago, perhaps."""

    async def interrupt(self) -> None:
        """Ask the running cell to stop; what is asked of the kernel later comes after that."""

    async def stop(self, *, keep_work: bool = False) -> End:
        """Kill it and return when nothing of it is left; may raise `LostKernel`.

        With ``keep_work`` what it left in its working directory is brought along.
        """


class Kernels(Protocol):
    """A source of kernels."""

    def begin(self) -> None:
        """Begin to prepare for `start`, in the background."""

    async def start(self) -> tuple[Reason, ...]:
        """Prepare to make kernels; return what is not as it should be."""

    async def kernel(self, env: Mapping[str, str], files: Mapping[str, bytes]) -> Kernel:
        """Start a kernel, see `grading.engine.runner.Engine.execute`; may raise `LostKernel`."""

    async def close(self) -> None:
        """Kill every kernel."""
