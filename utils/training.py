"""The training loop: ``fit`` and ``evaluate``.

It is the loop that a lab writes by hand once, with what makes it bearable day to day: the
device and the precision, validation, early stopping, a checkpoint to go on from, a bar, and
errors that say what to do. Under ``accelerate launch`` the same call trains on several GPUs or
processes, each batch split among them, so that the curves stay those of one.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from accelerate import Accelerator
from accelerate.data_loader import prepare_data_loader
from accelerate.utils import convert_to_fp32, reduce, send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.utils.data import DataLoader

from utils import checkpoint as checkpoints
from utils import diagnosis
from utils.device import DTYPES, Precision, PrecisionChoice, pick_device
from utils.device import precision as choose_precision
from utils.diagnosis import Forward, Loss
from utils.history import History
from utils.progress import Progress, watched

Metric = Callable[[Any, Any], Tensor | float]
T = TypeVar("T")

CHECK_EVERY = 20  # batches between two looks at the losses on a GPU: each look waits for it
SAVE_EVERY = 5.0  # seconds: shorter epochs are not each worth a checkpoint


def last_is_target(model: nn.Module, batch: Any) -> tuple[Any, Any]:
    """Run a batch ``(*inputs, target)``: return the outputs of the model and the target."""
    *inputs, target = batch
    return model(*inputs), target


def accuracy(outputs: Tensor, target: Tensor) -> Tensor:
    """Return the share of targets whose class has the highest score.

    Parameters
    ----------
    outputs : Tensor, shape (N, C, ...)
        Scores, logits or log-probabilities.
    target : Tensor of int, shape (N, ...)
        Class numbers.

    Examples
    --------
    >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1])).item()
    0.5
    """
    return (outputs.argmax(dim=1) == target).float().mean()


def fit(
    model: nn.Module,
    train: DataLoader[Any],
    loss: Loss,
    optimizer: Optimizer,
    *,
    epochs: int,
    validation: DataLoader[Any] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    forward: Forward = last_is_target,
    clip_norm: float | None = None,
    scheduler: LRScheduler | ReduceLROnPlateau | None = None,
    schedule_each: Literal["epoch", "step"] = "epoch",
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    precision: PrecisionChoice = "fp32",
    live_plot: bool = False,
) -> History:
    """Train a model, in place, on the device of :func:`utils.device.pick_device`.

    Ctrl-C (or the stop button) ends the training and keeps what was learnt.

    Parameters
    ----------
    model : nn.Module
        The model; it is moved to the device.
    train : DataLoader
        Gives batches ``(*inputs, target)``, or what ``forward`` understands.
    loss : callable
        From outputs and target to the mean loss of the batch. A mean over tokens that leaves
        out padding is weighted by its tokens when it has ``ignore_index``, as
        ``nn.CrossEntropyLoss(ignore_index=...)``; else batches are weighted by their items.
    optimizer : Optimizer
        Made with the parameters of this model.
    epochs : int
        Passes over ``train``, those of a resumed checkpoint included.
    validation : DataLoader, optional
        Evaluated after each epoch.
    metrics : mapping of str to callable, optional
        Each from outputs and target to a mean over the batch, such as :func:`accuracy`.
    forward : callable, optional
        From model and batch to outputs and target, where they are not the usual ones:
        ``lambda model, batch: (model(batch[0]), batch[0])`` trains an autoencoder.
    clip_norm : float, optional
        Scale gradients down to this norm (Pascanu et al. 2013).
    scheduler : LRScheduler or ReduceLROnPlateau, optional
        Changes the learning rate; the latter looks at the validation loss.
    schedule_each : {"epoch", "step"}, optional
        When the scheduler makes its step.
    patience : int, optional
        Stop after this many epochs without a lower validation loss (training loss without
        validation), and put the weights of the best epoch back.
    checkpoint : path, optional
        A file to go on from. It is written after an epoch, at most every few seconds; if it is
        there, training goes on from it, on a CPU to the very bits of an unbroken run.
    precision : {"fp32", "auto", "bf16", "fp16"}, optional
        See :func:`utils.device.precision`.
    live_plot : bool, optional
        Draw the curves after each epoch, where somebody watches.

    Returns
    -------
    History
        The curves so far.

    Raises
    ------
    TypeError, ValueError
        If data, model, loss and optimizer do not go together, or the checkpoint is damaged or
        of another configuration: before any training, with nothing overwritten.
    RuntimeError
        If the loss becomes NaN or infinite, or a batch does not fit in GPU memory.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> data = DataLoader(torch.utils.data.TensorDataset(x, 3 * x), batch_size=16)
    >>> model = nn.Linear(1, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, data, nn.MSELoss(), optimizer, epochs=2)  # doctest: +SKIP
    """
    _check_settings(epochs, clip_norm, patience, schedule_each)
    diagnosis.check_data(train, "train")
    diagnosis.check_parameters(model, optimizer)
    if validation is not None:
        diagnosis.check_data(validation, "validation")
    metrics = metrics or {}

    device = pick_device()
    chosen = choose_precision(precision, device)
    workplace = Accelerator(cpu=device.type == "cpu", mixed_precision="no")
    batches = _shard(train, workplace, even=True)
    held_out = None if validation is None else _shard(validation, workplace, even=False)
    model.to(device)
    generators = _generators(train, validation)
    with checkpoints.preserved_rng(generators):
        for name, given, loader in (
            ("train", train, batches),
            ("validation", validation, held_out),
        ):
            if given is not None and loader is not None:
                batch = send_to_device(next(iter(loader)), device)
                with _guard_memory(lambda batch=batch: batch), _autocast(chosen, device):
                    outputs = diagnosis.check_batch(model, batch, loss, forward, name)
                diagnosis.check_labels(given, outputs, loss, name)
                del batch, outputs
