"""Where the training runs and how: device, precision, seeds, workers.

The same lab runs on a laptop's CPU, in Colab with a GPU, on an Apple GPU and in the grader's
sandbox. Each function here answers one question about the machine, so that no lab has to.
"""

import json
import os
import platform
import random
import shutil
import time
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypedDict, cast

import numpy as np
import torch
from torch import nn

from utils.language import sentence

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]

DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
WORTH_IT = 1.2  # a lower precision must be this many times faster before it is chosen
MAX_WORKERS = 4  # more rarely feed a lab's model faster
SHARED_MEMORY_NEEDED = 512 * 2**20  # bytes of /dev/shm for workers to pass batches through


class LoaderSettings(TypedDict):
    """Keyword arguments for :class:`torch.utils.data.DataLoader`."""

    num_workers: int
    pin_memory: bool
    persistent_workers: bool


@lru_cache(maxsize=1)
def pick_device() -> torch.device:
    """Return the fastest device that works here, and print once which one and why.

    A CUDA GPU is tried with a small computation first: a driver that is too old, or a GPU that
    this build of PyTorch does not support, shows only then.

    Returns
    -------
    torch.device
        ``cuda``, ``mps`` or ``cpu``. Under ``accelerate launch`` each process gets its own GPU.

    Examples
    --------
    >>> model = nn.Linear(3, 1).to(pick_device())  # doctest: +SKIP
    Device: cpu (neither a CUDA nor an Apple GPU was found)
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    device, why = torch.device("cpu"), sentence("device.no_gpu")
    variable = "ACCELERATE_USE_CPU"
    if os.environ.get(variable, "").lower() in ("1", "true", "yes"):
        why = sentence("device.asked", variable=variable)
    elif torch.cuda.is_available():
        candidate = torch.device("cuda", local_rank)
        try:
            torch.ones(2, device=candidate).sum().item()
            device, why = candidate, torch.cuda.get_device_name(candidate)
        except RuntimeError as error:
            why = sentence("device.broken", reason=str(error).splitlines()[0])
    elif torch.backends.mps.is_available():
        device, why = torch.device("mps"), sentence("device.apple")
    if local_rank == 0:
        print(sentence("device.line", device=device, why=why))
    return device


def precision(choice: PrecisionChoice, device: torch.device) -> Precision:
    """Return the precision to train in.

    ``auto`` measures: bf16 is taken where this processor or GPU really multiplies matrices
    faster in it, fp16 (with gradient scaling) on CUDA GPUs that are fast only in that, and fp32
    otherwise. The answer is kept on disk, so that a machine is measured once for each version
    of PyTorch. Apple GPUs stay in fp32.

    Parameters
    ----------
    choice : {"auto", "fp32", "bf16", "fp16"}
        Anything but ``auto`` is returned as it is, if the device can do it.
    device : torch.device
        Where the model will run.

    Raises
    ------
    ValueError
        If ``choice`` is unknown, or is ``fp16`` on a device that is not CUDA.
    """
    if choice != "auto" and choice not in DTYPES:
        raise ValueError(sentence("settings.precision", found=choice))
    if choice == "fp16" and device.type != "cuda":
        raise ValueError(sentence("settings.needs_cuda", device=device))
    if choice != "auto":
        return choice
    if device.type == "mps":
        return "fp32"
    return _measured_precision(device)


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


def _cache_file() -> Path:
    import pooch

    return Path(pooch.os_cache("dl-course-kit")) / "precision.json"


def _machine_key(device: torch.device) -> str:
    """Name what the measurement depends on: the processor or GPU, its threads, PyTorch."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{platform.node()} {_processor()} {torch.get_num_threads()} threads"
    return f"{name} | torch {torch.__version__}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags")) and "avx512_bf16" in line:
                return f"{platform.machine()} avx512_bf16"
    except OSError:
        pass
    return f"{platform.machine()} {platform.processor()}"


@lru_cache
def _measured_precision(device: torch.device) -> Precision:
    key, file = _machine_key(device), _cache_file()
    known = _read_cache(file)
    if known.get(key) in DTYPES:
        return cast(Precision, known[key])
    answer = fastest_precision(
        {name: _seconds_per_step(name, device) for name in _candidates(device)}
    )
    _write_cache(file, {**known, key: answer})
    return answer


def _candidates(device: torch.device) -> tuple[Precision, ...]:
    return ("fp32", "bf16", "fp16") if device.type == "cuda" else ("fp32", "bf16")


def fastest_precision(seconds: dict[Precision, float]) -> Precision:
    """Choose from measured seconds a step: bf16, then fp16, if clearly faster than fp32.

    Examples
    --------
    >>> fastest_precision({"fp32": 4.0, "bf16": 1.0, "fp16": 0.9})
    'bf16'
    """
    lower: tuple[Precision, ...] = ("bf16", "fp16")
    for name in lower:  # bf16 first: it needs no gradient scaling
        if name in seconds and seconds["fp32"] / seconds[name] >= WORTH_IT:
            return name
    return "fp32"


def _seconds_per_step(name: Precision, device: torch.device, size: int = 512) -> float:
    """Time one training step of a small network under autocast: the best of five."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        layers = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size)).to(device)
        inputs = torch.randn(size, size, device=device)

        def step() -> float:
            start = time.perf_counter()
            with torch.autocast(device.type, dtype=DTYPES[name], enabled=name != "fp32"):
                outputs = layers(inputs)
            # .item() waits for the GPU: without it only the launch would be timed
            outputs.float().square().mean().backward()
            next(layers.parameters()).grad.sum().item()  # type: ignore[union-attr]
            return time.perf_counter() - start

        step()  # the first one pays for caches and compiled kernels
        return min(step() for _ in range(5))


def _read_cache(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_cache(file: Path, known: dict[str, str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(known, indent=1))
        temporary.replace(file)
    except OSError:
        pass  # a read-only home: measured again next time
