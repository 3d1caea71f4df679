"""The bar that shows how far a run of grading is."""

from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from grading.cli.console import err


class Bar:
    """A bar on stderr: how many are done, running and failed, and the time that is left.

    Parameters
    ----------
    title : str
    total : int
        Submissions to grade.
    at_once : int
        How many run at the same time.
    """

    def __init__(self, title: str, total: int, at_once: int) -> None:
        self._at_once, self._left, self._failed = at_once, total, 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("running {task.fields[running]}, failed {task.fields[failed]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=err,
        )
        self._task = self._bar.add_task(title, total=total, failed=0, running=min(at_once, total))

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, *, failed: bool) -> None:
        """Count one more submission."""
        self._left -= 1
        self._failed += failed
        running = min(self._at_once, self._left)
        self._bar.update(self._task, advance=1, failed=self._failed, running=running)
