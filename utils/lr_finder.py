"""The learning-rate range test.

Train for some batches while the learning rate grows from tiny to huge, and watch the loss: it
stands still, falls, then explodes. A good rate lies where it falls fastest (Smith 2017,
"Cyclical learning rates for training neural networks", section 3.3; here the rate grows by a
factor a batch, not by a sum, so that every order of magnitude gets as many batches).
"""

import copy
import math
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np
from accelerate.utils import send_to_device
from matplotlib.axes import Axes
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from utils import diagnosis, plots
from utils.checkpoint import preserved_rng
from utils.device import pick_device
from utils.diagnosis import Forward, Loss
from utils.training import last_is_target

SMOOTHING = 0.9  # how much of the running mean stays at each batch
EXPLODED = 4.0  # the test ends when the smoothed loss is this many times its lowest


@dataclass(frozen=True)
class RangeTest:
    """The outcome of a range test.

    Attributes
    ----------
    rates : list of float
        The learning rate of each batch.
    losses : list of float
        Its loss, before the step with that rate.
    smoothed : list of float
        The running mean of the losses.
    suggestion : float
        The rate where the smoothed loss falls fastest.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    suggestion: float

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the loss over the rate, with the suggestion."""
        ax = plots.curves(
            {"batch": self.losses, "smoothed": self.smoothed},
            x=self.rates,
            xlabel="learning rate",
            ylabel="loss",
            ax=ax,
        )
        ax.set_xscale("log")
        low, high = min(self.smoothed), max(self.smoothed[0], *self.smoothed)
        ax.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        ax.axvline(self.suggestion, color=plots.TEXT, linestyle=":")
        ax.annotate(
            f"suggestion {self.suggestion:.1e}",
            (self.suggestion, 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="top",
            color=plots.TEXT,
        )
        return ax


def range_test(
    model: nn.Module,
    train: DataLoader[Any],
    loss: Loss,
    optimizer: Optimizer,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    batches: int = 100,
    forward: Forward = last_is_target,
) -> RangeTest:
    """Run the test; model, optimizer and random numbers are afterwards as they were before.

    Parameters
    ----------
    model : nn.Module
        The model, moved to the device of :func:`utils.device.pick_device`.
    train, loss, optimizer, forward
        As in :func:`utils.training.fit`.
    lowest, highest : float, optional
        The range of learning rates.
    batches : int, optional
        How many batches to spend, at least 10; the data are gone through again if need be.

    Raises
    ------
    ValueError
        If the range is not one, data, model, loss and optimizer do not go together, or the loss
        does not fall anywhere in the range.
    """
    if not 0 < lowest < highest or batches < 10:
        raise ValueError(
            f"a range from {lowest} to {highest} in {batches} batches; expected "
            "0 < lowest < highest and at least 10 batches."
        )
    diagnosis.check_data(train, "train")
    diagnosis.check_parameters(model, optimizer)
    device = pick_device()
    model.to(device)
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict(), model.training))
    rates = np.geomspace(lowest, highest, batches).tolist()
    losses: list[float] = []
    endless = chain.from_iterable(repeat(train))
    try:
        with preserved_rng():
            for rate, raw in zip(rates, endless, strict=False):
                batch = send_to_device(raw, device)
                if not losses:
                    diagnosis.check_batch(model, batch, loss, forward, "train")
                    model.train()
                outputs, target = forward(model, batch)
                value = loss(outputs, target)
                losses.append(value.item())
                if _exploded(losses):
                    break
                for group in optimizer.param_groups:
                    group["lr"] = rate
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
    finally:
        weights, state, training = before
        model.load_state_dict(weights)
        optimizer.load_state_dict(state)
        optimizer.zero_grad()
        model.train(training)
    losses = [value for value in losses if math.isfinite(value)]
    rates, smoothed = rates[: len(losses)], smooth(losses)
    return RangeTest(rates, losses, smoothed, suggest(rates, smoothed))


def smooth(values: list[float]) -> list[float]:
    """Return the exponential running mean, corrected for its start at zero.

    The correction is that of Adam (Kingma & Ba 2014, algorithm 1).

    Examples
    --------
    >>> [round(v, 6) for v in smooth([2.0, 2.0, 2.0])]
    [2.0, 2.0, 2.0]
    """
    smoothed, mean = [], 0.0
    for step, value in enumerate(values, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smoothed.append(mean / (1 - SMOOTHING**step))
    return smoothed


def suggest(rates: list[float], smoothed: list[float]) -> float:
    """Return the rate where the loss falls fastest over the logarithm of the rate.

    Raises
    ------
    ValueError
        If the loss does not fall anywhere.
    """
    lowest = int(np.argmin(smoothed)) if smoothed else 0
    if lowest < 2:
        raise ValueError(
            "the loss falls nowhere in the range of learning rates; expected it to fall before it "
            "explodes. Start from a lower rate, or check model, loss and data on one batch."
        )
    slopes = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    return rates[int(np.argmin(slopes))]


def _exploded(losses: list[float]) -> bool:
    if not math.isfinite(losses[-1]):
        return True
    smoothed = smooth(losses)
    return smoothed[-1] > EXPLODED * min(smoothed) > 0
