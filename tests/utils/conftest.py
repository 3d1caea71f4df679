"""Fixtures of the tests of utils."""

from collections.abc import Iterator

import pytest
from accelerate.state import AcceleratorState

from utils import device as device_module


@pytest.fixture
def on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Train on the CPU on any machine: bits can be compared, and each loss is looked at."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    _forget_the_device()
    yield
    _forget_the_device()


def _forget_the_device() -> None:
    device_module._picked.cache_clear()
    AcceleratorState._reset_state(reset_partial_state=True)
