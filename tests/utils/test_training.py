"""utils.training: the loop equals the bare one; what ends it early; several processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sklearn.metrics
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.training_jobs import network, points
from utils import precision, training
from utils.device import seed_everything
from utils.text import BucketSampler, pad
from utils.training import accuracy, evaluate, fit

ROOT = Path(__file__).resolve().parents[2]
CROSS_ENTROPY = nn.CrossEntropyLoss()


def _loader(**settings):
    return DataLoader(points(), **({"batch_size": 16, "shuffle": True} | settings))


def _made(lr=0.05):
    seed_everything(0)
    model = network()
    return model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def _bare(epochs, clip_norm=None, schedule=None, each="epoch"):
    """The loop as everybody writes it."""
    model, optimizer = _made()
    scheduler = schedule and schedule(optimizer)
    loader, losses = _loader(), []
    for _ in range(epochs):
        model.train()
        for inputs, labels in loader:
            loss = CROSS_ENTROPY(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            if clip_norm:
                nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
            optimizer.step()
            if scheduler and each == "step":
                scheduler.step()
            losses.append(loss.item())
        if scheduler and each == "epoch":
            scheduler.step()
    return model, losses


def _same(model, other):
    return all(
        torch.equal(a.cpu(), b.cpu())
        for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    )


def _steps(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)


def _cycle(optimizer):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=18)


@pytest.mark.parametrize(
    ("clip_norm", "schedule", "each"),
    [(None, None, "epoch"), (0.3, _steps, "epoch"), (None, _cycle, "step")],
)
def test_fit_is_the_bare_loop_to_the_bit(on_a_cpu, clip_norm, schedule, each):
    expected, losses = _bare(3, clip_norm, schedule, each)
    model, optimizer = _made()
    history = fit(
        model,
        _loader(),
        CROSS_ENTROPY,
        optimizer,
        epochs=3,
        clip_norm=clip_norm,
        scheduler=schedule and schedule(optimizer),
        schedule_each=each,
    )
    assert history.step_losses == losses
    assert _same(model, expected)
    assert history["loss"] == pytest.approx([sum(losses[i : i + 6]) / 6 for i in (0, 6, 12)])


def test_validation_does_not_change_the_training():
    results = []
    for validation in (None, DataLoader(points(30), batch_size=8)):
        model, optimizer = _made()
        # a generator of its own: the validation loader draws from the global one too
        loader = _loader(generator=torch.Generator().manual_seed(2))
        model[3].p = 0.0
        fit(model, loader, CROSS_ENTROPY, optimizer, epochs=2, validation=validation)
        results.append(model)
    assert _same(*results)


def test_history_of_validation_is_evaluate():
    model, optimizer = _made()
    held_out = DataLoader(points(37), batch_size=8)
    metrics = {"accuracy": accuracy}
    history = fit(
        model, _loader(), CROSS_ENTROPY, optimizer, epochs=2, validation=held_out, metrics=metrics
    )
    assert history.names == ["loss", "accuracy", "val_loss", "val_accuracy", "lr"]
    after = evaluate(model, held_out, CROSS_ENTROPY, metrics=metrics)
    assert history["val_loss"][-1] == after["loss"]
    assert history["val_accuracy"][-1] == after["accuracy"]
    assert history["lr"] == [0.05, 0.05]


def test_evaluate_is_the_mean_over_all_items():
    model, _ = _made()
    data = points(37)
    model.train()
    found = evaluate(
        model, DataLoader(data, batch_size=8), CROSS_ENTROPY, metrics={"accuracy": accuracy}
    )
    assert model.training
    model.eval()
    with torch.no_grad():
        outputs = model(data.tensors[0])
    assert found["loss"] == pytest.approx(CROSS_ENTROPY(outputs, data.tensors[1]).item())
    assert found["accuracy"] == pytest.approx(
        sklearn.metrics.accuracy_score(data.tensors[1], outputs.argmax(1))
    )


def test_padding_does_not_weigh():
    """The mean over padded batches is that over all tokens, whatever the batches."""
    sentences = [list(range(1, n + 1)) for n in (1, 2, 7, 3, 5)]
    loss = nn.CrossEntropyLoss(ignore_index=0)
    model = nn.Embedding(8, 8)

    def forward(model, batch):
        return model(batch).transpose(1, 2), batch  # (N, T, C) -> (N, C, T)

    def loader(batch_size):
        return DataLoader(sentences, batch_size=batch_size, collate_fn=lambda s: pad(s, 0)[0])

    one = evaluate(model, loader(1), loss, forward=forward)
    everything = evaluate(model, loader(5), loss, forward=forward)
    assert one["loss"] == pytest.approx(everything["loss"])


def test_accuracy_of_sequences():
    outputs = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))  # (N, C, T)
    target = torch.randint(0, 5, (4, 3), generator=torch.Generator().manual_seed(1))
    expected = sklearn.metrics.accuracy_score(target.flatten(), outputs.argmax(1).flatten())
    assert accuracy(outputs, target).item() == pytest.approx(expected)


def test_an_autoencoder_needs_only_its_forward():
    seed_everything(0)
    model = nn.Linear(6, 6)
    history = fit(
        model,
        _loader(),
        nn.MSELoss(),
        torch.optim.Adam(model.parameters(), lr=0.05),
        epochs=15,
        forward=lambda model, batch: (model(batch[0]), batch[0]),
    )
    assert history["loss"][-1] < history["loss"][0] / 10


def test_buckets_train():
    sentences = [[1 + n % 3] * (1 + n % 7) for n in range(60)]
    sampler = BucketSampler([len(s) for s in sentences], 16)
    loader = DataLoader(sentences, batch_sampler=sampler, collate_fn=lambda s: pad(s, 0)[0])
    model = nn.Embedding(4, 4)
    history = fit(
        model,
        loader,
        nn.CrossEntropyLoss(ignore_index=0),
        torch.optim.SGD(model.parameters(), lr=5.0),
        epochs=5,
        forward=lambda model, batch: (model(batch).transpose(1, 2), batch),
    )
    assert history["loss"][-1] < history["loss"][0]


def test_patience_stops_and_puts_the_best_weights_back(capsys):
    model, optimizer = _made(lr=0.5)
    held_out = DataLoader(points(30), batch_size=8)
    noise = TensorDataset(torch.randn(64, 6), torch.randint(0, 3, (64,)))
    history = fit(
        model,
        DataLoader(noise, batch_size=8),
        CROSS_ENTROPY,
        optimizer,
        epochs=500,
        validation=held_out,
        patience=4,
    )
    assert len(history) == history.best_epoch + 4
    assert history["val_loss"][history.best_epoch - 1] == min(history["val_loss"])
    assert evaluate(model, held_out, CROSS_ENTROPY)["loss"] == min(history["val_loss"])
    assert history.stopped == "no lower val_loss for 4 epochs"
    assert f"those of epoch {history.best_epoch}" in capsys.readouterr().out


def test_plateau_scheduler_looks_at_the_validation():
    model, optimizer = _made(lr=0.5)
    noise = TensorDataset(torch.randn(64, 6), torch.randint(0, 3, (64,)))
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=0)
    history = fit(
        model,
        DataLoader(noise, batch_size=8),
        CROSS_ENTROPY,
        optimizer,
        epochs=6,
        validation=DataLoader(points(30), batch_size=8),
        scheduler=scheduler,
    )
    rose = [b >= a for a, b in zip(history["val_loss"], history["val_loss"][1:], strict=False)]
    assert any(rose[:-1])
    fell = 1 + rose.index(True)  # the rate falls after the first epoch without a lower loss
    assert history["lr"][fell + 1] == pytest.approx(0.05)


def test_bf16_trains_fp32_weights(on_a_cpu):
    model, optimizer = _made()
    history = fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=4, precision="bf16")
    _expected, losses = _bare(4)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history.step_losses == pytest.approx(losses, abs=0.1)
    assert history.step_losses != losses  # it really ran in bf16


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_cuda(precision):
    model, optimizer = _made()
    history = fit(
        model,
        _loader(pin_memory=True),
        CROSS_ENTROPY,
        optimizer,
        epochs=10,
        clip_norm=1.0,
        precision=precision,
    )
    assert next(model.parameters()).is_cuda
    assert history["loss"][-1] < history["loss"][0]


class _Interrupting(TensorDataset):
    """Sends this process the signal of Ctrl-C when an item is asked for the n-th time."""

    def __init__(self, *tensors, at):
        super().__init__(*tensors)
        self.left = at

    def __getitem__(self, i):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().__getitem__(i)


def test_ctrl_c_keeps_what_was_learnt(on_a_cpu, capsys):
    model, optimizer = _made()
    data = _Interrupting(*points().tensors, at=16 + 2 * 96 + 40)  # the first look takes a batch
    history = fit(model, DataLoader(data, batch_size=16), CROSS_ENTROPY, optimizer, epochs=50)
    assert len(history) == 2
    assert len(history.step_losses) == 14
    assert history.stopped == "stopped by hand in epoch 3, batch 2"
    assert "the model keeps what it learnt" in capsys.readouterr().out
    again, optimizer = _made()
    shorter = fit(again, DataLoader(points(), batch_size=16), CROSS_ENTROPY, optimizer, epochs=2)
    assert shorter.step_losses == history.step_losses[:12]
    assert not _same(model, again)  # two batches more


def test_a_lost_run_of_several_sessions(tmp_path):
    """A student's day: the session ends, the cell runs again, more epochs are asked for."""
    path = tmp_path / "drive" / "run.pt"
    for epochs in (2, 2, 5):
        model, optimizer = _made()
        history = fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=epochs, checkpoint=path)
        assert len(history) == epochs
    model, optimizer = _made()
    whole = fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=5)
    assert history.epochs == whole.epochs


def test_another_learning_rate_does_not_resume_silently(tmp_path):
    for lr in (0.05, 0.01):
        model, optimizer = _made(lr)
        run = {"epochs": 1, "checkpoint": tmp_path / "run.pt"}
        if lr == 0.05:
            fit(model, _loader(), CROSS_ENTROPY, optimizer, **run)
    with pytest.raises(ValueError, match=r"optimizer lr was 0\.05 then and is 0\.01 now"):
        fit(model, _loader(), CROSS_ENTROPY, optimizer, **run)


def test_a_used_scheduler_is_the_same_configuration(tmp_path):
    """The cell runs again without the cell that makes the scheduler."""
    model, optimizer = _made()
    for scheduler in (
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10),
        torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
        torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2),
    ):
        for epochs in (3, 4):
            history = fit(
                model,
                _loader(),
                CROSS_ENTROPY,
                optimizer,
                epochs=epochs,
                scheduler=scheduler,
                checkpoint=tmp_path / type(scheduler).__name__,
            )
        assert len(history) == 4


SHARED = {
    "batches of so many items": """
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
shuffling = torch.Generator().manual_seed(workplace.process_index)  # fit makes them shuffle alike
train = DataLoader(points(96), batch_size=16, shuffle=True, generator=shuffling)
validation = DataLoader(points(37), batch_size=16)
loss, forward, metrics = nn.CrossEntropyLoss(), last_is_target, {"accuracy": accuracy}
""",
    "batches of so many tokens": """
class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.output = nn.Embedding(20, 8), nn.Linear(8, 20)

    def forward(self, ids):
        return self.output(self.embedding(ids))

def loader(count):
    draw = torch.Generator().manual_seed(count)
    lengths = torch.randint(1, 12, (count,), generator=draw).tolist()
    texts = [torch.randint(1, 20, (length,), generator=draw) for length in lengths]
    shuffling = torch.Generator().manual_seed(workplace.process_index)
    batches = TokenBatches([(length,) for length in lengths], 24, generator=shuffling)
    return DataLoader(texts, batch_sampler=batches, collate_fn=lambda rows: pad(rows, 0)[0])

def forward(model, ids):
    return model(ids).flatten(0, 1), ids.flatten()

model, loss = Words(), nn.CrossEntropyLoss(ignore_index=0)
train, validation, metrics = loader(61), loader(20), {}  # accuracy would count the padding
""",
}
TWO_PROCESSES = """
import json, sys
import torch
from torch import nn
from torch.utils.data import DataLoader
from accelerate import Accelerator
from tests.training_jobs import points
from utils.batches import TokenBatches
from utils.text import pad
from utils.training import accuracy, fit, last_is_target

workplace = Accelerator(cpu=True)
torch.manual_seed(0)
{data}
history = fit(
    model,
    train,
    loss,
    torch.optim.Adam(model.parameters(), lr=0.05),
    epochs=3,
    validation=validation,
    metrics=metrics,
    forward=forward,
    checkpoint=sys.argv[2],
)
with open(f"{{sys.argv[1]}}.{{workplace.process_index}}", "w") as file:
    weights = [p.detach().flatten().tolist() for p in model.parameters()]
    json.dump({{"processes": workplace.num_processes, "epochs": history.epochs,
               "weights": weights}}, file)
"""


@pytest.mark.kernels
@pytest.mark.heavy
@pytest.mark.parametrize("data", ["batches of so many items", "batches of so many tokens"])
def test_two_processes_share_every_batch(tmp_path, data):
    script = tmp_path / "script.py"
    script.write_text(TWO_PROCESSES.format(data=SHARED[data]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    # with --cpu the launcher wants MPI; --multi_gpu starts the processes, which choose the CPU
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
    done = subprocess.run(
        [*command, "--mixed_precision", "no", "--dynamo_backend", "no",
         str(script), str(tmp_path / "both"), str(tmp_path / "both.pt")],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    subprocess.run(
        [sys.executable, str(script), str(tmp_path / "one"), str(tmp_path / "one.pt")],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    one = json.loads((tmp_path / "one.0").read_text())
    both = [json.loads((tmp_path / f"both.{i}").read_text()) for i in (0, 1)]
    assert [result["processes"] for result in (one, *both)] == [1, 2, 2]
    assert both[0] == both[1]
    for mine, theirs in zip(one["epochs"], both[0]["epochs"], strict=True):
        assert theirs == pytest.approx(mine, abs=1e-5)
    for mine, theirs in zip(one["weights"], both[0]["weights"], strict=True):
        assert theirs == pytest.approx(mine, abs=1e-4)
    assert done.stdout.count("epoch 3/3") == 1  # one process speaks


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected a number above 0"),
        ({"patience": 0}, "patience is 0"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
    ],
)
def test_settings_out_of_range(settings, message):
    model, optimizer = _made()
    with pytest.raises(ValueError, match=message):
        fit(model, _loader(), CROSS_ENTROPY, optimizer, **({"epochs": 1} | settings))


def test_nothing_is_trained_when_the_validation_data_do_not_fit():
    model, optimizer = _made()
    untouched, _ = _made()
    wrong = DataLoader(TensorDataset(torch.randn(8, 5), torch.zeros(8, dtype=torch.long)))
    with pytest.raises(ValueError, match="validation has \\(1, 5\\) float32"):
        fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=1, validation=wrong)
    assert _same(model, untouched)


def test_the_first_look_leaves_no_trace():
    """Running statistics and random numbers are as they were when training starts."""
    model, optimizer = _made()
    state = torch.get_rng_state()
    wrong = DataLoader(
        TensorDataset(torch.randn(8, 6), torch.full((8,), 3)), shuffle=True, batch_size=4
    )
    torch.set_rng_state(state)
    with pytest.raises(ValueError, match="hold 3 at index 0"):
        fit(model, wrong, CROSS_ENTROPY, optimizer, epochs=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert _same(model, _made()[0])
    assert model.training


def test_a_gpu_that_stopped_is_told_from_a_bug_in_torch():
    """As CUDA raises it, here without a GPU, in the second epoch."""

    class Stops(nn.Linear):
        calls = 0

        def forward(self, inputs):
            self.calls += 1
            if self.calls == 12:
                raise RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors")
            return super().forward(inputs)

    model = Stops(points().tensors[0].shape[1], 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RuntimeError, match=r"index that is out of range.*ACCELERATE_USE_CPU"):
        fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=3)


def test_evaluate_measures_what_is_fastest(monkeypatch, tmp_path):
    monkeypatch.setattr(precision, "_cache_file", lambda: tmp_path / "precision.json")
    model, state = network(), torch.get_rng_state()
    found = evaluate(model, _loader(), CROSS_ENTROPY, precision="auto")
    (kept,) = json.loads((tmp_path / "precision.json").read_text()).values()
    assert kept in ("fp32", "bf16")
    torch.set_rng_state(state)
    assert found == pytest.approx(evaluate(model, _loader(), CROSS_ENTROPY), abs=0.02)
    assert model.training


def test_what_a_resumed_run_works_in_is_what_its_history_says(tmp_path):
    path = tmp_path / "run.pt"
    for epochs, name in ((1, "bf16"), (2, "fp32")):
        model, optimizer = _made()
        history = fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=epochs,
                      precision=name, checkpoint=path)  # fmt: skip
        assert history.precision == name and len(history) == epochs


def test_evaluate_refuses_a_precision_that_is_none():
    with pytest.raises(ValueError, match="precision is 'fp8'"):
        evaluate(network(), _loader(), CROSS_ENTROPY, precision="fp8")


def test_evaluate_refuses_what_is_no_loader():
    with pytest.raises(TypeError, match="data is a list; expected a torch"):
        evaluate(network(), [1, 2], CROSS_ENTROPY)


def test_the_checkpoint_is_written_by_fit(tmp_path):
    model, optimizer = _made()
    fit(model, _loader(), CROSS_ENTROPY, optimizer, epochs=1, checkpoint=str(tmp_path / "run.pt"))
    assert (tmp_path / "run.pt").exists()
    assert training.SAVE_EVERY > 0
