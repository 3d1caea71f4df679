"""Steps of several batches, averaged weights, callbacks and compiled models, through ``fit``."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from tests.training_jobs import network, points
from utils import descent
from utils.training import fit

PADDING = 0


class _Words(nn.Module):
    """Says the next word of each word; nothing in it looks across a batch."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Embedding(9, 8), nn.Tanh(), nn.Linear(8, 9))

    def forward(self, ids):
        return self.layers(ids).mT


def _texts(count):
    """Return ids (N, 6) and targets, of which every text has another number of padding."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(1, 9, (count, 6), generator=generator)
    targets = ids.roll(1, dims=1)
    for i, row in enumerate(targets):
        row[6 - i % 5 :] = PADDING
    return TensorDataset(ids, targets)


def _trained(size, *, clip_norm=None, count=22, **settings):
    torch.manual_seed(0)
    model = _Words()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    loss = nn.CrossEntropyLoss(ignore_index=PADDING)
    loader = DataLoader(_texts(count), batch_size=size)
    fit(model, loader, loss, optimizer, clip_norm=clip_norm, **{"epochs": 2} | settings)
    return [parameter.detach().cpu() for parameter in model.parameters()]


@pytest.mark.slow
@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("count", [24, 22, 17])  # full groups, a short batch, a short group
def test_batches_that_make_a_step_together_are_one_large_batch(clip_norm, count):
    large = _trained(8, clip_norm=clip_norm, count=count)
    several = _trained(2, clip_norm=clip_norm, count=count, accumulate=4)
    for one, other in zip(large, several, strict=True):
        torch.testing.assert_close(one, other)


def test_a_schedule_of_steps_counts_those_of_the_optimizer():
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 / (1 + done))
    loader = DataLoader(points(96), batch_size=8)  # 12 batches: 5, 5 and 2
    fit(model, loader, nn.CrossEntropyLoss(), optimizer, epochs=2, accumulate=5,
        scheduler=schedule, schedule_each="step")  # fmt: skip
    assert schedule.last_epoch == 6


def test_no_batch_makes_no_step():
    with pytest.raises(ValueError, match="accumulate"):
        _trained(8, accumulate=0)


def _averaged(epochs, *, each, seen=None, checkpoint=None):
    """Return a model that was averaged in training; ``seen`` gets its weights at every epoch."""
    torch.manual_seed(0)
    model = network()
    averaged = AveragedModel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    fit(
        model,
        DataLoader(points(), batch_size=16, generator=torch.Generator().manual_seed(1)),
        nn.CrossEntropyLoss(),
        optimizer,
        epochs=epochs,
        averaged=averaged,
        average_each=each,
        checkpoint=checkpoint,
        callbacks=[lambda _: seen is not None and seen.append(copy.deepcopy(model))],
    )
    return averaged


def test_the_weights_of_every_epoch_are_averaged():
    seen = []
    averaged = _averaged(4, each="epoch", seen=seen)
    assert len(seen) == 4
    for mean, *all_of_them in zip(
        averaged.module.parameters(), *(model.parameters() for model in seen), strict=True
    ):
        torch.testing.assert_close(mean, torch.stack(all_of_them).mean(dim=0))


def test_the_weights_of_every_step_are_averaged(monkeypatch):
    seen = []
    model = network()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    update = averaged.update_parameters
    monkeypatch.setattr(averaged, "update_parameters", lambda m: (seen.append(m), update(m)))
    loader = DataLoader(points(96), batch_size=16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, loader, nn.CrossEntropyLoss(), optimizer, epochs=2, averaged=averaged)
    assert seen == [model] * 12
    assert not torch.equal(averaged.module[0].weight, model[0].weight)


def test_an_average_goes_on_where_the_checkpoint_left_it(on_a_cpu, tmp_path):
    unbroken = _averaged(3, each="step")
    file = tmp_path / "run.pt"
    _averaged(1, each="step", checkpoint=file)
    resumed = _averaged(3, each="step", checkpoint=file)
    for one, other in zip(unbroken.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_callback_gets_the_curves_after_every_epoch():
    lengths = []
    _trained(8, epochs=3, callbacks=[lambda history: lengths.append(len(history["loss"]))])
    assert lengths == [1, 2, 3]


@pytest.mark.heavy  # the compiler takes half a minute
@pytest.mark.kernels
@pytest.mark.filterwarnings("ignore")  # of the compiler's own deprecated calls
def test_a_compiled_model_learns_the_same(capsys):
    as_it_is, compiled = (_trained(8, compile=compile) for compile in (False, True))
    for one, other in zip(as_it_is, compiled, strict=True):
        torch.testing.assert_close(one, other)
    assert "torch.compile" not in capsys.readouterr().out


def test_a_model_that_cannot_be_compiled_runs_as_it_is(monkeypatch, capsys):
    def no_compiler(model):
        raise RuntimeError("g++ was not found\nand more")

    as_it_is = _trained(8)
    monkeypatch.setattr(descent.torch, "compile", no_compiler)
    for one, other in zip(as_it_is, _trained(8, compile=True), strict=True):
        torch.testing.assert_close(one, other)
    said = capsys.readouterr().out
    assert (
        "torch.compile does not work here, so the model runs as it is: g++ was not found\n" in said
    )
