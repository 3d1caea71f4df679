"""Where the training runs and how: device, seeds, workers.

The same lab runs on a laptop's CPU, in Colab with a GPU, on an Apple GPU and in the grader's
sandbox. Each function here answers one question about the machine, so that no lab has to.
"""

import os
import platform
import random
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch

from utils.language import sentence

MAX_WORKERS = 4  # more rarely feed a lab's model faster
SHARED_MEMORY_NEEDED = 512 * 2**20  # bytes of /dev/shm for workers to pass batches through


class LoaderSettings(TypedDict):
    """Keyword arguments for :class:`torch.utils.data.DataLoader`."""

    num_workers: int
    pin_memory: bool
    persistent_workers: bool


def pick_device() -> torch.device:
    """Return the fastest device that works here, and print once which one and why.

    A CUDA GPU is tried with a small computation first: a driver that is too old, or a GPU that
    this build of PyTorch does not support, shows only then. Where there are several, and this
    process was not launched for one of them, CUDA is left alone: ``notebook_launcher`` can then
    still start a process for each.

    Returns
    -------
    torch.device
        ``cuda``, ``mps`` or ``cpu``. Under ``accelerate launch`` and ``notebook_launcher`` each
        process gets its own GPU.

    Examples
    --------
    >>> model = nn.Linear(3, 1).to(pick_device())  # doctest: +SKIP
    Device: cpu (neither a CUDA nor an Apple GPU was found)
    """
    return _picked(os.environ.get("LOCAL_RANK"))


@lru_cache
def _picked(rank: str | None) -> torch.device:
    """Return the device of a launched process, or of one that was not launched."""
    local_rank = int(rank or "0")
    device, why = torch.device("cpu"), sentence("device.no_gpu")
    variable = "ACCELERATE_USE_CPU"
    if os.environ.get(variable, "").lower() in ("1", "true", "yes"):
        why = sentence("device.asked", variable=variable)
    elif _has_cuda():
        candidate, count = torch.device("cuda", local_rank), torch.cuda.device_count()
        try:
            if rank is None and count > 1:
                why = sentence("device.several", count=count)
            else:
                torch.ones(2, device=candidate).sum().item()
                why = torch.cuda.get_device_name(candidate)
            device = candidate
            # cuDNN's attention makes a plan for every new shape, which takes longer than a step
            torch.backends.cuda.enable_cudnn_sdp(False)
            # its recurrent and convolutional layers would keep 10 bits of a product (TF32)
            torch.backends.cudnn.allow_tf32 = False
        except RuntimeError as error:
            why = sentence("device.broken", reason=str(error).splitlines()[0])
    elif torch.backends.mps.is_available():
        device, why = torch.device("mps"), sentence("device.apple")
    if local_rank == 0:
        print(sentence("device.line", device=device, why=why))
    return device


def _has_cuda() -> bool:
    """Return whether there is a CUDA GPU, asking the driver's library where that is possible.

    PyTorch's own way starts CUDA, and a process that did cannot fork others that use it.
    """
    variable = "PYTORCH_NVML_BASED_CUDA_CHECK"
    before = os.environ.get(variable)
    os.environ[variable] = "1"
    try:
        return torch.cuda.is_available()
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seed Python, NumPy and PyTorch (all devices).

    Parameters
    ----------
    seed : int
        From 0 to 2**32 - 1.
    deterministic : bool, optional
        Also make PyTorch use only algorithms that give the same bits every time. Slower on a
        GPU, and an operation that has no such algorithm then raises an error.

    Raises
    ------
    ValueError
        If the seed is outside NumPy's range.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(sentence("settings.seed", seed=seed))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it once
    if deterministic != torch.are_deterministic_algorithms_enabled():  # the call takes seconds
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic


def loader_settings(device: torch.device) -> LoaderSettings:
    """Return settings of a ``DataLoader`` that fit this machine.

    Workers pass their batches through shared memory and are processes of their own: there are
    none in the grader's sandbox, where ``/dev/shm`` is missing or small, or on a single core;
    otherwise one for each core, up to four. Memory is pinned only for CUDA, which alone gains
    from it. Workers pay where an item costs work, such as reading a file; tensors that lie in
    memory already are faster without.

    Parameters
    ----------
    device : torch.device
        Where the model will run.

    Examples
    --------
    >>> from torch.utils.data import DataLoader
    >>> loader = DataLoader(range(8), batch_size=4, **loader_settings(torch.device("cpu")))
    """
    cores = available_cores()
    alone = cores == 1 or "DL_MODE" in os.environ or not _enough_shared_memory()
    workers = 0 if alone else min(cores, MAX_WORKERS)
    return {
        "num_workers": workers,
        "pin_memory": device.type == "cuda",
        "persistent_workers": workers > 0,
    }


def available_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _enough_shared_memory(folder: Path = Path("/dev/shm")) -> bool:
    if platform.system() != "Linux":
        return True  # other systems do not pass tensors through this folder
    try:
        return shutil.disk_usage(folder).free >= SHARED_MEMORY_NEEDED
    except OSError:
        return False
