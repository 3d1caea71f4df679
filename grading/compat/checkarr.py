"""``jhwutils.checkarr``: compare answers with hashes that do not spell the answer out."""

import warnings
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["array_hash", "check_hash", "check_scalar", "check_string", "strict_array_hash"]

Hash = tuple[tuple[int, ...], float]


def check_scalar(x: Any, h: str, tol: int = 5) -> bool:
    """Tell whether ``h`` is the hash of the number ``x`` or of one very near.

    Parameters
    ----------
    x : number
        The answer.
    h : str
        Hash of the expected number, as `_check_scalar` gives it.
    tol : int
        Decimals of the mantissa that count. Numbers 0.1·10^-tol·x to both sides of ``x`` match,
        too, so that a number on a rounding edge is not lost.
    """
    try:
        step = 0.1 * 10.0**-tol * x
        return h in (_check_scalar(near, tol) for near in (x, x - step, x + step))
    except (TypeError, ValueError, OverflowError):
        return _refuse("a number", x)


def _check_scalar(x: Any, tol: int = 5) -> str:
    """Return the hash of a number."""
    return hex(crc32(f"{x:1.{tol}e}".encode("ascii")))


def check_string(s: Any, h: str) -> bool:
    """Tell whether ``h`` is the hash of the text ``s``, upper and lower case taken as equal."""
    if not isinstance(s, str):
        return _refuse("a text", s)
    return hex(crc32(s.lower().encode("utf-8"))) == h


def array_hash(a: ArrayLike) -> Hash:
    """Return the shape of an array and one number made of its statistics, NaN left out.

    The number is the sum of the greatest, the least, mean, median, standard deviation, sum, and
    the sum of each element times its index in the flattened array. An empty array gives 0.0.
    """
    values = np.asarray(a)
    if not values.size:
        return values.shape, 0.0
    flat = values.ravel()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # arrays of nothing but NaN
        statistics = [
            np.nanmax(flat),
            np.nanmin(flat),
            np.nanmean(flat),
            np.nanmedian(flat),
            np.nanstd(flat),
            np.nansum(flat),
            np.nansum(flat * np.arange(flat.size)),
        ]
        return values.shape, float(np.nansum(statistics))


def strict_array_hash(a: ArrayLike) -> Hash:
    """Return the hash of an array whose elements are weighted by their place along every axis.

    The weight of an element is the mean of its indices, so that most changes of order show.
    """
    values = np.asarray(a)
    if not values.ndim:
        return array_hash(values)
    return array_hash(np.mean(np.indices(values.shape) * values, axis=0))


def check_hash(a: ArrayLike, h: Hash, strict: bool = False) -> bool:
    """Tell whether an array has the hash ``h``, the number within rtol = atol = 1e-5.

    Parameters
    ----------
    a : array_like
        The answer.
    h : tuple
        What `array_hash`, or `strict_array_hash` if ``strict``, gave for the expected array.
    strict : bool
        Whether places along the axes count.
    """
    expected_shape, expected = h
    try:
        shape, found = strict_array_hash(a) if strict else array_hash(a)
    except (TypeError, ValueError):
        return _refuse("an array of numbers", a)
    if shape != tuple(expected_shape):
        print(f"expected shape {tuple(expected_shape)}, found {shape}")
        return False
    return bool(np.isclose(found, expected, rtol=1e-5, atol=1e-5))


def _refuse(expected: str, found: Any) -> bool:
    print(f"expected {expected}, found {type(found).__name__}")
    return False
