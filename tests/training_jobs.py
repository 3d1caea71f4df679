"""Small training jobs that the tests run, here or in processes that they kill."""

import random
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from utils import training
from utils.device import seed_everything
from utils.history import History


class Jittered(Dataset[tuple[Tensor, Tensor]]):
    """Points in three classes, moved a little each time with Python's and NumPy's generators."""

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.points = torch.randn(size, 6, generator=generator)
        self.labels = self.points[:, :3].argmax(dim=1)

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.points[i] + 0.01 * random.random() + 0.01 * np.random.rand(), self.labels[i]


def points(size: int = 96) -> TensorDataset:
    data = Jittered(size)
    return TensorDataset(data.points, data.labels)


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2),
                         nn.Linear(16, 3))  # fmt: skip


def job(
    epochs: int, checkpoint: Path | None, workers: int = 0, size: int = 96
) -> tuple[nn.Module, History]:
    """Train with everything that has a state: shuffling, dropout, Adam, schedule, early best."""
    seed_everything(11)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    loader = DataLoader(
        Jittered(size), batch_size=16, shuffle=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    history = training.fit(
        model,
        loader,
        nn.CrossEntropyLoss(),
        optimizer,
        epochs=epochs,
        validation=DataLoader(
            points(40), batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(5)
        ),
        metrics={"accuracy": training.accuracy},
        clip_norm=0.5,
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40),
        patience=1000,
        checkpoint=checkpoint,
    )
    return model, history


def outcome(model: nn.Module, history: History) -> dict[str, object]:
    """Return every number of a finished job, exactly."""
    return {
        "curve": [{name: value.hex() for name, value in row.items()} for row in history.epochs],
        "steps": [value.hex() for value in history.step_losses],
        "weights": {name: value.tolist() for name, value in model.state_dict().items()},
    }


if __name__ == "__main__":  # python -m tests.training_jobs EPOCHS CHECKPOINT
    torch.set_num_threads(1)
    training.SAVE_EVERY = 0.0
    job(int(sys.argv[1]), Path(sys.argv[2]))
