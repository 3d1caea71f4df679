"""utils.recording: training steps that a GPU plays back."""

import pytest
import torch
from torch import nn

from utils.recording import RecordedStep, own_stream, recordable
from utils.training import fit

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


class Rows(torch.utils.data.Dataset):
    """Rows of one width or another, two shapes of batch in all."""

    def __len__(self):
        return 96

    def __getitem__(self, i):
        generator = torch.Generator().manual_seed(i)
        x = torch.randn(8, generator=generator)
        return x, x.sum().reshape(1)


def loader(batch_size=20):  # the last batch of an epoch is of another shape
    return torch.utils.data.DataLoader(Rows(), batch_size=batch_size)


def trained(*, graphs, epochs=4, kind=torch.optim.Adam, fused=None, checkpoint=None, **more):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    optimizer = kind(model.parameters(), lr=0.01, fused=fused)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.9**step)
    history = fit(
        model,
        loader(),
        nn.MSELoss(),
        optimizer,
        epochs=epochs,
        metrics={"size": lambda outputs, target: outputs.abs().mean()},
        clip_norm=1.0,
        scheduler=scheduler,
        schedule_each="step",
        cuda_graphs=graphs,
        checkpoint=checkpoint,
        **more,
    )
    return model, history, optimizer


def same(one, other):
    for name in one.names:
        assert one[name] == pytest.approx(other[name], rel=1e-3), name


def test_on_a_processor_it_changes_nothing():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert trained(graphs=True)[1].epochs == trained(graphs=False)[1].epochs


def test_an_optimizer_without_a_step_to_record_is_told():
    weight = [nn.Parameter(torch.ones(2))]
    with recordable(torch.optim.SGD(weight, lr=0.1), CPU) as can:
        assert not can


def test_an_optimizer_is_as_it_was_afterwards():
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(2))], lr=0.25)
    with own_stream(CPU), recordable(optimizer, CPU) as can:
        assert can
        (group,) = optimizer.param_groups
        assert group["capturable"] and isinstance(group["lr"], torch.Tensor)
    assert optimizer.param_groups[0]["lr"] == 0.25
    assert not optimizer.param_groups[0]["capturable"]


@needs_cuda
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "auto"])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_a_recorded_training_learns_the_same(kind, precision):
    if precision == "fp32":
        same(trained(graphs=True, kind=kind)[1], trained(graphs=False, kind=kind)[1])
    else:
        history = trained(graphs=True, kind=kind, precision=precision, epochs=12)[1]
        assert history["loss"][-1] < history["loss"][0]


@needs_cuda
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_fused_optimizer_is_recorded_in_any_precision(precision, capsys):
    history = trained(graphs=True, fused=True, precision=precision, epochs=12)[1]
    assert history["loss"][-1] < history["loss"][0]
    assert "cannot be recorded" not in capsys.readouterr().out


@needs_cuda
def test_each_replay_drops_other_units():
    torch.manual_seed(0)
    with own_stream(CUDA):
        step = RecordedStep(lambda batch: nn.functional.dropout(batch[0]), CUDA)
        outputs = [step([torch.ones(256)]) for _ in range(5)]
    assert not step.problem
    assert len({tuple(one.tolist()) for one in outputs}) == 5


@needs_cuda
def test_a_mask_made_on_the_way_is_made_on_the_gpu():
    with own_stream(CUDA):
        step = RecordedStep(lambda batch: batch[0] * torch.ones(4, 4).tril().to(CUDA), CUDA)
        outputs = [step([torch.full((4, 4), float(i))]) for i in range(4)]
    assert not step.problem
    assert [float(one[0, 0]) for one in outputs] == [0.0, 1.0, 2.0, 3.0]


@needs_cuda
def test_batches_of_other_things_than_tensors_are_not_recorded():
    with own_stream(CUDA):
        step = RecordedStep(lambda batch: batch[0] * batch[1], CUDA)
        outputs = [float(step([torch.ones(1), i])) for i in range(4)]
    assert outputs == [0.0, 1.0, 2.0, 3.0]
    assert "tensors" in step.problem


@needs_cuda
def test_what_cannot_be_recorded_runs_as_ever(capsys):
    class Reads(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (1.0 if x.sum().item() < 1e9 else 0.0)

    torch.manual_seed(0)
    model = Reads(8, 1).cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = fit(model, loader(), nn.MSELoss(), optimizer, epochs=4, cuda_graphs=True)
    assert history["loss"][-1] < history["loss"][0]
    assert "cannot be recorded" in capsys.readouterr().out


@needs_cuda
def test_a_recorded_training_goes_on_from_its_checkpoint(tmp_path):
    path = tmp_path / "run.pt"
    trained(graphs=True, epochs=2, checkpoint=path)
    whole = trained(graphs=True, epochs=4)[1]
    same(trained(graphs=True, epochs=4, checkpoint=path)[1], whole)
    same(trained(graphs=False, epochs=4, checkpoint=path)[1], whole)
