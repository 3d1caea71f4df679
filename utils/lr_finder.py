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
import torch
from accelerate.utils import send_to_device
from matplotlib.axes import Axes
from scipy.ndimage import gaussian_filter1d
from torch import nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from utils import diagnosis, plots
from utils.checkpoint import preserved_rng
from utils.descent import Descent
from utils.device import pick_device
from utils.diagnosis import Forward, Loss
from utils.language import sentence
from utils.precision import Precision, in_precision
from utils.training import last_is_target

FLAT = 10  # batches at the start, where the rate is too small to change the loss
SMOOTHING = 4.0  # batches: the width (standard deviation) of the smoothing


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
        The losses without their noise, see :func:`smooth`.
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
            {sentence("plot.batch"): self.losses, sentence("plot.smoothed"): self.smoothed},
            x=self.rates,
            xlabel=sentence("plot.learning_rate"),
            ylabel=sentence("plot.loss"),
            ax=ax,
        )
        ax.set_xscale("log")
        ax.set_ylim(top=_ceiling(self.losses))
        ax.axvline(self.suggestion, color=plots.TEXT, linestyle=":")
        ax.annotate(
            sentence("plot.suggestion", rate=f"{self.suggestion:.1e}"),
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
    clip_norm: float | None = None,
    precision: Precision = "fp32",
) -> RangeTest:
    """Run the test; model, optimizer and random numbers are afterwards as they were before.

    Parameters
    ----------
    model : nn.Module
        The model, moved to the device of :func:`utils.device.pick_device`.
    train, loss, optimizer, forward, clip_norm
        As in :func:`utils.training.fit`: where the gradients are clipped, higher rates do.
    lowest, highest : float, optional
        The range of learning rates.
    batches : int, optional
        How many batches to spend, more than 10; the data are gone through again if need be.
    precision : {"fp32", "bf16", "fp16"}, optional
        The one to train in.

    Raises
    ------
    ValueError
        If the range is not one, the device cannot work in this precision, data, model, loss and
        optimizer do not go together, or the loss does not fall anywhere in the range.
    """
    if not 0 < lowest < highest or batches <= FLAT:
        raise ValueError(
            sentence("curve.range", lowest=lowest, highest=highest, batches=batches, flat=FLAT)
        )
    diagnosis.check_data(train, "train")
    diagnosis.check_parameters(model, optimizer)
    device = pick_device()
    model.to(device)
    forward = in_precision(forward, loss, precision, device)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
    descent = Descent(model, optimizer, scaler, clip_norm)
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
                descent.add(value)
    finally:
        weights, state, training = before
        model.load_state_dict(weights)
        optimizer.load_state_dict(state)
        optimizer.zero_grad()
        model.train(training)
    losses = losses if math.isfinite(losses[-1]) else losses[:-1]
    rates, smoothed = rates[: len(losses)], smooth(losses)
    return RangeTest(rates, losses, smoothed, suggest(rates, smoothed))


def smooth(losses: list[float]) -> list[float]:
    """Return the losses averaged over their neighbours, with Gaussian weights.

    The window looks both ways: a running mean over the past only would show the fall of the
    loss late, at rates that are too high. Losses of the explosion are cut, so that they do not
    reach back.
    """
    ceiling = _ceiling(losses)
    return gaussian_filter1d(np.minimum(losses, ceiling), SMOOTHING, mode="nearest").tolist()


def suggest(rates: list[float], smoothed: list[float]) -> float:
    """Return the rate where the loss falls fastest over the logarithm of the rate.

    Raises
    ------
    ValueError
        If the loss does not fall anywhere.
    """
    lowest = int(np.argmin(smoothed)) if smoothed else 0
    if lowest < 2:
        raise ValueError(sentence("curve.no_fall"))
    slopes = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    return rates[int(np.argmin(slopes))]


def _ceiling(losses: list[float]) -> float:
    """Return a loss as far above the start as the lowest one is below it, noise allowed for."""
    start = losses[:FLAT]
    return float(2 * np.mean(start) - min(losses) + 3 * np.std(start))


def _exploded(losses: list[float]) -> bool:
    return not math.isfinite(losses[-1]) or (
        len(losses) > FLAT and min(losses[-3:]) > _ceiling(losses[:-3])
    )
