"""What ``utils.training.fit`` costs a step, beside the bare PyTorch loop.

Both train the same network on the same data in the same process, one epoch each in turn, so
that a change in the machine's speed meets both; the fastest epoch of each counts, which is the
one that other processes disturbed least.
"""

import contextlib
import io
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.line import Line
from utils.device import seed_everything
from utils.training import fit

ROUNDS = 150
ITEMS, BATCH = 2_560, 128  # 20 steps an epoch, short enough to be undisturbed now and then
LIMIT = 1.05


def run() -> list[Line]:
    seed_everything(0)
    images, labels = torch.randn(ITEMS, 784), torch.randint(0, 10, (ITEMS,))
    loader = DataLoader(TensorDataset(images, labels), batch_size=BATCH, shuffle=True)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = nn.CrossEntropyLoss()

    def bare() -> float:
        start = time.perf_counter()
        model.train()
        total = 0.0
        for inputs, targets in loader:
            value = loss(model(inputs), targets)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item()
        return time.perf_counter() - start

    def ours() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return fit(model, loader, loss, optimizer, epochs=1).seconds[0]

    rounds = [(bare(), ours()) for _ in range(ROUNDS)]
    loop, fitted = (1e6 * min(times) / len(loader) for times in zip(*rounds, strict=True))
    return [
        Line(
            what="fit, a step of a 784-128-10 network in batches of 128",
            value=fitted,
            unit="µs",
            target=f"at most {LIMIT} of the baseline",
            met=fitted <= LIMIT * loop,
            baseline_name="bare PyTorch loop",
            baseline=loop,
            ratio=loop / fitted,
        )
    ]
