"""Salted, slow, tolerant hashes of answers: quick feedback that holds no answer.

A real number is put on a grid whose buckets are two tolerances wide, shifted so that the
reference sits in the middle of its bucket. Only the bucket's index is hashed; the shift and the
width are public and say nothing of the index. So a value within the tolerance always matches,
a value outside never does, and there is no rounding edge. Arrays go through seeded projections
(random weighted sums), in which every element, its place and the shape count.

Fingerprints are for the student's own ✓ and ✗. Grading never trusts them: a patient student can
try all answers to a question with few possible ones.
"""

import hashlib
import hmac
import json
import math
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from grading.canonical import Canonical, as_kind, finite_scale

RELATIVE_TOLERANCE = 2.0**-13  # about 1.2e-4: far above float32 rounding, below any real mistake
PROJECTIONS = 4
CROWD = 1024  # above this many numbers the rounding of all together needs a wider bucket
SCRYPT_COST = 2**12  # 4 MiB and about 10 ms a guess


@dataclass(frozen=True)
class Fingerprint:
    """What is public of one answer.

    Attributes
    ----------
    kind, shape
        As in `grading.canonical.Canonical`; they feed the hints.
    salt : str
        16 random bytes in hexadecimal; also seeds the projections.
    width : str
        Bucket width of the grid as a fraction (``"1/4096"``); ``""`` where nothing is rounded.
    shifts : tuple of str
        One fraction a projection: where the grid starts.
    digest : str
        scrypt of everything hidden: the exact part and the bucket indices.
    """

    kind: str
    shape: tuple[int, ...]
    salt: str
    width: str
    shifts: tuple[str, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data, read back by `from_json`."""
        return asdict(self) | {"shape": list(self.shape), "shifts": list(self.shifts)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fingerprint":
        """Rebuild a fingerprint from `to_json`'s data."""
        return cls(**{**data, "shape": tuple(data["shape"]), "shifts": tuple(data["shifts"])})


def tolerance_of(reference: Canonical, tol: float | None = None) -> float:
    """Return the absolute tolerance for values compared with ``reference``.

    ``tol`` if it is given, else `RELATIVE_TOLERANCE` times the root mean square of the
    reference's finite numbers, rounded up to a power of two so that the public grid does not
    give the reference away.
    """
    if tol is not None:
        if not (math.isfinite(tol) and tol > 0):
            raise ValueError(f"tol is {tol!r}; expected a positive number or None")
        return tol
    scale = finite_scale(reference.numbers)
    if scale == 0.0:
        return RELATIVE_TOLERANCE * 2.0**-13
    return float(2.0 ** max(math.ceil(math.log2(scale * RELATIVE_TOLERANCE)), -1000))


def projected_tolerance(tolerance: float, size: int) -> float:
    """Return how far apart projections of ``size`` numbers may be.

    One tolerance for up to `CROWD` numbers, so that one wrong number is seen; beyond, it grows
    with the square root of the size, as the sum of independent roundings does.
    """
    return tolerance * max(1.0, math.sqrt(size / CROWD))


def project(numbers: npt.NDArray[np.float64], key: str, count: int) -> npt.NDArray[np.float64]:
    """Return ``count`` seeded weighted sums of ``numbers``, which must be finite.

    A single number is its own projection. Weights have magnitude 0.5 to 1.5 and random sign;
    they come from raw PCG64 output, which numpy keeps the same across versions.

    Parameters
    ----------
    numbers : ndarray, shape (n,)
    key : str
        Seeds the weights.
    count : int
        Number of projections.

    Returns
    -------
    ndarray, shape (count,), or (n,) where n is 0 or 1
    """
    if numbers.size <= 1:
        return numbers
    return np.array([float(weights @ numbers) for weights in _weights(key, numbers.size, count)])


def _weights(key: str, size: int, count: int) -> Iterator[npt.NDArray[np.float64]]:
    for index in range(count):
        seed = hashlib.sha256(f"{key}:{index}".encode()).digest()
        raw = np.random.PCG64(int.from_bytes(seed, "big")).random_raw(size)
        magnitude = 0.5 + (raw >> np.uint64(12)).astype(np.float64) * 2.0**-52
        yield np.where(raw & np.uint64(1), magnitude, -magnitude)


def fingerprint(reference: Canonical, tol: float | None = None) -> Fingerprint:
    """Return the public fingerprint of the answer ``reference``.

    Parameters
    ----------
    reference : Canonical
    tol : float, optional
        Absolute tolerance; see `tolerance_of` for the default. Whole numbers, truth values and
        text have none.
    """
    salt = secrets.token_hex(16)
    if reference.is_exact or not reference.numbers.size:
        digest = _digest(reference, (), salt)
        return Fingerprint(reference.kind, reference.shape, salt, "", (), digest)
    limit = projected_tolerance(tolerance_of(reference, tol), reference.numbers.size)
    half = Fraction(limit)
    width = 2 * half
    centres = [Fraction(float(value)) for value in _projections(reference, salt)]
    shifts = tuple((centre - half) % width for centre in centres)
    buckets = _buckets(reference, salt, width, shifts)
    return Fingerprint(
        reference.kind,
        reference.shape,
        salt,
        str(width),
        tuple(str(shift) for shift in shifts),
        _digest(reference, buckets, salt),
    )


def matches(value: Canonical, expected: Fingerprint) -> bool:
    """Return whether ``value`` is the answer behind ``expected``, within its tolerance.

    Real numbers match where each projection lies within `projected_tolerance` of the
    reference's (for a scalar: where it lies within the tolerance). Shapes, NaN and infinities
    must agree exactly.
    """
    seen = as_kind(value, expected.kind)
    if seen is None or seen.shape != expected.shape:
        return False
    if not expected.width:
        return hmac.compare_digest(_digest(seen, (), expected.salt), expected.digest)
    shifts = tuple(Fraction(shift) for shift in expected.shifts)
    if len(_projections(seen, expected.salt)) != len(shifts):
        return False
    buckets = _buckets(seen, expected.salt, Fraction(expected.width), shifts)
    return hmac.compare_digest(_digest(seen, buckets, expected.salt), expected.digest)


def _projections(value: Canonical, salt: str) -> npt.NDArray[np.float64]:
    finite = np.where(np.isfinite(value.numbers), value.numbers, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = project(finite, salt, PROJECTIONS)
    return np.nan_to_num(sums)  # a sum beyond float64 lands in the outermost bucket


def _buckets(
    value: Canonical, salt: str, width: Fraction, shifts: tuple[Fraction, ...]
) -> tuple[int, ...]:
    # Fractions hold every float exactly, so that no rounding happens at a bucket's edge.
    sums = _projections(value, salt)
    return tuple(
        (Fraction(float(total)) - shift) // width for total, shift in zip(sums, shifts, strict=True)
    )


def _digest(value: Canonical, buckets: tuple[int, ...], salt: str) -> str:
    """Hash what is hidden: slow on purpose, so that trying all answers takes a while."""
    if value.is_exact:
        content = hashlib.sha256(value.numbers.astype("<i8").tobytes()).hexdigest()
    else:
        classes = np.select(
            [np.isnan(value.numbers), np.isposinf(value.numbers), np.isneginf(value.numbers)],
            [1, 2, 3],
            0,
        )
        content = hashlib.sha256(classes.astype("u1").tobytes()).hexdigest()
    text = json.dumps([value.kind, value.shape, value.exact, content, [str(b) for b in buckets]])
    digest = hashlib.scrypt(
        text.encode(), salt=bytes.fromhex(salt), n=SCRYPT_COST, r=8, p=1, dklen=16
    )
    return digest.hex()
