"""What is kept of many numbers: seeded weighted sums of the real ones, digests of the others."""

import hashlib

import numpy as np

from grading.answers.canonical import Integers, Reals

HUGE = 2.0**900  # sums of numbers above this are computed on a smaller scale


def project(numbers: Reals, key: str, rows: int, blocks: int) -> Reals:
    """Return seeded weighted sums of finite numbers.

    The numbers are dealt to ``blocks`` sums; the same is done ``rows`` times with other weights.
    Weights have magnitude 0.5 to 1.5 and random sign; they come from raw PCG64 output, which
    numpy keeps the same across versions. A sum beyond float64 is the largest float64.

    Parameters
    ----------
    numbers : ndarray, shape (n,)
    key : str
        Seeds the weights.
    rows, blocks : int

    Returns
    -------
    ndarray, shape (rows * blocks,)
    """
    length = -(-numbers.size // blocks)
    shrink = 2.0**-64 if np.any(np.abs(numbers) > HUGE) else 1.0  # so that no partial sum is inf
    padded = np.zeros(blocks * length)
    padded[: numbers.size] = numbers * shrink
    sums = [
        (padded * _weights(f"{key}:{row}", padded.size)).reshape(blocks, length).sum(axis=1)
        for row in range(rows)
    ]
    with np.errstate(over="ignore"):
        return np.nan_to_num(np.concatenate(sums) / shrink)


def _weights(key: str, size: int) -> Reals:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest(), "big")
    raw = np.random.PCG64(seed).random_raw(size)
    magnitude = 0.5 + (raw >> np.uint64(12)).astype(np.float64) * 2.0**-52
    return np.where(raw & np.uint64(1), magnitude, -magnitude)


def digest_of_integers(numbers: Integers) -> str:
    """Return the SHA-256 of whole numbers."""
    return hashlib.sha256(numbers.astype("<i8").tobytes()).hexdigest()


def digest_of_specials(numbers: Reals) -> str:
    """Return the SHA-256 of which numbers are NaN, +inf and -inf."""
    classes = np.select([np.isnan(numbers), np.isposinf(numbers), np.isneginf(numbers)], [1, 2, 3])
    return hashlib.sha256(classes.astype("u1").tobytes()).hexdigest()
