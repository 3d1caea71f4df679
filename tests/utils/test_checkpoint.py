"""utils.checkpoint: a run that is killed goes on to the same bits; a bad file is refused."""

import random
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from tests.systems import needs_posix
from tests.training_jobs import job, network, outcome, points
from utils import checkpoint, training
from utils.checkpoint import first_difference, load, preserved_rng, rng_state, save, set_rng_state

ROOT = training.Path(__file__).resolve().parents[2]
STATE = {"weights": torch.arange(6.0), "epochs": [{"loss": 0.5}], "none": None}


@pytest.fixture(autouse=True)
def _save_every_epoch(monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)


def test_save_and_load(tmp_path):
    path = tmp_path / "run.pt"
    save(path, STATE, {"lr": 0.1})
    back = load(path, {"lr": 0.1})
    assert torch.equal(back["weights"], STATE["weights"])
    assert back["epochs"] == STATE["epochs"]
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_numbers_of_numpy_are_read_back_as_pythons(tmp_path):
    state = {"rate": np.float64(0.1), "epochs": [{"steps": np.int64(3)}, (np.bool_(True), None)]}
    save(tmp_path / "run.pt", state, {"lr": np.float64(0.5)})
    back = load(tmp_path / "run.pt", {"lr": 0.5})
    assert back == {"rate": 0.1, "epochs": [{"steps": 3}, (True, None)]}
    assert type(back["rate"]) is float


def test_a_run_whose_schedule_is_written_with_numpy_goes_on(tmp_path):
    def run(epochs, folder):
        torch.manual_seed(3)
        model = network()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1.0)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda done: np.minimum(0.01, 0.001 * np.sqrt(done + 1))
        )
        loader = DataLoader(points(), batch_size=16)
        history = training.fit(
            model,
            loader,
            nn.CrossEntropyLoss(),
            optimizer,
            epochs=epochs,
            scheduler=scheduler,
            checkpoint=folder / "run.pt",
        )
        return history["loss"]

    (tmp_path / "whole").mkdir()
    whole = run(3, tmp_path / "whole")
    run(1, tmp_path)
    assert run(3, tmp_path) == whole


def test_a_failed_save_keeps_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    save(path, STATE, {})
    content = path.read_bytes()

    def half(_content, file):
        file.write(b"half of it")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="failed writing"):
        save(path, STATE, {})
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_a_truncated_file_is_refused_and_kept(tmp_path, keep):
    path = tmp_path / "run.pt"
    save(path, STATE, {})
    path.write_bytes(path.read_bytes()[:keep])
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"run.pt is truncated or no checkpoint\. Delete it"):
        load(path, {})
    assert path.read_bytes() == before


def test_code_in_a_file_does_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").write_text, ("x",))

    torch.save(Evil(), tmp_path / "run.pt")
    with pytest.raises(ValueError, match="no checkpoint"):
        load(tmp_path / "run.pt", {})
    assert not (tmp_path / "ran").exists()


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="no checkpoint of this kit"):
        load(tmp_path / "run.pt", {})


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({"model": {"w": [3, 2]}, "lr": 0.1}, ""),
        ({"model": {"w": [3, 4]}, "lr": 0.1}, r"model w was [3, 2] then and is [3, 4] now"),
        ({"model": {}, "lr": 0.1}, "model w was [3, 2] then and is absent now"),
        ({"model": {"w": [3, 2], "b": [2]}, "lr": 0.1}, "model b was absent then and is [2] now"),
        ({"model": {"w": [3, 2]}, "lr": 0.2}, "lr was 0.1 then and is 0.2 now"),
    ],
)
def test_first_difference(now, message):
    assert first_difference({"model": {"w": [3, 2]}, "lr": 0.1}, now) == message


def _draw(generator):
    return (
        random.random(),
        np.random.randn(),
        torch.rand(2).tolist(),
        torch.rand(1, generator=generator).item(),
    )


def test_random_numbers_go_on_where_they_were(tmp_path):
    generator = torch.Generator().manual_seed(3)
    np.random.randn()  # leaves a second normal number waiting inside NumPy
    save(tmp_path / "rng.pt", rng_state([generator]), {})
    expected = _draw(generator)
    _draw(generator)
    set_rng_state(load(tmp_path / "rng.pt", {}), [generator])
    assert _draw(generator) == expected


def test_preserved_rng_even_after_an_error():
    generator = torch.Generator()
    before = rng_state([generator])
    with pytest.raises(KeyError), preserved_rng([generator]):
        _draw(generator)
        raise KeyError
    after = rng_state([generator])
    assert after["python"] == before["python"]
    assert torch.equal(after["numpy"][1], before["numpy"][1])
    assert torch.equal(after["torch"], before["torch"])
    assert torch.equal(after["generators"][0], before["generators"][0])


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_is_bit_identical(tmp_path, workers, capsys):
    whole = outcome(*job(5, tmp_path / "whole.pt", workers))
    job(2, tmp_path / "run.pt", workers)
    resumed = outcome(*job(5, tmp_path / "run.pt", workers))
    assert resumed == whole
    assert "2 of 5 epochs are done" in capsys.readouterr().out


@pytest.mark.kernels
@needs_posix
@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.heavy)])
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path, request, times):
    epochs, path = 60, tmp_path / "run.pt"
    chance = random.Random(4)
    for _ in range(times):
        command = [sys.executable, "-m", "tests.training_jobs", str(epochs), str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            next(line for line in process.stdout if line.startswith("epoch"))
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"

    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(1)  # as that process
    resumed = outcome(*job(epochs, path))
    assert resumed == outcome(*job(epochs, tmp_path / "whole.pt"))


def test_a_finished_run_trains_no_further(tmp_path):
    first = outcome(*job(3, tmp_path / "run.pt"))
    content = (tmp_path / "run.pt").read_bytes()
    assert outcome(*job(3, tmp_path / "run.pt")) == first
    assert (tmp_path / "run.pt").read_bytes() == content


def test_short_epochs_are_not_all_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 3600.0)
    writes = []
    monkeypatch.setattr(checkpoint, "save", lambda path, *_: writes.append(path))
    job(4, tmp_path / "run.pt")
    assert writes == [tmp_path / "run.pt"]  # the last epoch, always


def test_a_full_disk_costs_the_checkpoint_not_the_training(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    _, history = job(2, tmp_path / "run.pt")
    assert len(history) == 2
    assert "could not be written" in capsys.readouterr().out


def test_another_configuration_is_refused_before_training(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    job(1, path)
    content = path.read_bytes()
    with pytest.raises(
        ValueError, match=r"data train items was 96 then and is 80 now.*nothing was overwritten"
    ):
        job(2, path, size=80)
    assert path.read_bytes() == content


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        job(1, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match="cannot be made"):
        job(1, tmp_path / "file" / "run.pt")
