"""utils.device: the device, the seeds, the settings of a loader."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

from utils import device as device_module
from utils.device import (
    available_cores,
    loader_settings,
    pick_device,
    seed_everything,
)

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def fresh_choice():
    device_module._picked.cache_clear()
    yield
    device_module._picked.cache_clear()


def test_importing_utils_does_not_import_torch():
    code = "import utils, utils.profile, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_device_is_accelerates_and_is_said_once(fresh_choice, capsys):
    device = pick_device()
    assert device.type == Accelerator().device.type
    assert pick_device() == device
    said = capsys.readouterr().out
    assert said.startswith(f"Device: {device} (")
    assert said.count("\n") == 1


def test_a_broken_gpu_falls_back_to_the_cpu(fresh_choice, monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no kernel image is available\nlong explanation")

    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", broken)
    assert pick_device() == CPU
    assert "does not work: no kernel image is available)" in capsys.readouterr().out


def test_of_several_gpus_none_is_started_before_the_processes_are(
    fresh_choice, monkeypatch, capsys
):
    def started(*args, **kwargs):
        raise AssertionError("CUDA was started")

    for name in ("ACCELERATE_USE_CPU", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "ones", started)
    monkeypatch.setattr(torch.cuda, "get_device_name", started)
    assert pick_device() == torch.device("cuda", 0)
    assert "one of 2 GPUs" in capsys.readouterr().out
    monkeypatch.setattr(torch, "ones", lambda *args, **kwargs: torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "get_device_name", str)
    for rank in ("0", "1"):  # as in the processes that were forked from this one
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert pick_device() == torch.device("cuda", int(rank))


def test_the_environment_can_ask_for_the_cpu(fresh_choice, monkeypatch, capsys):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device() == CPU
    assert "ACCELERATE_USE_CPU" in capsys.readouterr().out


def _draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_seeds_all_three_generators():
    seed_everything(7)
    first = _draw()
    seed_everything(7)
    assert _draw() == first
    seed_everything(8)
    assert all(a != b for a, b in zip(_draw(), first, strict=True))


def test_deterministic_mode_is_switched_on_and_off(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seed_everything(0, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    seed_everything(0)
    assert not torch.are_deterministic_algorithms_enabled()
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_outside_the_range(seed):
    with pytest.raises(ValueError, match=f"the seed is {seed}"):
        seed_everything(seed)


@pytest.fixture
def roomy(monkeypatch):
    monkeypatch.delenv("DL_MODE", raising=False)
    monkeypatch.setattr(device_module, "_enough_shared_memory", lambda: True)


@pytest.mark.parametrize(("cores", "workers"), [(1, 0), (2, 2), (3, 3), (64, 4)])
def test_workers_never_above_the_cores(roomy, monkeypatch, cores, workers):
    monkeypatch.setattr(device_module, "available_cores", lambda: cores)
    settings = loader_settings(CPU)
    assert settings["num_workers"] == workers <= cores
    assert settings["persistent_workers"] == (workers > 0)


def test_cores_are_those_of_this_process():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_pinned_memory_only_with_cuda(roomy):
    assert not loader_settings(CPU)["pin_memory"]
    assert not loader_settings(torch.device("mps"))["pin_memory"]
    assert loader_settings(CUDA)["pin_memory"]


def test_no_workers_in_a_grading_run(roomy, monkeypatch):
    monkeypatch.setenv("DL_MODE", "grading")
    assert loader_settings(CPU)["num_workers"] == 0


def test_no_workers_without_shared_memory(monkeypatch):
    monkeypatch.delenv("DL_MODE", raising=False)
    monkeypatch.setattr(device_module, "_enough_shared_memory", lambda: False)
    assert loader_settings(CPU)["num_workers"] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is Linux's")
def test_missing_or_small_shared_memory_is_noticed(tmp_path, monkeypatch):
    assert not device_module._enough_shared_memory(tmp_path / "missing")
    monkeypatch.setattr(device_module, "SHARED_MEMORY_NEEDED", 2**80)
    assert not device_module._enough_shared_memory(tmp_path)


def test_a_loader_accepts_the_settings():
    loader = DataLoader(range(6), batch_size=3, **loader_settings(CPU))
    assert sorted(torch.cat(list(loader)).tolist()) == list(range(6))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [(torch.nn.GRU(8, 8), (6, 3, 8)), (torch.nn.Conv2d(8, 8, 3), (3, 8, 9, 9))],
    ids=["GRU", "Conv2d"],
)
def test_a_gpu_is_as_exact_as_a_cpu(layer, shape):  # a check cannot tell TF32 from a mistake
    device = pick_device()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    outputs = [layer.to(place)(x.to(place)) for place in (torch.device("cpu"), device)]
    first, second = (one[0] if isinstance(one, tuple) else one for one in outputs)
    torch.testing.assert_close(first, second.cpu(), rtol=1e-4, atol=1e-5)
