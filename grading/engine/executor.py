"""What executes notebooks: an `Engine` on this machine, or a cluster of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from nbformat import NotebookNode

from grading.course.config import Limits
from grading.messages import Reason
from utils.profile import Profile


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
    """

    notebook: NotebookNode
    seconds: float
    cpu_seconds: float | None
    problems: tuple[Reason, ...]


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
    ) -> Execution:
        """Execute a copy of ``notebook``; see `grading.engine.runner.Engine.execute`."""


def executor_for(limits: Limits, options: RunOptions, notebooks: Iterable[Path]) -> Executor:
    """Return what executes notebooks; on this machine it begins to start at once.

    Parameters
    ----------
    limits : Limits
    options : RunOptions
    notebooks : iterable of Path
        Files of the assignment: what they mention is imported ahead, all that labs import if
        there are none.
    """
    if options.scheduler:
        from grading.engine.cluster import ClusterEngine

        return ClusterEngine(options.scheduler, limits, sandbox=options.sandbox)
    from grading.engine.kernels.preload import OF_NOTEBOOKS, mentioned
    from grading.engine.runner import Engine

    texts = [path.read_text(encoding="utf-8", errors="replace") for path in notebooks]
    modules = mentioned(texts) if texts else OF_NOTEBOOKS
    engine = Engine(limits, sandbox=options.sandbox, modules=modules)
    engine.begin()
    return engine
