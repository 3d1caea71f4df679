"""A queue before a deadline: when hand-ins come, and when each of them is graded.

Pure, in seconds. One queue, first come first served, before cores that grade one hand-in each at a
time. Fairness between students changes who waits, not how many.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]


@dataclass(frozen=True)
class Served:
    """When each hand-in came, began to be graded, and was graded; in the order in which they came.

    Examples
    --------
    >>> serve(np.array([0.0, 0.0, 1.0]), np.array([4.0, 2.0, 3.0]), cores=1).done
    array([4., 6., 9.])
    """

    came: Times
    begun: Times
    done: Times

    @property
    def took(self) -> Times:
        """From hand-in to marks."""
        return self.done - self.came

    def waiting(self, at: Times) -> NDArray[np.int64]:
        """Return how many had come and were not begun at each of these times."""
        return _until(self.came, at) - _until(np.sort(self.begun), at)

    def unfinished(self, at: Times) -> NDArray[np.int64]:
        """Return how many had come and were not graded at each of these times."""
        return _until(self.came, at) - _until(np.sort(self.done), at)


def _until(times: Times, at: Times) -> NDArray[np.int64]:
    return np.searchsorted(times, at, side="right")


def before_a_deadline(count: int, window: float, rise: float, draw: np.random.Generator) -> Times:
    """Return when hand-ins come in the window that ends at a deadline.

    Their rate grows by the factor e in every ``rise`` seconds.

    Returns
    -------
    array of shape (count,)
        Sorted, from 0 to ``window``.
    """
    share = draw.random(count)
    return np.sort(rise * np.log1p(share * np.expm1(window / rise)))


def serve(came: Times, seconds: Times, cores: int) -> Served:
    """Return how hand-ins that came at these times, and cost so many seconds each, are graded."""
    free = [0.0] * cores
    begun = np.empty_like(came)
    for number, (at, cost) in enumerate(zip(came, seconds, strict=True)):
        begun[number] = start = max(at, free[0])
        heapq.heapreplace(free, start + cost)
    return Served(came, begun, begun + seconds)


def cores_for(came: Times, seconds: Times, within: float, share: float = 0.95) -> int:
    """Return the fewest cores with which ``share`` of the hand-ins are graded ``within`` a time.

    Raises
    ------
    ValueError
        If that many take longer however many cores there are.
    """

    def suffice(cores: int) -> bool:
        return bool(np.quantile(serve(came, seconds, cores).took, share) <= within)

    if np.quantile(seconds, share) > within:
        raise ValueError(f"more than {1 - share:.0%} cost more than {within} s each")
    enough = 1
    while not suffice(enough):
        enough *= 2
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if suffice(middle) else (middle, enough)
    return enough
