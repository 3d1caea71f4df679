"""A rubric: what an answer to a question can be given, and what that comes to; pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from grading.judging.record import TOLERANCE

ZERO, TOP = "zero", "top"
STARTS = (ZERO, TOP)


@dataclass(frozen=True)
class Item:
    """One line of a rubric.

    Attributes
    ----------
    key : str
        By which answers have it; it stays when the item changes.
    points : float
        Added to where the rubric starts; below 0 in one that starts from the top.
    words : mapping of str to str
        By language.
    """

    key: str
    points: float
    words: Mapping[str, str] = field(hash=False)

    def text(self, lang: str) -> str:
        """Return its words in a language, in any other where there are none in that."""
        return self.words.get(lang) or next(iter(self.words.values()))


@dataclass(frozen=True)
class Rubric:
    """What an answer can be given.

    Attributes
    ----------
    start : str
        `ZERO`, from which items add, or `TOP`, from which they take off.
    items : tuple of Item
    """

    start: str = ZERO
    items: tuple[Item, ...] = ()

    def marks(self, given: Collection[str], most: float) -> float:
        """Return what an answer with these items has, of a question of ``most`` marks.

        Examples
        --------
        >>> rubric = Rubric(TOP, (Item("1", -1, {"en": "no units"}), Item("2", -9, {"en": "no"})))
        >>> rubric.marks(["1"], 4), rubric.marks(["1", "2"], 4)
        (3.0, 0.0)
        """
        total = most if self.start == TOP else 0.0
        total += sum(item.points for item in self.items if item.key in given)
        return clamped(total, most)


def clamped(marks: float, most: float) -> float:
    """Return marks that a question of ``most`` can have."""
    return float(min(max(marks, 0.0), most))


def mistake(start: str, points: Iterable[float], most: float) -> str:
    """Return what is wrong with the points of a rubric, ``""`` if that is nothing."""
    points = list(points)
    if start == TOP and any(one > 0 for one in points):
        return f"it starts from the top and adds {max(points):g}; expected points of 0 or below"
    if start == ZERO and any(one < 0 for one in points):
        return f"it starts from zero and takes off {-min(points):g}; expected points of 0 or above"
    total = abs(sum(points))
    if total > most + TOLERANCE:
        return f"its points sum to {total:g}, and the question has {most:g}; expected that at most"
    return ""
