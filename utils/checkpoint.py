"""One file that holds a training run, so that it goes on after a kill at any moment.

The file is written beside its place, then moved there: a kill in between leaves the older one.
It is read with ``weights_only=True``, so that no code in it can run. It carries the
configuration it belongs to; a file of another run is refused, never overwritten.
"""

import os
import pickle
import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from utils.language import sentence

FORMAT = 1
MOVING = frozenset(  # what a scheduler changes as it goes: no part of its configuration
    {"last_epoch", "best", "num_bad_epochs", "cooldown_counter", "T_cur", "T_i"}
)


def save(path: Path, state: Mapping[str, Any], configuration: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically.

    Parameters
    ----------
    path : Path
        Where it goes; what lies there stays until the new one is complete.
    state : mapping
        Tensors, numbers (NumPy's become Python's), strings, and lists and dicts of them.
    configuration : mapping
        What :func:`load` compares with.

    Raises
    ------
    OSError
        If the file cannot be written; the older one is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    content = {"format": FORMAT, "configuration": configuration, "state": state}
    try:
        with temporary.open("wb") as file:
            torch.save(_portable(content), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except RuntimeError as error:  # how torch reports a full disk
        raise OSError(str(error).splitlines()[0]) from error
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Read the state that :func:`save` wrote for the same configuration.

    Raises
    ------
    ValueError
        If the file is damaged, is no checkpoint, or is one of another configuration.
    """
    advice = sentence("checkpoint.advice")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, KeyError, ValueError, pickle.UnpicklingError) as error:
        raise ValueError(sentence("checkpoint.damaged", path=path, advice=advice)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(sentence("checkpoint.foreign", path=path, advice=advice))
    if difference := first_difference(content["configuration"], configuration):
        raise ValueError(
            sentence("checkpoint.other", path=path, difference=difference, advice=advice)
        )
    return content["state"]


def first_difference(then: Any, now: Any, name: str = "") -> str:
    """Say where two configurations first differ; an empty text if nowhere.

    Examples
    --------
    >>> first_difference({"optimizer": {"lr": 0.1}}, {"optimizer": {"lr": 0.2}})
    'optimizer lr was 0.1 then and is 0.2 now'
    """
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        absent = sentence("checkpoint.absent")
        for key in [*then, *(key for key in now if key not in then)]:
            inner = f"{name} {key}".strip()
            if difference := first_difference(then.get(key, absent), now.get(key, absent), inner):
                return difference
        return ""
    if then == now:
        return ""
    return sentence("checkpoint.difference", name=name, then=then, now=now)


def settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what is configuration in the state of an optimizer or scheduler, as plain data."""
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
    return {
        key: value
        for key, value in _portable(plain).items()
        if not key.startswith("_") and key not in MOVING and _is_plain(value)
    }


def _portable(value: Any) -> Any:
    """Return plain data with Python's numbers for NumPy's, which no safe reading lets in.

    A schedule written with NumPy leaves such a learning rate in its optimizer.
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: _portable(element) for key, element in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_portable, value))
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(element) for element in value)
    return value is None or type(value) in (bool, int, float, str)


def rng_state(generators: Iterable[torch.Generator] = ()) -> dict[str, Any]:
    """Return the state of every random number generator, as plain data.

    Python's, NumPy's global one, PyTorch's on all devices, and the given ones (those of a
    ``DataLoader``). A generator that a data set keeps for itself is not seen.
    """
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).copy()), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "generators": [generator.get_state() for generator in generators],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_rng_state(state: Mapping[str, Any], generators: Iterable[torch.Generator] = ()) -> None:
    """Put every generator back where :func:`rng_state` found it.

    A GPU generator is left alone where the number of GPUs is another now.
    """
    random.setstate(state["python"])
    name, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((name, keys.numpy(), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    for generator, inner in zip(generators, state["generators"], strict=True):
        generator.set_state(inner)
    if "cuda" in state and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    if "mps" in state and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])


@contextmanager
def preserved_rng(generators: Iterable[torch.Generator] = ()) -> Iterator[None]:
    """Leave every random number generator as it was before the block."""
    generators = list(generators)
    state = rng_state(generators)
    try:
        yield
    finally:
        set_rng_state(state, generators)
