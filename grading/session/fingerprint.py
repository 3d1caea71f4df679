"""Salted, slow, tolerant hashes of answers: quick feedback that holds no answer.

A real number is put on a grid whose buckets are two tolerances wide, shifted so that the
reference sits in the middle of its bucket. Only the bucket's index is hashed; the shift and the
tolerance are public and say nothing of the index. So a value within the tolerance always matches,
a value outside never does, and there is no rounding edge. Of a large array seeded projections
(random weighted sums) are put on the grid, in which every element, its place and the shape count.

Fingerprints are for the student's own ✓ and ✗. Grading never trusts them: a patient student can
try all answers to a question with few possible ones.
"""

import base64
import hashlib
import hmac
import json
import math
import secrets
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from grading.answers.canonical import Canonical, Integers, Reals, as_kind, finite_scale, split
from grading.answers.projections import digest_of_integers, digest_of_specials, project
from grading.answers.tolerance import EDGE, Tolerance, tolerance_of

NUMBER_BY_NUMBER = 256  # more real numbers than this are hashed as projections
ROWS = 4  # projections that each number takes part in
BLOCKS = 64  # sums in a row of projections
SHIFT_BITS = 24
SCRYPT_COST = 2**12  # 4 MiB and about 10 ms a guess


@dataclass(frozen=True)
class Fingerprint:
    """What is public of one answer.

    Attributes
    ----------
    kind, shape, types
        As in `grading.answers.canonical.Canonical`; they feed the hints.
    salt : str
        16 random bytes in hexadecimal; also seeds the projections.
    tolerance : Tolerance or None
        What the grid is made of; None where nothing is rounded.
    shifts : str
        Base64 of where the grid starts for each number or projection, in 2**-24 of a bucket,
        three bytes each.
    digest : str
        scrypt of everything hidden: the exact part and the bucket indices.
    """

    kind: str
    shape: tuple[int, ...]
    types: str
    salt: str
    tolerance: Tolerance | None
    shifts: str
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data, read back by `from_json`."""
        return asdict(self) | {"shape": list(self.shape)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fingerprint":
        """Rebuild a fingerprint from `to_json`'s data."""
        tolerance = data["tolerance"] and Tolerance(**data["tolerance"])
        return cls(**{**data, "shape": tuple(data["shape"]), "tolerance": tolerance})


def fingerprint(reference: Canonical, tol: float | None = None) -> Fingerprint:
    """Return the public fingerprint of the answer ``reference``.

    Parameters
    ----------
    reference : Canonical
    tol : float, optional
        Absolute tolerance; see `tolerance_of` for the default. Whole numbers, truth values and
        text have none.
    """
    parts = split(reference, reference.types)
    assert parts is not None  # a value fits its own types
    whole, reals = parts
    salt = secrets.token_hex(16)
    tolerance = tolerance_of(finite_scale(reals), tol) if reals.size else None
    places = _places(reals, salt, tolerance)
    half = 2 ** (SHIFT_BITS - 1)
    shifts = [(round(place * 2**SHIFT_BITS) - half) % 2**SHIFT_BITS for place in places]
    return Fingerprint(
        reference.kind,
        reference.shape,
        reference.types,
        salt,
        tolerance,
        base64.b64encode(b"".join(shift.to_bytes(3, "big") for shift in shifts)).decode("ascii"),
        _digest(reference, whole, reals, _buckets(places, shifts), salt),
    )


def matches(value: Canonical, expected: Fingerprint) -> bool:
    """Return whether ``value`` is the answer behind ``expected``, within its tolerance.

    Up to `NUMBER_BY_NUMBER` real numbers match where each lies within the tolerance; more match
    where each of their projections lies within `Tolerance.of_sums`. Whole numbers, text, shapes,
    NaN and infinities must agree exactly.
    """
    seen = as_kind(value, expected.kind)
    parts = split(seen, expected.types) if seen else None
    if seen is None or parts is None or seen.shape != expected.shape:
        return False
    whole, reals = parts
    packed = base64.b64decode(expected.shifts)
    shifts = [int.from_bytes(packed[at : at + 3], "big") for at in range(0, len(packed), 3)]
    places = _places(reals, expected.salt, expected.tolerance)
    if len(places) != len(shifts):
        return False
    digest = _digest(seen, whole, reals, _buckets(places, shifts), expected.salt)
    return hmac.compare_digest(digest, expected.digest)


def _places(reals: Reals, salt: str, tolerance: Tolerance | None) -> list[Fraction]:
    """Return where numbers or their projections lie on the grid, in buckets."""
    if tolerance is None:
        return []
    finite = np.where(np.isfinite(reals), reals, 0.0)
    if reals.size > NUMBER_BY_NUMBER:
        tolerance = tolerance.of_sums(-(-reals.size // BLOCKS))
        finite = project(finite, salt, ROWS, BLOCKS)
    # Fractions hold every float exactly, so that no rounding happens at a bucket's edge.
    unit = 2 * (1 + Fraction(EDGE))
    if tolerance.relative:
        return [Fraction(place) / unit for place in tolerance.bent(finite).tolist()]
    unit *= Fraction(tolerance.absolute)
    return [Fraction(number) / unit for number in finite.tolist()]


def _buckets(places: list[Fraction], shifts: list[int]) -> list[int]:
    return [
        math.floor(place - Fraction(shift, 2**SHIFT_BITS))
        for place, shift in zip(places, shifts, strict=True)
    ]


def _digest(value: Canonical, whole: Integers, reals: Reals, buckets: list[int], salt: str) -> str:
    """Hash what is hidden: slow on purpose, so that trying all answers takes a while."""
    hidden = [
        value.kind,
        value.shape,
        value.exact,
        digest_of_integers(whole),
        digest_of_specials(reals),
        [hex(bucket) for bucket in buckets],
    ]
    text = json.dumps(hidden).encode()
    return hashlib.scrypt(text, salt=bytes.fromhex(salt), n=SCRYPT_COST, r=8, p=1, dklen=16).hex()
