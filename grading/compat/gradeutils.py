"""``lautils.gradeutils``: compare numbers that are written in hexadecimal, and lists."""

import operator
import warnings
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

__all__ = [
    "calculate_coincidences_percentage",
    "compare_lists_by_percentage",
    "compare_numbers",
    "hex_to_float",
    "new_representation",
]

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    b"<".hex(): operator.lt,
    b">".hex(): operator.gt,
    b"<=".hex(): operator.le,
    b">=".hex(): operator.ge,
    b"==".hex(): operator.eq,
    b"!=".hex(): operator.ne,
}


def new_representation(x: float) -> str:
    """Return a number in hexadecimal, exactly, as `float.hex` does."""
    return float(x).hex()


def hex_to_float(representation: str) -> float:
    """Return the number that `new_representation` wrote."""
    return float.fromhex(representation)


def compare_numbers(hex1: str, op: str, hex2: str) -> bool:
    """Compare two numbers in hexadecimal.

    Parameters
    ----------
    hex1, hex2 : str
        Numbers as `new_representation` writes them.
    op : str
        The comparison in hexadecimal ASCII: ``3c`` <, ``3e`` >, ``3c3d`` <=, ``3e3d`` >=,
        ``3d3d`` ==, ``213d`` !=.

    Raises
    ------
    ValueError
        If ``op`` is none of these, or a number cannot be read.
    """
    try:
        compare = OPERATORS[op.lower()]
    except KeyError:
        known = ", ".join(OPERATORS)
        raise ValueError(f"expected a comparison out of {known}; found {op!r}") from None
    return compare(hex_to_float(hex1), hex_to_float(hex2))


def calculate_coincidences_percentage(l1: Sequence[Any], l2: Sequence[Any]) -> float:
    """Return the percentage of positions at which two lists are equal.

    The shorter list is filled up with None, with a warning. Two empty lists are equal: 100.
    """
    if len(l1) != len(l2):
        warnings.warn(f"the lists have different lengths: {len(l1)} and {len(l2)}", stacklevel=2)
    pairs = list(zip_longest(l1, l2))
    return 100 * sum(bool(a == b) for a, b in pairs) / len(pairs) if pairs else 100.0


def compare_lists_by_percentage(l1: Sequence[Any], l2: Sequence[Any], p: float) -> bool:
    """Tell whether two lists are equal at ``p`` percent of their positions or more."""
    return calculate_coincidences_percentage(l1, l2) >= p
