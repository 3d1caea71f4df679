"""How a training run reports: a bar where somebody watches, plain lines where nobody does."""

import math
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from utils.hosts import host
from utils.language import sentence

LINES = 20  # a run of many epochs prints about this many lines
REFRESH = 0.2  # seconds between two refreshes of the numbers on the bar


def watched() -> bool:
    """Return whether somebody sees this output as it appears.

    A kernel started by a notebook's front end or a terminal is watched; one that runs headless
    (nbclient, papermill, the grader, a version that Kaggle saves), a pipe and a log file are not.
    What is not known to show a bar gets plain lines, which read everywhere.
    """
    if "DL_MODE" in os.environ or os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Batch":
        return False
    if in_notebook():
        return host() is not None
    return sys.stderr.isatty()


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


class Progress:
    """Report the progress of a run.

    Parameters
    ----------
    epochs : int
        The last epoch.
    steps : int or None
        Batches an epoch; None if nobody knows.
    done : int
        Epochs that an earlier session finished.
    silent : bool
        Print nothing: this is not the main process.
    """

    def __init__(self, epochs: int, steps: int | None, done: int, silent: bool) -> None:
        self.epochs = epochs
        self.silent = silent
        self.bar: Any = None
        if watched() and not silent:
            from tqdm.auto import tqdm  # warns in a notebook without widgets: only where shown

            total = None if steps is None else steps * epochs
            self.bar = tqdm(
                total=total, initial=(steps or 0) * done, unit=sentence("training.batch")
            )
        self._shown: dict[str, str] = {}
        self._refreshed = 0.0
        self._started, self._first = time.monotonic(), done

    def step(self, epoch: int, loss: float) -> None:
        """Report a batch of an epoch, which counts from 1."""
        if self.bar is None:
            return
        self.bar.update()
        now = time.monotonic()
        if now - self._refreshed > REFRESH:
            self._refreshed = now
            self.bar.set_description(self._place(epoch), refresh=False)
            self.bar.set_postfix({sentence("training.batch_loss"): f"{loss:.4g}", **self._shown})

    def epoch(self, epoch: int, row: Mapping[str, float], rate: float) -> None:
        """Report a finished epoch: its losses and metrics, and its rate in items a second."""
        self._shown = {name: f"{value:.4g}" for name, value in row.items() if name != "lr"}
        every = math.ceil(self.epochs / LINES)
        if self.bar is None and (epoch % every == 0 or epoch in (self._first + 1, self.epochs)):
            spent = time.monotonic() - self._started
            left = spent / (epoch - self._first) * (self.epochs - epoch)
            numbers = "  ".join(f"{name} {value}" for name, value in self._shown.items())
            self.say(
                sentence(
                    "training.line",
                    epoch=self._place(epoch),
                    numbers=numbers,
                    rate=f"{rate:.0f}",
                    left=f"{left:.0f}",
                )
            )

    def _place(self, epoch: int) -> str:
        return sentence("training.epoch", epoch=epoch, epochs=self.epochs)

    def say(self, text: str) -> None:
        """Print a line."""
        if self.silent:
            return
        if self.bar is None:
            print(text, flush=True)
        else:
            self.bar.write(text)

    def close(self) -> None:
        """End the bar, which stays where it is."""
        if self.bar is not None:
            self.bar.close()
