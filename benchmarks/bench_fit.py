"""What ``utils.training.fit`` costs a step, beside the bare PyTorch loop.

Two copies of a network are trained on the same batches: the loader gives each batch to a bare
loop and to ``fit``, in turn first and second, and times both. So close together, a change in
the machine's speed meets both alike. One thread, so that waiting for others does not count; the
medians over all steps are compared.
"""

import contextlib
import copy
import io
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.line import Line
from utils.device import pick_device, seed_everything
from utils.training import fit

EPOCHS, STEPS, BATCH = 20, 50, 128
LIMIT = 1.05


class Bare:
    """The loop as everybody writes it, one step at a time."""

    def __init__(self, model: nn.Module, loss: nn.Module) -> None:
        self.device = pick_device()
        self.model, self.loss = model.to(self.device), loss
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        self.total = 0.0

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Train on a batch."""
        inputs, targets = inputs.to(self.device), targets.to(self.device)
        value = self.loss(self.model(inputs), targets)
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        self.total += value.item()


class Turns(DataLoader[Any]):
    """Give each batch to the bare loop, then to whoever iterates; time the loader and both."""

    def __init__(self, bare: Bare, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.bare = bare
        self.seconds: dict[str, list[float]] = {"load": [], "bare": [], "fit": []}

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        start = time.perf_counter()
        for i, batch in enumerate(super().__iter__()):
            loaded = time.perf_counter()
            if i % 2:
                self.bare.step(*batch)
            middle = time.perf_counter()
            yield batch
            back = time.perf_counter()
            if not i % 2:
                self.bare.step(*batch)
            end = time.perf_counter()
            self.seconds["load"].append(loaded - start)
            self.seconds["bare"].append(middle - loaded if i % 2 else end - back)
            self.seconds["fit"].append(back - middle)
            start = time.perf_counter()


def run() -> list[Line]:
    seed_everything(0)
    images, labels = torch.randn(STEPS * BATCH, 784), torch.randint(0, 10, (STEPS * BATCH,))
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    loss = nn.CrossEntropyLoss()
    turns = Turns(Bare(copy.deepcopy(model), loss), TensorDataset(images, labels), BATCH, True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            fit(model, turns, loss, optimizer, epochs=EPOCHS)
    finally:
        torch.set_num_threads(threads)
    load, bare, fitted = (1e6 * statistics.median(times) for times in turns.seconds.values())
    return [
        Line(
            what="fit, a step of a 784-128-10 network in batches of 128, loading included",
            value=load + fitted,
            unit="µs",
            target=f"at most {LIMIT} of the baseline",
            met=load + fitted <= LIMIT * (load + bare),
            baseline_name="bare PyTorch loop",
            baseline=load + bare,
            ratio=(load + bare) / (load + fitted),
        )
    ]
