"""Steps of an optimizer down from losses, and the weights averaged along the way."""

import copy
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from utils.checkpoint import preserved_rng
from utils.language import sentence


class Descent:
    """Goes down from the losses of batches: a step for each, or one for several of them.

    Gradients of several batches add up to that of their mean, weighted by what they hold, as if
    they were one batch.

    Parameters
    ----------
    model : nn.Module
        Whose gradients are clipped.
    optimizer : Optimizer
        Made with the parameters of the model.
    scaler : GradScaler
        Scales the loss in fp16; one that is not enabled leaves it.
    clip_norm : float or None
        The largest norm of the gradients.
    batches : int, optional
        How many of them make one step.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        scaler: torch.amp.GradScaler,
        clip_norm: float | None,
        batches: int = 1,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.scaler = scaler
        self._clip_norm = clip_norm
        self._batches = batches
        self._count = 0  # of the batches since the last step
        self._first: Tensor | float = 1.0  # the weight of the first of them
        self._total: Tensor | float = 1.0  # the weights of all of them, in that unit

    def add(self, value: Tensor, weight: Tensor | float = 1.0) -> bool:
        """Go back through the mean loss of a batch; return whether a step was made, too.

        ``weight`` is how many items, or tokens that count, the loss is the mean of.
        """
        if self._count == 0:
            self.optimizer.zero_grad()
            self._first, self._total = weight, 1.0
        else:
            share = weight / self._first
            self._total = self._total + share
            value = value * share
        self.scaler.scale(value).backward()
        self._count += 1
        return self._count == self._batches and self.finish()

    def finish(self) -> bool:
        """Make the step of the batches since the last one; return False if there are none."""
        if self._count == 0:
            return False
        if self._count > 1:
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad /= self._total
        if self._clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self._count = 0
        return True


def compiled(
    model: nn.Module, try_it: Callable[[nn.Module], Tensor], say: Callable[[str], None]
) -> nn.Module:
    """Return a model that PyTorch compiles; as it is, with a line that says why, if it cannot.

    Parameters
    ----------
    model : nn.Module
        The model; the trial leaves it as it is.
    try_it : callable
        From a model to the loss of a batch: compilers fail at the first one only.
    say : callable
        Takes the line.
    """
    trial = copy.deepcopy(model).train()
    try:
        with preserved_rng():
            try_it(_compiled(trial)).backward()
    except Exception as error:  # of a compiler, a driver, a program that is not installed
        reason = str(error).strip().splitlines() or [type(error).__name__]
        say(sentence("training.not_compiled", reason=reason[0]))
        return model
    return _compiled(model)


def _compiled(model: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(model))
