"""utils.recurrent: packed sequences, on the device and away from one that fails at them."""

import pytest
import torch
from torch import nn

from utils import recurrent
from utils.recurrent import run_packed

LENGTHS = torch.tensor([4, 7, 1])


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return nn.GRU(3, 4, bidirectional=True, batch_first=True)


def _inputs():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(3, 8, 3, generator=generator, requires_grad=True)


def _run(layer):
    inputs = _inputs()
    layer.zero_grad()
    states, last = run_packed(layer, inputs, LENGTHS)
    (states.square().sum() + last.sum()).backward()
    gradients = [inputs.grad, *(parameter.grad for parameter in layer.parameters())]
    return states.detach(), last.detach(), gradients


def test_each_sequence_is_read_as_if_it_were_alone(layer):
    states, last, _ = _run(layer)
    for i, length in enumerate(LENGTHS.tolist()):
        alone, end = layer(_inputs()[i : i + 1, :length])
        torch.testing.assert_close(states[i, :length], alone[0])
        assert not states[i, length:].any()
        torch.testing.assert_close(last[:, i], end[:, 0])


def test_where_the_device_fails_at_it_the_answer_and_its_gradients_are_the_same(
    layer, monkeypatch, capsys
):
    here = _run(layer)
    called = []
    whole = recurrent.functional_call
    monkeypatch.setattr(recurrent, "_runs_elsewhere", lambda kind: True)
    monkeypatch.setattr(
        recurrent, "functional_call", lambda *call: called.append(call) or whole(*call)
    )
    elsewhere = _run(layer)
    assert len(called) == 1
    torch.testing.assert_close(here, elsewhere)


def test_an_apple_gpu_is_told_once(capsys):
    recurrent._runs_elsewhere.cache_clear()
    assert recurrent._runs_elsewhere("mps") and recurrent._runs_elsewhere("mps")
    assert not recurrent._runs_elsewhere("cpu")
    assert capsys.readouterr().out.count("Apple GPU") == 1
    recurrent._runs_elsewhere.cache_clear()
