"""utils.precision: what was asked for, or what is measured to be fastest."""

import json
import time

import pytest
import torch

from utils import precision as module
from utils.precision import choose, fastest

CPU = torch.device("cpu")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    file = tmp_path / "cache" / "precision.json"
    monkeypatch.setattr(module, "_cache_file", lambda: file)
    return file


class Steps:
    """Steps that take these seconds, and what was asked of them."""

    def __init__(self, **seconds):
        self.seconds, self.made = seconds, []

    def __call__(self, name):
        self.made.append(name)
        time.sleep(self.seconds[name])


def never(name):
    raise AssertionError("nothing is to be measured")


@pytest.mark.parametrize("choice", ["fp32", "bf16"])
def test_a_named_precision_is_kept(choice):
    assert choose(choice, CPU, never, "x") == choice


@pytest.mark.parametrize(
    ("choice", "message"), [("fp8", "expected 'auto'"), ("fp16", "needs a CUDA GPU")]
)
def test_what_a_device_cannot_do_is_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        choose(choice, CPU, never, "x")


def test_an_apple_gpu_stays_in_single_precision():
    assert choose("auto", torch.device("mps"), never, "x") == "fp32"


@pytest.mark.parametrize(
    ("seconds", "answer"),
    [
        ({"fp32": 1.0, "bf16": 0.2}, "bf16"),
        ({"fp32": 1.0, "bf16": 0.95}, "fp32"),
        ({"fp32": 1.0, "bf16": 3.0}, "fp32"),
        ({"fp32": 1.0, "bf16": 3.0, "fp16": 0.4}, "fp16"),
    ],
)
def test_fastest(seconds, answer):
    assert fastest(seconds) == answer


def test_each_model_is_measured_once_and_remembered(cache):
    quick, slow = Steps(fp32=0.004, bf16=0.0), Steps(fp32=0.0, bf16=0.004)
    assert choose("auto", CPU, quick, "a model") == "bf16"
    assert set(quick.made) == {"fp32", "bf16"}
    assert choose("auto", CPU, never, "a model") == "bf16"
    assert choose("auto", CPU, slow, "another model") == "fp32"
    assert all(torch.__version__ in key for key in json.loads(cache.read_text()))


@pytest.mark.parametrize("content", ["", "[1]", '{"cpu"', "{}"])
def test_a_damaged_file_is_measured_again(cache, content):
    cache.parent.mkdir()
    cache.write_text(content)
    assert choose("auto", CPU, Steps(fp32=0.004, bf16=0.0), "x") == "bf16"
    assert list(json.loads(cache.read_text()).values()) == ["bf16"]


def test_nothing_need_be_written(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(module, "_cache_file", lambda: blocked / "precision.json")
    assert choose("auto", CPU, Steps(fp32=0.0, bf16=0.004), "x") == "fp32"
