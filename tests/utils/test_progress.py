"""utils.progress and utils.history: a bar where somebody watches, plain lines elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from utils.history import History
from utils.hosts import HOSTS
from utils.progress import LINES, Progress, watched

ROOT = Path(__file__).resolve().parents[2]
TRAINING = """
import torch
from tests.training_jobs import network, points
from torch.utils.data import DataLoader
from utils.training import fit
model = network()
history = fit(
    model, DataLoader(points(), batch_size=16), torch.nn.CrossEntropyLoss(),
    torch.optim.SGD(model.parameters(), lr=0.1), epochs=3, live_plot=True,
)
"""


@pytest.fixture
def unwatched(monkeypatch):
    _unwatched(monkeypatch)


def _unwatched(environment):
    for name in ("DL_MODE", *(host.variable for host in HOSTS)):
        environment.delenv(name, raising=False)


@pytest.fixture(scope="module")
def cells():
    """A notebook's cells that train: one that nobody watches, and one in a notebook editor."""
    watched = f"import os; os.environ['JPY_SESSION_NAME'] = 'lab.ipynb'\n{TRAINING}"
    cells = [nbformat.v4.new_code_cell(source) for source in (TRAINING, watched)]
    with pytest.MonkeyPatch.context() as environment:
        _unwatched(environment)
        notebook = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(notebook, resources={"metadata": {"path": str(ROOT)}}).execute()
    return cells


def _types(outputs):
    return {kind for output in outputs for kind in output.get("data", {})}


@pytest.mark.kernels
def test_a_headless_notebook_has_plain_lines_and_no_widgets(cells):
    outputs = cells[0].outputs
    assert not _types(outputs)
    assert {output["name"] for output in outputs} == {"stdout"}
    text = "".join(output["text"] for output in outputs)
    assert [line[:9] for line in text.splitlines()[1:]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "\r" not in text
    assert "items/s" in text and "s left" in text and "loss" in text


@pytest.mark.kernels
def test_a_watched_notebook_has_a_bar_and_one_plot(cells):
    outputs = cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in _types(outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1


def test_a_grading_run_is_never_watched(unwatched, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert watched()
    monkeypatch.setenv("DL_MODE", "grading")
    assert not watched()


def test_a_version_that_kaggle_saves_is_not_watched(unwatched, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert watched()
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    assert not watched()


@pytest.mark.slow
def test_a_terminal_has_a_bar(unwatched):
    code = f"import sys; sys.stderr.isatty = lambda: True\n{TRAINING}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "18/18" in done.stderr and "batch/s" in done.stderr
    assert done.stdout.startswith("Device: ")
    assert done.stdout.count("\n") == 1


def test_a_long_run_prints_few_lines(unwatched, capsys):
    progress = Progress(epochs=1000, steps=2, done=0, silent=False)
    for epoch in range(1, 1001):
        progress.step(epoch, 0.5)
        progress.epoch(epoch, {"loss": 0.5, "lr": 0.1}, rate=10.0)
    progress.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1/1000  loss 0.5  10 items/s")
    assert lines[-1].startswith("epoch 1000/1000")
    assert LINES <= len(lines) <= LINES + 2


def test_other_processes_are_silent(unwatched, capsys):
    progress = Progress(epochs=1, steps=1, done=0, silent=True)
    progress.epoch(1, {"loss": 0.5}, rate=1.0)
    progress.say("hello")
    assert capsys.readouterr().out == ""


@pytest.fixture
def history():
    rows = [(0.9, 0.5, 1.0, 0.4), (0.6, 0.7, 0.8, 0.6), (0.4, 0.9, 0.9, 0.5)]
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    history = History()
    for row in rows:
        history.add(dict(zip(names, row, strict=True)) | {"lr": 0.1}, seconds=1.0)
    return history


def test_history_curves(history):
    assert history["val_accuracy"] == [0.4, 0.6, 0.5]
    assert history.best_epoch == 2
    assert history.watched == "val_loss"
    with pytest.raises(KeyError, match="no curve 'bleu'; expected one of"):
        history["bleu"]


def test_history_comes_back_from_its_state(history):
    assert History(**history.state()) == history


def test_history_plots_each_metric_with_its_validation(history):
    figure = history.plot()
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy"]
    for ax, names in zip(
        figure.axes, (("loss", "val_loss"), ("accuracy", "val_accuracy")), strict=True
    ):
        for line, name in zip(ax.get_lines(), names, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), history[name])
    plt.close(figure)


def test_an_empty_history_has_no_plot():
    assert History().best_epoch is None
    with pytest.raises(ValueError, match="no epoch was finished"):
        History().plot()


def test_utils_never_import_grading():
    sources = [path.read_text() for path in (ROOT / "utils").glob("*.py")]
    assert len(sources) > 5
    assert not any(
        "grading" in line for s in sources for line in s.splitlines() if "import" in line
    )


def test_environment_is_left_alone():
    assert "DL_MODE" not in os.environ
