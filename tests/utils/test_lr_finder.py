"""utils.lr_finder: the range test finds a rate that trains, and leaves everything as it was."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.training_jobs import network, points
from utils.device import seed_everything
from utils.lr_finder import SMOOTHING, range_test, smooth, suggest
from utils.training import fit

CROSS_ENTROPY = nn.CrossEntropyLoss()


def _quadratic(curvature):
    """A linear model whose loss has this largest curvature: SGD explodes above 2 / curvature."""
    x = torch.linspace(-1, 1, 64)[:, None]
    x = x * (curvature / 2 / (x**2).mean()).sqrt()
    seed_everything(0)
    model = nn.Linear(1, 1, bias=False)
    loader = DataLoader(TensorDataset(x, 3 * x), batch_size=64)
    return model, loader, torch.optim.SGD(model.parameters(), lr=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("curvature", [0.5, 20.0, 1000.0])
def test_the_suggestion_follows_the_curvature(curvature):
    model, loader, optimizer = _quadratic(curvature)
    found = range_test(model, loader, nn.MSELoss(), optimizer, lowest=1e-7, highest=1e3)
    limit = 2 / curvature
    assert limit / 200 < found.suggestion < limit
    assert found.rates[-1] > limit  # it went on until the loss exploded
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 100


def test_the_suggestion_trains():
    seed_everything(0)
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    loader = DataLoader(points(), batch_size=16, shuffle=True)
    rate = range_test(model, loader, CROSS_ENTROPY, optimizer).suggestion
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    history = fit(model, loader, CROSS_ENTROPY, optimizer, epochs=10)
    assert history["loss"][-1] < history["loss"][0] / 2


def test_everything_is_as_before():
    seed_everything(0)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = DataLoader(points(), batch_size=16, shuffle=True)
    fit(model, loader, CROSS_ENTROPY, optimizer, epochs=1)
    model.eval()

    def state():
        moments = [value for s in optimizer.state_dict()["state"].values() for value in s.values()]
        return [*model.state_dict().values(), *moments, torch.get_rng_state()]

    before = [value.clone() for value in state()]
    range_test(model, loader, CROSS_ENTROPY, optimizer, batches=30)
    assert all(torch.equal(a, b) for a, b in zip(before, state(), strict=True))
    assert optimizer.param_groups[0]["lr"] == 0.01
    assert not model.training
    assert all(p.grad is None for p in model.parameters())


def test_smoothing_is_scipys_and_keeps_a_straight_line():
    losses = np.random.default_rng(0).normal(2.0, 0.1, 50).tolist()
    np.testing.assert_allclose(
        smooth(losses), gaussian_filter1d(losses, SMOOTHING, mode="nearest"), atol=0.02
    )
    line = np.linspace(3, 1, 60)
    np.testing.assert_allclose(smooth(line.tolist())[20:40], line[20:40], atol=1e-6)


def test_smoothing_does_not_let_the_explosion_reach_back():
    losses = [2.0] * 20 + [1.0] * 20
    assert smooth([*losses, 1e9])[-10] < 2.0


def test_suggest_takes_the_steepest_fall():
    rates = np.geomspace(1e-5, 1, 101)
    falling = 1 / (1 + (rates / 1e-3) ** 2)  # steepest over the logarithm at 1e-3
    rising = np.where(rates > 0.1, 50 * rates, 0)
    assert suggest(rates.tolist(), (falling + rising).tolist()) == pytest.approx(1e-3, rel=0.2)


def test_a_loss_that_never_falls():
    model, loader, optimizer = _quadratic(10.0)
    with pytest.raises(ValueError, match="the loss falls nowhere"):
        range_test(model, loader, nn.MSELoss(), optimizer, lowest=5.0, highest=100.0)
    with pytest.raises(ValueError, match="0 < lowest < highest"):
        range_test(model, loader, nn.MSELoss(), optimizer, lowest=1.0, highest=0.1)


def test_with_clipping_higher_rates_do():
    model, loader, optimizer = _quadratic(10.0)
    free = range_test(model, loader, nn.MSELoss(), optimizer)
    clipped = range_test(model, loader, nn.MSELoss(), optimizer, clip_norm=0.1)
    assert clipped.suggestion > free.suggestion


def test_it_runs_in_the_precision_of_the_training(on_a_cpu):
    model, loader, optimizer = _quadratic(10.0)
    coarse = range_test(model, loader, nn.MSELoss(), optimizer, precision="bf16")
    fine = range_test(model, loader, nn.MSELoss(), optimizer)
    assert coarse.losses != fine.losses
    assert coarse.suggestion == pytest.approx(fine.suggestion, rel=0.5)
    with pytest.raises(ValueError, match="'fp16' needs a CUDA GPU"):
        range_test(model, loader, nn.MSELoss(), optimizer, precision="fp16")


def test_the_plot_shows_losses_and_suggestion():
    model, loader, optimizer = _quadratic(10.0)
    found = range_test(model, loader, nn.MSELoss(), optimizer)
    ax = found.plot()
    assert ax.get_xscale() == "log"
    batch, smoothed, line = ax.get_lines()
    np.testing.assert_array_equal(batch.get_xdata(), found.rates)
    np.testing.assert_array_equal(smoothed.get_ydata(), found.smoothed)
    assert line.get_xdata()[0] == found.suggestion
    plt.close("all")
