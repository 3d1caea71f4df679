"""``jhwutils.tick``: ticks, crosses and a running total of marks.

Marks count each time that a block runs; ``reset_marks()`` at the top of a notebook starts again.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from grading.compat.partial import MIME
from grading.session.display import publish

__all__ = ["marks", "reset_marks", "summarise_marks", "tick"]


@dataclass
class _Total:
    earned: float = 0.0
    available: float = 0.0


_total = _Total()


@contextmanager
def marks(n: float) -> Iterator[None]:
    """Show ✓ and count ``n`` marks if the block ends well; show ✗ and raise again if not.

    Beside what a person reads, the output holds the marks in a form that
    `grading.compat.partial_marks` reads.

    Raises
    ------
    ValueError
        If ``n`` is no number of marks.
    """
    worth = float(n)
    if not 0 <= worth < math.inf:
        raise ValueError(f"marks(n) takes a finite number that is not negative, found {n!r}")
    _total.available += worth
    try:
        yield
    except BaseException:
        _show(False, 0.0, worth)
        raise
    _total.earned += worth
    _show(True, worth, worth)


@contextmanager
def tick() -> Iterator[None]:
    """Show ✓ if the block ends well; show ✗ and raise again if not. Counts no marks."""
    try:
        yield
    except BaseException:
        publish(*_symbol(False))
        raise
    publish(*_symbol(True))


def reset_marks() -> None:
    """Set the total back to nothing."""
    _total.earned = _total.available = 0.0


def summarise_marks() -> None:
    """Print the total as ``earned / available marks (percent)``."""
    percent = 100 * _total.earned / _total.available if _total.available else 0.0
    print(f"{_total.earned:g} / {_total.available:g} marks ({percent:.1f}%)")


def _show(passed: bool, earned: float, available: float) -> None:
    text, html = _symbol(passed)
    suffix = f" {earned:g} / {available:g} marks"
    publish(text + suffix, html + suffix, {MIME: {"earned": earned, "available": available}})


def _symbol(passed: bool) -> tuple[str, str]:
    """Return ✓ or ✗ as text and as HTML; the colours are readable on light and dark pages."""
    symbol, colour = ("✓", "#2da44e") if passed else ("✗", "#e5534b")
    return symbol, f'<strong style="color:{colour}">{symbol}</strong>'
