"""Which hand-ins of a class share more than chance and the released code explain.

Chance is what the class itself shows. What two pieces share counts in bits: the rarer a fingerprint
is in the class the more (its inverse document frequency), nothing if all have it. Of that is taken
off what either piece shares with others, too, more than a few: so two who solve an exercise as many
do have nothing in common. What is left, added up over all pieces, has to be more than the best of
so many pairs reaches by chance.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from grading.similarity.pieces import Kind, Piece
from grading.similarity.winnowing import grams, winnow

FEWEST = 8  # fingerprints in common below which two pieces share nothing
FEW, FEW_OF_CLASS = 3, 0.05  # hand-ins, or of all of them: who may share a part beside the two
SURE = 16  # bits beyond those that the best of all pairs reaches by chance
HAVE = 0.8  # of the fingerprints of a shared part: who has so many of them has the part

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class HandIn:
    """What one student or a pair handed in.

    Attributes
    ----------
    students : tuple of str
        Their ids.
    named : frozenset of str
        The ids of all whom they name as authors, themselves among them.
    pieces : tuple of Piece
    term : str
        What the course of an earlier term is called; empty for this term's.
    """

    students: tuple[str, ...]
    named: frozenset[str]
    pieces: tuple[Piece, ...]
    term: str = ""

    def signed_with(self, other: "HandIn") -> bool:
        """Whether each of two hand-ins names somebody of the other: it is the same people's."""
        mine, theirs = set(self.students), set(other.students)
        return not (mine.isdisjoint(other.named) or theirs.isdisjoint(self.named))


@dataclass(frozen=True)
class Side:
    """A piece on one side of a shared part, with the numbers of the lines that are shared."""

    piece: Piece
    lines: frozenset[int]


@dataclass(frozen=True)
class Part:
    """What a piece of one hand-in shares with a piece of another.

    Attributes
    ----------
    sides : tuple of Side
    units : int
        Statements, or words, that they share.
    holders : int
        How many hand-ins have it, the two among them.
    """

    sides: tuple[Side, Side]
    units: int
    holders: int

    @property
    def kind(self) -> Kind:
        """What is compared."""
        return self.sides[0].piece.kind


@dataclass(frozen=True)
class Pair:
    """Two hand-ins, and the parts that they share, the rarest first."""

    hand_ins: tuple[HandIn, HandIn]
    parts: tuple[Part, ...]

    def units(self, kind: Kind) -> int:
        """Return how many statements, or words, they share."""
        return sum(part.units for part in self.parts if part.kind is kind)

    @property
    def holders(self) -> int:
        """How many hand-ins have the rarest part."""
        return min(part.holders for part in self.parts)


@dataclass(frozen=True)
class Traced:
    """A piece with its fingerprints: where each occurs; and which tokens the release has, too."""

    owner: int
    piece: Piece
    places: dict[int, list[int]]
    released: frozenset[int]

    @classmethod
    def of(cls, owner: int, piece: Piece, released: Collection[int]) -> "Traced":
        """Fingerprint a piece without what is in ``released``, the release's k-grams."""
        kind = piece.kind
        hashes = grams(piece.texts, kind.k)
        places: dict[int, list[int]] = {}
        for value, place in winnow(hashes, kind.window):
            if value not in released:
                places.setdefault(value, []).append(place)
        known = (place for place, value in enumerate(hashes) if value in released)
        return cls(owner, piece, places, frozenset(_covered(known, kind.k)))

    @cached_property
    def sizes(self) -> Counter[int]:
        """How many tokens each unit has."""
        return Counter(token.unit for token in self.piece.tokens)

    def shared(self, hashes: Iterable[int]) -> tuple[int, Side]:
        """Return how many units these fingerprints cover for the most part, and their lines."""
        places = (place for value in hashes for place in self.places[value])
        tokens = [
            self.piece.tokens[place]
            for place in _covered(places, self.piece.kind.k) - self.released
        ]
        units = Counter(token.unit for token in tokens)
        whole = {unit for unit, count in units.items() if 2 * count > self.sizes[unit]}
        lines = frozenset(token.line for token in tokens if token.unit in whole)
        return len(whole), Side(self.piece, lines)


def _covered(places: Iterable[int], k: int) -> set[int]:
    return {token for place in places for token in range(place, place + k)}


def released_grams(pieces: Iterable[Piece]) -> frozenset[int]:
    """Return every k-gram of what was released."""
    return frozenset(value for piece in pieces for value in grams(piece.texts, piece.kind.k))


def similar_pairs(hand_ins: Sequence[HandIn], released: Collection[int], most: int) -> list[Pair]:
    """Return the pairs of hand-ins that share more than chance explains, the rarest first.

    Hand-ins of an earlier term are compared with this term's, not with each other; nor are those
    of people who signed together.

    Parameters
    ----------
    hand_ins : sequence of HandIn
    released : collection of int
        The `released_grams` of all that students were given.
    most : int
        How many pairs to return at most.
    """
    traced = [
        Traced.of(owner, piece, released)
        for owner, hand_in in enumerate(hand_ins)
        for piece in hand_in.pieces
    ]
    owners: dict[int, set[int]] = {}
    for one in traced:
        for value in one.places:
            owners.setdefault(value, set()).add(one.owner)
    is_now = np.array([not hand_in.term for hand_in in hand_ins], dtype=bool)
    shared = _shared(traced, owners, is_now)
    bits = shared.bits_of_hand_ins()
    now = int(is_now.sum())
    compared = now * (now - 1) // 2 + now * (len(hand_ins) - now)
    first, second = np.nonzero(bits > SURE + math.log2(max(compared, 1)))
    found: list[Pair] = []
    for place in np.lexsort((second, first, -bits[first, second])):
        here, there = int(first[place]), int(second[place])
        pair = hand_ins[here], hand_ins[there]
        if (here > there and is_now[there]) or pair[0].signed_with(pair[1]):
            continue
        matched = shared.pieces_of(here, there)
        parts = [_part(traced[left], traced[right], owners) for left, right in matched]
        if long := [part for part in parts if part.units >= part.kind.least]:
            long.sort(key=lambda part: (part.holders, -part.units))
            found.append(Pair(pair, tuple(long)))
        if len(found) == most:
            break
    return found


@dataclass(frozen=True)
class Shared:
    """What pieces share with pieces of other hand-ins, a row a pair of pieces.

    Attributes
    ----------
    first, second : array of int
        The pieces' numbers.
    bits : array of float
    owner : array of int
        The number of the hand-in that a piece is of, by the piece's number.
    """

    first: Ints
    second: Ints
    bits: Floats
    owner: Ints

    def turned(self) -> "Shared":
        """Return the same with first and second the other way round."""
        return Shared(self.second, self.first, self.bits, self.owner)

    def rows(self, chosen: Any) -> "Shared":
        """Return some of the rows."""
        return Shared(self.first[chosen], self.second[chosen], self.bits[chosen], self.owner)

    def best(self) -> "Shared":
        """Return for each piece what it shares most with each hand-in; the most is first."""
        keys = self.first * len(self.owner) + self.owner[self.second]
        order = np.lexsort((-self.bits, keys))
        best = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]
        return self.rows(best[np.lexsort((-self.bits[best], self.first[best]))])

    def usual(self, few: int) -> Floats:
        """Return what each piece shares with hand-ins, the ``few`` most alike left out."""
        best = self.best()
        starts = np.flatnonzero(np.diff(best.first, prepend=-1))
        lengths = np.diff(starts, append=len(best.first))
        next_most = best.rows(starts[lengths > few] + few)
        usual = np.zeros(len(self.owner))
        usual[next_most.first] = next_most.bits
        return usual

    def bits_of_hand_ins(self) -> Floats:
        """Return the bits that each two hand-ins share, each piece with the one most like it."""
        count = int(self.owner.max(initial=-1)) + 1
        totals = []
        for way in (self.best(), self.turned().best()):
            total = np.zeros((count, count))
            np.add.at(total, (way.owner[way.first], way.owner[way.second]), way.bits)
            totals.append(total)
        return np.minimum(totals[0], totals[1].T)

    def pieces_of(self, one: int, other: int) -> list[tuple[int, int]]:
        """Return which pieces two hand-ins share, the most alike first, no piece twice."""
        is_theirs = (self.owner[self.first] == one) & (self.owner[self.second] == other)
        theirs = self.rows(np.flatnonzero(is_theirs))
        found: list[tuple[int, int]] = []
        for row in np.argsort(-theirs.bits, kind="stable"):
            left, right = int(theirs.first[row]), int(theirs.second[row])
            if all(left != before and right != after for before, after in found):
                found.append((left, right))
        return found


def _shared(
    traced: Sequence[Traced], owners: dict[int, set[int]], is_now: NDArray[np.bool_]
) -> Shared:
    """Return what this term's pieces share beyond what is usual: an inverted index, squared."""
    hand_ins = len(is_now)
    common = (value for value, have in owners.items() if len(have) > 1)
    columns = {value: column for column, value in enumerate(common)}
    entries = [
        (row, columns[value])
        for row, one in enumerate(traced)
        for value in one.places
        if value in columns
    ]
    rows, places = np.array(entries, dtype=np.int64).reshape(-1, 2).T
    rarity = np.log2([(hand_ins + 1) / len(owners[value]) for value in columns])
    owner = np.array([one.owner for one in traced], dtype=np.int64)
    this_terms = np.flatnonzero(is_now[owner])

    def product(weights: Floats) -> sparse.coo_array:
        shape = (len(traced), len(columns))
        matrix = sparse.csr_array((np.sqrt(weights)[places], (rows, places)), shape=shape)
        result = matrix[this_terms] @ matrix.T
        result.sort_indices()
        return result.tocoo()

    count = product(np.ones(len(columns)))
    first, second = (numbers.astype(np.int64) for numbers in count.coords)
    first = this_terms[first]
    bits = product(rarity).data * np.array([one.piece.kind.disjoint for one in traced])[first]
    every = Shared(first, second, bits, owner)
    every = every.rows((count.data > FEWEST - 0.5) & (owner[first] != owner[second]))
    few = max(FEW, math.ceil(FEW_OF_CLASS * hand_ins))
    usual = np.maximum(every.usual(few)[every.first], every.turned().usual(few)[every.second])
    beyond = Shared(every.first, every.second, every.bits - usual, owner)
    return beyond.rows(beyond.bits > 0)


def _part(one: Traced, other: Traced, owners: dict[int, set[int]]) -> Part:
    hashes = one.places.keys() & other.places.keys()
    (left, mine), (right, others) = one.shared(hashes), other.shared(hashes)
    having = Counter(owner for value in hashes for owner in owners[value])
    holders = sum(count >= HAVE * len(hashes) for count in having.values())
    return Part((mine, others), min(left, right), holders)
