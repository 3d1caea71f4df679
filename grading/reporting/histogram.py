"""The bars of a histogram of percentages, for the pages that draw one."""

from collections.abc import Sequence
from dataclasses import dataclass

TALL, SMALL = 110, 24  # pixels: on its own, and within a line of a table


@dataclass(frozen=True)
class Bar:
    """A range of percentages, with how many there are of each kind and how high, in pixels."""

    low: int
    high: int
    counts: tuple[int, ...]
    heights: tuple[int, ...]


def bars(tallest: int, *kinds: Sequence[int]) -> list[Bar]:
    """Return the bars of one or several kinds that stand on each other.

    Parameters
    ----------
    tallest : int
        Pixels of the highest bar.
    *kinds : sequence of int
        How many there are of each kind in each of as many equal ranges from 0 to 100.

    Examples
    --------
    >>> bars(100, (1, 3), (1, 1))[0]
    Bar(low=0, high=50, counts=(1, 1), heights=(25, 25))
    """
    stacks = list(zip(*kinds, strict=True))
    step, highest = 100 // len(stacks), max(1, *map(sum, stacks))
    return [
        Bar(
            place * step,
            (place + 1) * step,
            counts,
            tuple(round(tallest * count / highest) for count in counts),
        )
        for place, counts in enumerate(stacks)
    ]
