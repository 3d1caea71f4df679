"""What executes notebooks, whether an engine on this machine or a cluster of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from nbformat import NotebookNode

from grading.engine.kernels.work import Work
from grading.errors import UserError
from grading.messages import Reason
from utils.profile import Profile


class ExecutorLost(UserError):
    """What executes notebooks is gone; no submission is at fault, and none has a result."""


@dataclass(frozen=True)
class Execution:
    """A notebook that was executed, as far as it got.

    Attributes
    ----------
    notebook : NotebookNode
        A copy with outputs.
    seconds : float
        Wall time.
    cpu_seconds : float or None
        CPU time of the kernel and its children, if it could be measured.
    problems : tuple of Reason
        Why it did not run undisturbed; empty if it did. The value ``cell`` of each is the number
        of a cell, counted from 1.
    work : Work
        What it left in its working directory; nothing unless that was asked for.
    costs : tuple of float
        CPU time of each cell that it came to, in seconds, as looks from outside found it.
    """

    notebook: NotebookNode
    seconds: float
    cpu_seconds: float | None
    problems: tuple[Reason, ...]
    work: Work = field(default_factory=Work)
    costs: tuple[float, ...] = ()


@dataclass(frozen=True)
class RunOptions:
    """How submissions are executed and graded.

    Attributes
    ----------
    profile : {"quick", "full"}
    jobs : int or None
        Submissions executed at once; as many as the executor has room for if None.
    resume : bool
        Leave out what is graded already.
    sandbox : bool
        False runs submissions unprotected.
    scheduler : str or None
        Address of a Dask scheduler whose workers execute; this machine does if None.
    """

    profile: Profile = "quick"
    jobs: int | None = None
    resume: bool = False
    sandbox: bool = True
    scheduler: str | None = None

    def at_once(self, executor: "Executor") -> int:
        """Return how many submissions are executed at once."""
        return self.jobs or executor.slots


class Executor(Protocol):
    """Executes notebooks while its context is entered, many at once in one event loop."""

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What cannot be done where it executes; complete once it is entered."""

    @property
    def slots(self) -> int:
        """Notebooks that it executes at once without one waiting; known once it is entered."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def execute(
        self,
        notebook: NotebookNode,
        *,
        env: Mapping[str, str],
        files: Mapping[str, bytes] | None = None,
        keep_work: bool = False,
    ) -> Execution:
        """Execute a copy of ``notebook``; see `grading.engine.runner.Engine.execute`."""
