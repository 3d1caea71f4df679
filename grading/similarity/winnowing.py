"""Fingerprints of a sequence of tokens by winnowing.

S. Schleimer, D. S. Wilkerson and A. Aiken: Winnowing: local algorithms for document fingerprinting.
SIGMOD 2003, 76-85. https://doi.org/10.1145/872757.872770
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

BASE, MODULUS = 1_000_003, 2**61 - 1  # of the rolling hash


class Fingerprint(NamedTuple):
    """The hash of a k-gram, and the place of its first token."""

    hash: int
    place: int


def grams(tokens: Sequence[str], k: int) -> list[int]:
    """Return the hash of every k-gram, in order; the same in every process.

    Examples
    --------
    >>> first, _, third = grams(["a", "b", "a", "b"], 2)
    >>> first == third
    True
    """
    numbers = [zlib.crc32(token.encode("utf-8", "replace")) for token in tokens]
    leaving = pow(BASE, k, MODULUS)
    value, hashes = 0, []
    for place, number in enumerate(numbers):
        value = (value * BASE + number) % MODULUS
        if place >= k:
            value = (value - numbers[place - k] * leaving) % MODULUS
        if place >= k - 1:
            hashes.append(value)
    return hashes


def winnow(hashes: Sequence[int], window: int) -> list[Fingerprint]:
    """Return the least hash of every window of k-grams, the rightmost of equals, each place once.

    Two sequences that share ``window + k - 1`` tokens in a row share a fingerprint there (the
    guarantee threshold); a match shorter than ``k`` is never seen. Of random tokens some
    ``2 / (window + 1)`` are chosen.

    Parameters
    ----------
    hashes : sequence of int
        Of all k-grams; where there are fewer than ``window``, the least of them is chosen.
    window : int

    Examples
    --------
    >>> [one.place for one in winnow([77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77], 4)]
    [3, 6, 8, 11]
    """
    chosen: list[Fingerprint] = []
    for start in range(max(len(hashes) - window + 1, min(len(hashes), 1))):
        end = min(start + window, len(hashes))
        if chosen and chosen[-1].place >= start:  # only the one that enters may be less
            if hashes[end - 1] <= chosen[-1].hash:
                chosen.append(Fingerprint(hashes[end - 1], end - 1))
            continue
        place = min(range(start, end), key=lambda place: (hashes[place], -place))
        chosen.append(Fingerprint(hashes[place], place))
    return chosen
