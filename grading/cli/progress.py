"""How far a run of grading is: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from datetime import timedelta
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

LINE_SECONDS = 10.0  # between two lines


def progress(title: str, total: int) -> "Bar | Lines":
    """Return what shows the progress on stderr, as it can be read there, from 0 on."""
    return Bar(title, total) if err.is_interactive else Lines(title, total)


class Lines:
    """Plain lines, for a file or a pipe: at once, then now and then, and at the last result.

    Parameters
    ----------
    title : str
    total : int
        Submissions to grade.
    write : callable
        Writes a line.
    clock : callable
        The time in seconds.
    """

    def __init__(
        self,
        title: str,
        total: int,
        write: Callable[[str], None] = err.print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title, self._total = title, total
        self._write, self._clock = write, clock
        self._done, self._failed = 0, 0
        self._began = clock()
        self._next = self._began

    def __enter__(self) -> Self:
        self._write(f"{self._title}: 0/{self._total} done, starting")
        return self

    def begin(self, at_once: int) -> None:
        """Hear how many run at the same time, which a line does not say."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End without a line; the last result has had one."""

    def advance(self, *, failed: bool) -> None:
        """Count one more submission, and say so if it is time."""
        self._done += 1
        self._failed += failed
        now = self._clock()
        if now < self._next and self._done < self._total:
            return
        self._next = now + LINE_SECONDS
        spent = now - self._began
        left = spent / self._done * (self._total - self._done)
        self._write(
            f"{self._title}: {self._done}/{self._total} done, {self._failed} failed, "
            f"{_clock(spent)} so far, {_clock(left)} left"
        )


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


class Bar:
    """A bar on stderr: how many are done, running and failed, and the time that is left.

    Parameters
    ----------
    title : str
    total : int
        Submissions to grade.
    """

    def __init__(self, title: str, total: int) -> None:
        self._at_once, self._left, self._failed = 0, total, 0
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
        self._task = self._bar.add_task(title, total=total, failed=0, running=0)

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

    def begin(self, at_once: int) -> None:
        """Show that so many run at the same time from now on."""
        self._at_once = at_once
        self._show(advance=0)

    def advance(self, *, failed: bool) -> None:
        """Count one more submission."""
        self._left -= 1
        self._failed += failed
        self._show(advance=1)

    def _show(self, *, advance: int) -> None:
        running = min(self._at_once, self._left)
        self._bar.update(self._task, advance=advance, failed=self._failed, running=running)
