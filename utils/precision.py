"""In which precision to train: what was asked for, or what is fastest for this model here."""

import json
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import torch
from accelerate.utils import convert_to_fp32
from torch import nn

from utils.diagnosis import Forward, Loss
from utils.language import sentence

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "fp16"]

DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
WORTH_IT = 1.2  # a lower precision must be this many times faster before it is chosen
TIMED = 5  # steps, of which the fastest counts


def choose(
    choice: PrecisionChoice, device: torch.device, step: Callable[[Precision], object], what: str
) -> Precision:
    """Return the precision to work in.

    ``auto`` measures steps of the model in hand: bf16 is taken where they are really faster in
    it, fp16 (with gradient scaling) on CUDA GPUs that are fast only in that, and fp32 otherwise.
    The answer is kept on disk, so that a machine measures a model once for each version of
    PyTorch. Apple GPUs stay in fp32.

    Parameters
    ----------
    choice : {"auto", "fp32", "bf16", "fp16"}
        Anything but ``auto`` is returned as it is, if the device can do it.
    device : torch.device
        Where the model runs.
    step : callable
        Makes one step in a precision, on the device.
    what : str
        Names what the step does, for the measurements that are kept.

    Raises
    ------
    ValueError
        If ``choice`` is unknown, or is ``fp16`` on a device that is not CUDA.
    """
    if choice != "auto":
        return _possible(choice, device)
    if device.type == "mps":
        return "fp32"
    key, file = f"{_machine(device)} | {what}", _cache_file()
    known = _read(file)
    if known.get(key) in DTYPES:
        return cast(Precision, known[key])
    answer = fastest({name: _seconds(step, name, device) for name in _candidates(device)})
    _write(file, {**known, key: answer})
    return answer


def fastest(seconds: dict[Precision, float]) -> Precision:
    """Choose from measured seconds a step: bf16, then fp16, if clearly faster than fp32.

    Examples
    --------
    >>> fastest({"fp32": 4.0, "bf16": 1.0, "fp16": 0.9})
    'bf16'
    """
    lower: tuple[Precision, ...] = ("bf16", "fp16")
    for name in lower:  # bf16 first: it needs no gradient scaling
        if name in seconds and seconds["fp32"] / seconds[name] >= WORTH_IT:
            return name
    return "fp32"


def in_precision(
    forward: Forward, loss: Loss, precision: Precision, device: torch.device
) -> Forward:
    """Return ``forward`` in a precision; its outputs come back in fp32, for the loss.

    A loss that says ``any_precision = True`` takes them as they are.
    """
    if _possible(precision, device) == "fp32":
        return forward

    def lowered(model: nn.Module, batch: Any) -> tuple[Any, Any]:
        with torch.autocast(device.type, dtype=DTYPES[precision]):
            outputs, target = forward(model, batch)
        as_they_are = getattr(loss, "any_precision", False)
        return outputs if as_they_are else convert_to_fp32(outputs), target

    return lowered


def _possible(precision: Precision, device: torch.device) -> Precision:
    """Return a precision, or raise ValueError if it is none or this device cannot work in it."""
    if precision not in DTYPES:
        raise ValueError(sentence("settings.precision", found=precision))
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(sentence("settings.needs_cuda", device=device))
    return precision


def _candidates(device: torch.device) -> tuple[Precision, ...]:
    return ("fp32", "bf16", "fp16") if device.type == "cuda" else ("fp32", "bf16")


def _seconds(step: Callable[[Precision], object], name: Precision, device: torch.device) -> float:
    """Time a step, the best of some after those that pay for caches, kernels and recordings."""
    step(name)
    step(name)
    return min(_timed(step, name, device) for _ in range(TIMED))


def _timed(step: Callable[[Precision], object], name: Precision, device: torch.device) -> float:
    _wait_for(device)
    started = time.perf_counter()
    step(name)
    _wait_for(device)
    return time.perf_counter() - started


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _cache_file() -> Path:
    import pooch

    return Path(pooch.os_cache("dl-course-kit")) / "precision.json"


def _machine(device: torch.device) -> str:
    """Name what a measurement depends on: the processor or GPU, its threads, PyTorch."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    else:
        name = f"{platform.node()} {_processor()} {torch.get_num_threads()} threads"
    return f"{name} | torch {torch.__version__}"


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags")) and "avx512_bf16" in line:
                return f"{platform.machine()} avx512_bf16"
    except OSError:
        pass
    return f"{platform.machine()} {platform.processor()}"


def _read(file: Path) -> dict[str, str]:
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: Path, known: dict[str, str]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(known, indent=1))
        temporary.replace(file)
    except OSError:
        pass  # a read-only home: measured again next time
