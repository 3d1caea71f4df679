"""What a training run leaves behind: its curves, and their plot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from utils import plots
from utils.language import sentence


@dataclass
class History:
    """The curves of a training run.

    ``history["val_loss"]`` is a curve, one number an epoch; ``history.names`` lists the curves.

    Attributes
    ----------
    epochs : list of dict
        One row an epoch: ``loss`` and the metrics, the same with ``val_`` in front if there was
        validation, and ``lr``, the learning rate of the first parameter group.
    step_losses : list of float
        The loss of every batch, in order.
    seconds : list of float
        How long each epoch took, in seconds.
    stopped : str
        Why the training ended before its last epoch; empty if it did not.
    precision : str
        In which precision the model was trained.

    Examples
    --------
    >>> history = History()
    >>> history.add({"loss": 0.5, "val_loss": 0.6}, seconds=1.0)
    >>> history.add({"loss": 0.4, "val_loss": 0.7}, seconds=1.0)
    >>> history["val_loss"], history.best_epoch
    ([0.6, 0.7], 1)
    """

    epochs: list[dict[str, float]] = field(default_factory=list)
    step_losses: list[float] = field(default_factory=list, repr=False)
    seconds: list[float] = field(default_factory=list, repr=False)
    stopped: str = ""
    precision: str = "fp32"
    _display: Any = field(default=None, repr=False, compare=False)

    def add(self, row: Mapping[str, float], seconds: float) -> None:
        """Append the row of a finished epoch."""
        self.epochs.append(dict(row))
        self.seconds.append(seconds)

    @property
    def names(self) -> list[str]:
        """The names of the curves."""
        return list(self.epochs[0]) if self.epochs else []

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.names:
            raise KeyError(sentence("curve.unknown", name=name, names=self.names))
        return [row[name] for row in self.epochs]

    def __len__(self) -> int:
        return len(self.epochs)

    @property
    def watched(self) -> str:
        """The loss that early stopping looks at: that of validation, if there was any."""
        return "val_loss" if "val_loss" in self.names else "loss"

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest watched loss, counted from 1; None before the first."""
        if not self.epochs:
            return None
        losses = self[self.watched]
        return 1 + losses.index(min(losses))

    def plot(self) -> Figure:
        """Draw the loss and every metric, training beside validation.

        Raises
        ------
        ValueError
            If no epoch was finished.
        """
        if not self.epochs:
            raise ValueError(sentence("curve.none_yet"))
        panels = [name for name in self.names if not name.startswith("val_") and name != "lr"]
        with plots.style():
            figure, axes = plt.subplots(
                1,
                len(panels),
                figsize=(1.2 + 4.3 * len(panels), 3.4),
                layout="constrained",
                squeeze=False,
            )
        for name, ax in zip(panels, axes[0], strict=True):
            curves = {sentence("plot.training"): self[name]}
            if f"val_{name}" in self.names:
                curves[sentence("plot.validation")] = self[f"val_{name}"]
            label = sentence("plot.loss") if name == "loss" else name
            plots.curves(curves, ylabel=label, ax=ax)
        return figure

    def refresh(self) -> None:
        """Draw the plot in the notebook, in place of the one this method drew before."""
        from IPython.display import display

        figure = self.plot()
        if self._display is None:
            self._display = display(figure, display_id=True)
        else:
            self._display.update(figure)
        plt.close(figure)

    def state(self) -> dict[str, Any]:
        """Return the curves as plain data, for a checkpoint: ``History(**state)`` undoes it."""
        return {
            "epochs": self.epochs,
            "step_losses": self.step_losses,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "precision": self.precision,
        }
