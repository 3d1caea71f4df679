"""How far a number may be from the reference's and still be the same answer."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from grading.answers.canonical import Reals

RELATIVE_TOLERANCE = 2.0**-13  # about 1.2e-4: far above float32 rounding, below any real mistake
ABSOLUTE_FLOOR = 2.0**-23  # about 1.2e-7: what is left of a float32 sum that cancels out
EDGE = 2.0**-23  # a tolerance reaches this share further, so that its very edge is inside
SPREAD = 6.0  # how many times a typical random walk the tolerance of a sum is


@dataclass(frozen=True)
class Tolerance:
    """How far a real number may be from the reference's and still be the same answer.

    Attributes
    ----------
    absolute : float
    relative : float
        0.0, or how much of the reference's own magnitude is allowed besides: the allowance is
        then ``hypot(absolute, relative * reference)``.
    """

    absolute: float
    relative: float = 0.0

    def bent(self, numbers: Reals) -> Reals:
        """Return where finite numbers lie on a line on which a relative allowance is 1."""
        with np.errstate(over="ignore"):
            scaled = np.nan_to_num(numbers * (self.relative / self.absolute))
        return np.arcsinh(scaled) / self.relative

    def close(self, numbers: Reals, reference: Reals) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return for each number whether it is the reference's; NaN and infinity are themselves."""
        with np.errstate(over="ignore", invalid="ignore"):
            if self.relative:
                near = np.abs(self.bent(numbers) - self.bent(reference)) <= 1 + EDGE
            else:
                near = np.abs(numbers - reference) <= self.absolute * (1 + EDGE)
        finite = np.isfinite(numbers) & np.isfinite(reference)
        same = (numbers == reference) | (np.isnan(numbers) & np.isnan(reference))
        return np.asarray(same | (finite & near))

    def of_sums(self, count: int, spread: float = SPREAD) -> "Tolerance":
        """Return the tolerance of a projection of ``count`` numbers.

        The differences of many numbers add up as a random walk does; ``spread`` is how much
        further than a typical walk is allowed.
        """
        typical = self.absolute * 2 if self.relative else self.absolute
        return Tolerance(spread * math.sqrt(max(count, 1)) * typical)


def tolerance_of(scale: float, tol: float | None = None) -> Tolerance:
    """Return the tolerance of values that are compared with the real numbers of a reference.

    Parameters
    ----------
    scale : float
        Root mean square of the reference's finite real numbers.
    tol : float, optional
        Absolute. By default a number may differ by `RELATIVE_TOLERANCE` of its magnitude, and
        where it is small beside the others by half of that of their root mean square, rounded
        up to a power of two so that the public grid does not give the reference away.
    """
    if tol is not None:
        return Tolerance(tol)
    exponent = math.ceil(math.log2(scale)) - 1 if scale else -1100
    return Tolerance(max(RELATIVE_TOLERANCE * 2.0**exponent, ABSOLUTE_FLOOR), RELATIVE_TOLERANCE)
