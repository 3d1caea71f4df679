"""The training loop: ``fit`` and ``evaluate``.

It is the loop that a lab writes by hand once, with what makes it bearable day to day: the
device and the precision, validation, early stopping, a checkpoint to go on from, a bar, and
errors that say what to do. Under ``accelerate launch`` the same call trains on several GPUs or
processes, each batch split among them, so that the curve is that of one process.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from utils import checkpoint as checkpoints
from utils import diagnosis, processes
from utils.descent import Descent, compiled
from utils.device import pick_device
from utils.diagnosis import Forward, Loss
from utils.history import History
from utils.language import sentence
from utils.precision import Precision, PrecisionChoice, in_precision
from utils.precision import choose as choose_precision
from utils.progress import Progress, in_notebook, watched
from utils.recording import RecordedStep, own_stream, recordable, unrecorded_state

Metric = Callable[[Any, Any], Tensor | float]
Scheduler = LRScheduler | ReduceLROnPlateau

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
    scheduler: Scheduler | None = None,
    schedule_each: Literal["epoch", "step"] = "epoch",
    accumulate: int = 1,
    averaged: AveragedModel | None = None,
    average_each: Literal["epoch", "step"] = "step",
    callbacks: Sequence[Callable[[History], object]] = (),
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    precision: PrecisionChoice = "fp32",
    cuda_graphs: bool = False,
    compile: bool = False,
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
        From outputs and target to the mean loss of the batch. A mean that leaves out padding,
        ``nn.CrossEntropyLoss(ignore_index=padding)``, is weighted by the tokens of the batch in
        the mean of the epoch; any other one by its items. It gets its outputs in fp32, unless it
        says ``any_precision = True``.
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
    accumulate : int, optional
        Batches that make one step together, where as many items do not fit in memory at once.
        The step is that of one large batch, but for layers that look across a batch.
    averaged : AveragedModel, optional
        Of ``torch.optim.swa_utils``, made with this model: it follows the weights, and a
        checkpoint holds it, too. The model itself is what is validated.
    average_each : {"epoch", "step"}, optional
        When it takes the weights in.
    callbacks : sequence of callable, optional
        Each gets the curves so far after every epoch.
    patience : int, optional
        Stop after this many epochs without a lower validation loss (training loss without
        validation), and put the weights of the best epoch back.
    checkpoint : path, optional
        A file to go on from. It is written after an epoch, at most every few seconds; if it is
        there, training goes on from it, on a CPU to the very bits of an unbroken run. The
        workers of the loaders start anew each epoch, persistent or not.
    precision : {"fp32", "auto", "bf16", "fp16"}, optional
        See :func:`utils.precision.choose`.
    cuda_graphs : bool, optional
        On a CUDA GPU, record the step of each shape of batch and play it back: many times faster
        where the model is small. For a model that does the same in Python for every batch of a
        shape, an optimizer that has ``capturable`` (Adam and its relatives), and batches of few
        shapes. A step that cannot be recorded runs as ever, and a line says why. Steps of several
        batches are not recorded.
    compile : bool, optional
        Let ``torch.compile`` make the model faster. That takes up to minutes, so it pays in long
        trainings of large models. Where it does not work, a line says why.
    live_plot : bool, optional
        Draw the curves after each epoch, in a notebook that somebody watches.

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
    _check_settings(epochs=epochs, patience=patience, clip_norm=clip_norm, accumulate=accumulate)
    named = {"train": train} if validation is None else {"train": train, "validation": validation}
    for name, loader in named.items():
        diagnosis.check_data(loader, name)
    diagnosis.check_parameters(model, optimizer)

    device = pick_device()
    workplace = Accelerator(cpu=device.type == "cpu")
    one_by_one = accumulate == 1 and workplace.num_processes == 1
    run = _Run(
        model=model.to(device),
        optimizer=optimizer,
        scheduler=scheduler,
        averaged=None if averaged is None else averaged.to(device),
        loss=loss,
        metrics=dict(metrics or {}),
        forward=forward,
        device=device,
        workplace=workplace,
        clip_norm=clip_norm,
        accumulate=accumulate,
        schedule_each=schedule_each,
        average_each=average_each,
        cuda_graphs=cuda_graphs and device.type == "cuda" and one_by_one,
        sampler=train.batch_sampler,
    )
    shares = {name: processes.share(loader, name, workplace) for name, loader in named.items()}
    generators = _generators(named.values())
    with checkpoints.preserved_rng(generators), run.explained():
        for name, loader in named.items():
            run.batch = _move(next(iter(shares[name])), device)
            outputs = diagnosis.check_batch(model, run.batch, loss, forward, name)
            diagnosis.check_labels(loader, outputs, loss, name)
            if name == "train":
                run.work_in(precision)
            del outputs

    path = None if checkpoint is None else _usable(Path(checkpoint))
    configuration = run.configuration() | {
        "best_weights": patience is not None,
        "processes": workplace.num_processes,
        "data": {name: _size(loader) for name, loader in named.items()},
    }
    if path is not None and path.exists():
        run.restore(checkpoints.load(path, configuration), generators)
    history = run.history
    progress = Progress(
        epochs=epochs,
        steps=diagnosis.count_batches(shares["train"]),
        done=len(history),
        silent=not workplace.is_main_process,
    )
    if len(history):
        progress.say(sentence("training.resumed", path=path, done=len(history), epochs=epochs))

    live = live_plot and workplace.is_main_process and in_notebook() and watched()
    called = compiled(model, run.trial_loss, progress.say) if compile else model
    trained, saved = processes.wrap(called, workplace), time.monotonic()
    try:
        with run.recording(trained):
            while len(history) < epochs and not _is_stale(history, patience):
                started, rate = time.monotonic(), run.rate
                if path is not None:
                    _renew_workers(named.values())
                with run.explained():
                    row, items = run.train_epoch(trained, shares["train"], progress)
                    if validation is not None:
                        row |= run.validate(shares["validation"])
                seconds = time.monotonic() - started
                history.add(row | {"lr": rate}, seconds)
                if patience is not None and history.best_epoch == len(history):
                    run.best = copy.deepcopy(model.state_dict())
                run.after("epoch")
                progress.epoch(len(history), row, items / seconds)
                last = len(history) >= epochs or _is_stale(history, patience)
                if path is not None and (last or time.monotonic() - saved >= SAVE_EVERY):
                    if workplace.is_main_process:
                        _save(path, run.state(generators), configuration, progress)
                    saved = time.monotonic()
                if live:
                    history.refresh()
                for callback in callbacks:
                    callback(history)
    except KeyboardInterrupt:
        history.stopped = sentence("training.by_hand", epoch=len(history) + 1, step=run.step)
        progress.say(sentence("training.kept", stopped=history.stopped.capitalize()))
    finally:
        progress.close()
    if _is_stale(history, patience) and len(history) < epochs:
        history.stopped = sentence("training.no_better", name=history.watched, count=patience)
        progress.say(sentence("training.early", stopped=history.stopped))
    if run.best is not None:
        model.load_state_dict(run.best)
        progress.say(sentence("training.best", epoch=history.best_epoch))
    return history


def evaluate(
    model: nn.Module,
    data: DataLoader[Any],
    loss: Loss,
    *,
    metrics: Mapping[str, Metric] | None = None,
    forward: Forward = last_is_target,
    precision: PrecisionChoice = "fp32",
) -> dict[str, float]:
    """Return the mean loss and metrics of a model over a data set.

    The model runs in evaluation mode and without gradients, on the device where it is; it
    returns to the mode it was in.

    Parameters
    ----------
    model : nn.Module
        The model.
    data, loss, metrics, forward, precision
        As in :func:`fit`.

    Returns
    -------
    dict of str to float
        ``loss`` and the metrics.

    Raises
    ------
    TypeError, ValueError
        If ``data`` is no loader or is empty.
    """
    diagnosis.check_data(data, "data")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def step(name: Precision) -> None:
        with checkpoints.preserved_rng(_generators([data])):
            first = [next(iter(data))]
        _evaluate(model, first, loss, {}, in_precision(forward, loss, name, device), device)

    chosen = choose_precision(precision, device, step, f"evaluating {_named(model)}")
    lowered = in_precision(forward, loss, chosen, device)
    return _evaluate(model, data, loss, metrics or {}, lowered, device).result()


@dataclass
class _Run:
    """What a training run is made of, and what of it changes as it goes."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: Scheduler | None
    averaged: AveragedModel | None
    loss: Loss
    metrics: dict[str, Metric]
    forward: Forward
    device: torch.device
    workplace: Accelerator
    clip_norm: float | None
    accumulate: int
    schedule_each: str
    average_each: str
    cuda_graphs: bool
    sampler: Any  # of the batches, for the messages
    history: History = field(default_factory=History)
    best: dict[str, Any] | None = None
    batch: Any = None  # the one at work, for the messages
    step: int = 0
    recorded: RecordedStep | None = None
    descent: Descent = field(init=False)

    def __post_init__(self) -> None:
        self.descent = self._descent(scaled=False)

    @property
    def rate(self) -> float:
        """The learning rate of the first parameter group."""
        return float(self.optimizer.param_groups[0]["lr"])

    def train_epoch(
        self, trained: nn.Module, batches: Iterable[Any], progress: Progress
    ) -> tuple[dict[str, float], int]:
        """Train for one epoch; return its row and the number of items seen."""
        means = Means(self.loss, self.metrics)
        check_every = 1 if self.device.type == "cpu" else CHECK_EVERY
        self.model.train()
        for self.step, raw in enumerate(batches, start=1):
            value = None
            if self.recorded is not None:
                self.batch = raw
                means.keep(self.recorded(raw).unbind())
            else:
                self.batch = _move(raw, self.device)
                outputs, target = self.forward(trained, self.batch)
                value = self.loss(outputs, target)
                row = means.row(value, outputs, target)
                means.keep(row)
            if self.step % check_every == 0:
                self._look(means, progress)
            if value is None or self.descent.add(
                *processes.balanced(value, row[1], self.workplace)
            ):
                self.after("step")
        self._look(means, progress)
        if self.descent.finish():
            self.after("step")
        if self.recorded is not None and self.recorded.problem:
            progress.say(sentence("training.not_recorded", reason=self.recorded.problem))
            self.recorded = None
        return means.result(self.workplace), means.items * self.workplace.num_processes

    def work_in(self, precision: PrecisionChoice) -> None:
        """Work in a precision; which one is fastest is measured on the batch in hand."""
        trials: dict[Precision, Callable[[Any], Tensor]] = {}

        def step(name: Precision) -> None:
            if name not in trials:
                trials[name] = self._trial(name)
            trials[name](self.batch)

        with own_stream(self.device):
            what = f"training {_named(self.model)}"
            chosen = choose_precision(precision, self.device, step, what)
        self.forward = in_precision(self.forward, self.loss, chosen, self.device)
        self.descent = self._descent(scaled=chosen == "fp16")
        self.history.precision = chosen

    def _descent(self, *, scaled: bool) -> Descent:
        scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        return Descent(self.model, self.optimizer, scaler, self.clip_norm, self.accumulate)

    def trial_loss(self, model: nn.Module) -> Tensor:
        """Return the loss of a model on the batch in hand."""
        return self.loss(*self.forward(model, self.batch))

    def _trial(self, name: Precision) -> Callable[[Any], Tensor]:
        """Return a training step, in a precision, that leaves the model as it is."""
        model = copy.deepcopy(self.model).train()
        forward = in_precision(self.forward, self.loss, name, self.device)

        def step(batch: Any) -> Tensor:
            model.zero_grad()
            value = self.loss(*forward(model, batch))
            value.backward()
            return value.detach()

        return RecordedStep(step, self.device) if self.cuda_graphs else step

    @contextmanager
    def recording(self, trained: nn.Module) -> Iterator[None]:
        """Record the steps of the block, where that is wanted and this machine can."""
        if not self.cuda_graphs:
            yield
            return

        def step(batch: Any) -> Tensor:
            outputs, target = self.forward(trained, batch)
            value = self.loss(outputs, target)
            row = Means(self.loss, self.metrics).row(value, outputs, target)
            self.descent.add(value)
            return torch.stack(
                [one if isinstance(one, Tensor) else value.new_full((), one) for one in row]
            ).float()

        with own_stream(self.device), recordable(self.optimizer, self.device) as can:
            if self.descent.scaler.is_enabled():  # other optimizers read whether to make a step
                can = can and bool(self.optimizer.defaults.get("fused"))
            self.recorded = RecordedStep(step, self.device) if can else None
            yield
        self.recorded = None

    def _look(self, means: "Means", progress: Progress) -> None:
        """Read the losses since the last look; a GPU is waited for only here."""
        losses, epoch = means.take(), len(self.history) + 1
        for i, value in enumerate(losses):
            if not math.isfinite(value):
                raise diagnosis.diverged(
                    self.model,
                    _move(self.batch, self.device),
                    self.forward,
                    value=value,
                    step=self.step - len(losses) + 1 + i,
                    epoch=epoch,
                    rate=self.rate,
                )
            progress.step(epoch, value)
        self.history.step_losses += losses

    def validate(self, batches: Iterable[Any]) -> dict[str, float]:
        """Return the validation part of a row."""
        row = _evaluate(
            self.model, batches, self.loss, self.metrics, self.forward, self.device
        ).result(self.workplace)
        if not math.isfinite(row["loss"]):
            epoch = len(self.history) + 1
            raise RuntimeError(sentence("diverged.validation", value=row["loss"], epoch=epoch))
        return {f"val_{name}": value for name, value in row.items()}

    def after(self, what: Literal["epoch", "step"]) -> None:
        """Change the learning rate, and take the weights into the average, if it is time to."""
        if self.averaged is not None and self.average_each == what:
            self.averaged.update_parameters(self.model)
        if self.schedule_each != what:
            return
        if isinstance(self.scheduler, ReduceLROnPlateau):
            self.scheduler.step(self.history[self.history.watched][-1])
        elif self.scheduler is not None:
            self.scheduler.step()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say what to do where a batch does not fit in GPU memory, or the GPU stopped at it."""
        try:
            yield
        except torch.OutOfMemoryError:
            raise diagnosis.out_of_memory(self.batch, self.sampler) from None
        except RuntimeError as error:
            if diagnosis.stopped_the_gpu(error):
                raise RuntimeError(sentence("model.gpu_stopped")) from error
            raise

    def configuration(self) -> dict[str, Any]:
        """Return what must be the same for a checkpoint to fit, before the first step."""
        named = {"optimizer": self.optimizer.defaults}
        if self.scheduler is not None:
            named["scheduler"] = self.scheduler.state_dict()
        return {
            "model": {
                name: list(value.shape)
                for name, value in self.model.state_dict().items()
                if isinstance(value, Tensor)
            },
            **{
                kind: {"type": type(getattr(self, kind)).__name__, **checkpoints.settings(values)}
                for kind, values in named.items()
            },
            "loss": getattr(self.loss, "__name__", type(self.loss).__name__),
            "metrics": list(self.metrics),
            "schedule_each": self.schedule_each,
            "clip_norm": self.clip_norm,
            **({} if self.accumulate == 1 else {"accumulate": self.accumulate}),
            **({} if self.averaged is None else {"average_each": self.average_each}),
        }

    def state(self, generators: list[torch.Generator]) -> dict[str, Any]:
        """Return what a checkpoint must hold to go on exactly here."""
        return {
            "model": self.model.state_dict(),
            "optimizer": unrecorded_state(self.optimizer),
            "scheduler": self.scheduler and self.scheduler.state_dict(),
            "averaged": self.averaged and self.averaged.state_dict(),
            "scaler": self.descent.scaler.state_dict(),
            "best": self.best,
            "history": self.history.state(),
            "rng": checkpoints.rng_state(generators),
        }

    def restore(self, state: dict[str, Any], generators: list[torch.Generator]) -> None:
        """Go back to where :meth:`state` was taken."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        if state["scaler"]:  # empty where the run was not in fp16: another GPU may be
            self.descent.scaler.load_state_dict(state["scaler"])
        self.best = state["best"]
        now = {"stopped": "", "precision": self.history.precision}
        self.history = History(**state["history"] | now)
        checkpoints.set_rng_state(state["rng"], generators)


class Means:
    """Means of a loss and of metrics over batches, each weighted by its items.

    The values stay on the device until :meth:`take` asks for them.

    Parameters
    ----------
    loss : callable
        One with an ``ignore_index`` that can be an id, 0 or above, is weighted by the targets
        that are not ignored.
    metrics : mapping of str to callable
        The metrics.
    """

    def __init__(self, loss: Loss, metrics: Mapping[str, Metric]) -> None:
        self.metrics = metrics
        self.items = 0
        self._ignored: int = getattr(loss, "ignore_index", -1)
        self._pending: list[Sequence[Tensor | float]] = []
        self._weight = 0.0
        self._sums = [0.0] * (1 + len(metrics))  # of the loss, then of the metrics

    def add(self, value: Tensor, outputs: Any, target: Any) -> None:
        """Add the loss of a batch, and the metrics of its outputs."""
        self.keep(self.row(value, outputs, target))

    def row(self, value: Tensor, outputs: Any, target: Any) -> list[Tensor | float]:
        """Return what there is to know of a batch: its items, its weight, the loss, the metrics."""
        count = len(diagnosis.tensors(target)[0])
        row: list[Tensor | float] = [count, count, value.detach()]
        if self._ignored >= 0 and not target.is_floating_point():
            row[1] = (target != self._ignored).count_nonzero()
        if self.metrics:
            with torch.no_grad():
                row += [metric(outputs, target) for metric in self.metrics.values()]
        return row

    def keep(self, row: Sequence[Tensor | float]) -> None:
        """Add the row of a batch."""
        self._pending.append(row)

    def take(self) -> list[float]:
        """Return the losses of the batches added since the last time."""
        rows = _numbers(self._pending)
        self._pending.clear()
        for items, weight, *values in rows:
            self.items += int(items)
            self._weight += weight
            for i, value in enumerate(values):
                self._sums[i] += weight * value
        return [row[2] for row in rows]

    def result(self, workplace: Accelerator | None = None) -> dict[str, float]:
        """Return the means by their names, over all processes of a workplace if one is given."""
        self.take()
        weight, sums = self._weight, self._sums
        if workplace is not None and workplace.num_processes > 1:
            everything = torch.tensor([weight, *sums], dtype=torch.float64, device=workplace.device)
            weight, *sums = workplace.reduce(everything, "sum").tolist()
        names = ["loss", *self.metrics]
        return {name: total / weight for name, total in zip(names, sums, strict=True)}


@torch.no_grad()
def _evaluate(
    model: nn.Module,
    batches: Iterable[Any],
    loss: Loss,
    metrics: Mapping[str, Metric],
    forward: Forward,
    device: torch.device,
) -> Means:
    means, training = Means(loss, metrics), model.training
    model.eval()
    try:
        for raw in batches:
            outputs, target = forward(model, _move(raw, device))
            means.add(loss(outputs, target), outputs, target)
    finally:
        model.train(training)
    return means


def _numbers(rows: Iterable[Sequence[Tensor | float]]) -> list[list[float]]:
    """Read rows of numbers, those on a GPU all at once: it is waited for each time."""
    rows = list(rows)
    there = [one for row in rows for one in row if isinstance(one, Tensor) and not one.is_cpu]
    read = iter(torch.stack([one.float() for one in there]).tolist() if there else ())
    return [
        [next(read) if isinstance(one, Tensor) and not one.is_cpu else float(one) for one in row]
        for row in rows
    ]


def _named(model: nn.Module) -> str:
    """Name a model for the measurements that are kept."""
    size = sum(parameter.numel() for parameter in model.parameters())
    return f"{type(model).__name__} of {size} parameters"


def _move(batch: Any, device: torch.device) -> Any:
    """Send a batch to a GPU without waiting for it; a loader leaves it where a CPU needs it."""
    return batch if device.type == "cpu" else send_to_device(batch, device, non_blocking=True)


def _check_settings(**settings: float | None) -> None:
    for name, value in settings.items():
        if value is not None and not value > 0:
            raise ValueError(sentence("settings.positive", name=name, value=value))


def _generators(loaders: Iterable[DataLoader[Any]]) -> list[torch.Generator]:
    """Return the random number generators that shuffle these loaders, each once."""
    found = [
        getattr(holder, "generator", None)
        for loader in loaders
        for holder in (loader, loader.sampler, loader.batch_sampler)
    ]
    return list({id(g): g for g in found if g is not None}.values())


def _renew_workers(loaders: Iterable[DataLoader[Any]]) -> None:
    """Let persistent workers end: what they drew at random no checkpoint can hold."""
    for loader in loaders:
        loader._iterator = None


def _size(data: DataLoader[Any]) -> dict[str, int | None]:
    return {"items": diagnosis.count_items(data), "batches": diagnosis.count_batches(data)}


def _is_stale(history: History, patience: int | None) -> bool:
    best = history.best_epoch
    return patience is not None and best is not None and len(history) - best >= patience


def _usable(path: Path) -> Path:
    """Return the path of a checkpoint; complain now, not after the first epoch."""
    if path.is_dir():
        raise ValueError(sentence("checkpoint.folder", path=path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            sentence("checkpoint.no_folder", path=path, reason=error.strerror)
        ) from error
    return path


def _save(
    path: Path, state: dict[str, Any], configuration: dict[str, Any], progress: Progress
) -> None:
    """Write a checkpoint; a full disk costs the checkpoint, not the training."""
    try:
        checkpoints.save(path, state, configuration)
    except OSError as error:
        progress.say(sentence("checkpoint.not_written", path=path, reason=error))
