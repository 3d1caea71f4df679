"""One mark for the course: what counts of a student's labs and exams, and what it comes to.

Everything is computed in fractions, so that nobody misses a threshold by a binary digit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from grading.course.scales import Scale
from grading.messages import Reason

GRID = 10_000  # a share of marks that is needed is told to this part of it
FINEST = 10**6  # denominators of marks that floats only come near to


class State(Enum):
    """What there is of a student in a part of the course."""

    MARKED = "marked"
    WAITING = "waiting"  # it has marks, but a person has yet to look
    MISSING = "missing"
    NOT_YET = "not_yet"
    EXCUSED = "excused"


class Use(Enum):
    """What becomes of it in the course's mark."""

    COUNTS = "counts"
    ADDED = "added"
    DROPPED = "dropped"
    LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Part:
    """A lab, or an exam that was marked elsewhere.

    Attributes
    ----------
    name : str
    weight : Fraction
        Relative to those of the other parts.
    minimum : Fraction
        The share of its marks without which nobody passes the course.
    bonus : bool
        What it earns is added, and what it lacks costs nothing.
    may_be_dropped : bool
    """

    name: str
    weight: Fraction = Fraction(1)
    minimum: Fraction = Fraction(0)
    bonus: bool = False
    may_be_dropped: bool = True


@dataclass(frozen=True)
class Earned:
    """What a student has in a part.

    Attributes
    ----------
    state : State
    share : Fraction
        Of its marks; 0 without marks.
    why : str
        The reason of an excuse.
    """

    state: State
    share: Fraction = Fraction(0)
    why: str = ""


@dataclass(frozen=True)
class Line:
    """A part in a student's mark, and what becomes of it."""

    part: Part
    earned: Earned
    use: Use

    @property
    def is_below_minimum(self) -> bool:
        """Whether it counts and keeps the student from passing."""
        return self.use is not Use.DROPPED and _is_below_minimum(self.part, self.earned)


@dataclass(frozen=True)
class CourseMark:
    """A student's mark in the course.

    Attributes
    ----------
    lines : tuple of Line
        One a part.
    share : Fraction or None
        Of everything that counts so far, before rounding; None while nothing does.
    mark : Fraction or None
        On the scale, rounded, and not passing if a minimum is missed.
    grade : str or Reason
        What the mark is called; empty where the scale has only numbers.
    is_final : bool
        Nothing is to come, and nothing waits for a person.
    """

    lines: tuple[Line, ...]
    share: Fraction | None
    mark: Fraction | None
    grade: str | Reason
    is_final: bool

    @property
    def below_minimum(self) -> tuple[Line, ...]:
        """The lines that keep the student from passing, whatever the others are."""
        return tuple(line for line in self.lines if line.is_below_minimum)


Item = tuple[Part, Earned]


def near(marks: float) -> Fraction:
    """Return the fraction that marks stand for which were added up as floats.

    Examples
    --------
    >>> near(0.1 + 0.2), near(1 / 3)
    (Fraction(3, 10), Fraction(1, 3))
    """
    return Fraction(marks).limit_denominator(FINEST)


def course_mark(
    parts: Sequence[Part], earned: Mapping[str, Earned], scale: Scale, drop: int = 0
) -> CourseMark:
    """Return a student's mark.

    Parameters
    ----------
    parts : sequence of Part
    earned : mapping of str to Earned
        For each part, by its name.
    scale : Scale
    drop : int
        So many parts may be left out: those without which the mark is best. One always stays.
    """
    has = [(part, earned[part.name]) for part in parts]
    regular = [item for item in has if _counts(item) and not item[0].bonus]
    marks = [_without(left_out, has, scale) for left_out in _choices(regular, drop)]
    return max(marks, key=lambda mark: (mark.mark or 0, mark.share or 0))


def share_needed(
    parts: Sequence[Part], earned: Mapping[str, Earned], scale: Scale, drop: int, target: Fraction
) -> Fraction | None:
    """Return the share of marks with which, in all that is to come, a student reaches a mark.

    It is the least one, to `GRID`; 0 if even that is more than is needed, None if all the marks
    are not enough. Bonus parts that are to come are not counted on.
    """

    def reaches(steps: int) -> bool:
        mark = course_mark(
            parts, with_share(parts, earned, Fraction(steps, GRID)), scale, drop
        ).mark
        return mark is not None and mark >= target

    low, high = -1, GRID  # the mark is not reached with `low`, and is with `high`
    if not reaches(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return Fraction(high, GRID)


def to_come(parts: Iterable[Part], earned: Mapping[str, Earned]) -> list[Part]:
    """Return the parts with which a student can still change the mark; not those of bonus."""
    return [
        part
        for part in parts
        if earned[part.name].state is State.NOT_YET and part.weight and not part.bonus
    ]


def with_share(
    parts: Sequence[Part], earned: Mapping[str, Earned], share: Fraction
) -> dict[str, Earned]:
    """Return what a student would have with that share of the marks in all that is to come."""
    marked = Earned(State.MARKED, share)
    return {**earned, **{part.name: marked for part in to_come(parts, earned)}}


def _counts(item: Item) -> bool:
    return item[1].state not in (State.NOT_YET, State.EXCUSED)


def _is_below_minimum(part: Part, earned: Earned) -> bool:
    return _counts((part, earned)) and earned.share < part.minimum


def _mean(items: Iterable[Item]) -> Fraction | None:
    items = list(items)
    weight = sum((part.weight for part, _ in items), Fraction(0))
    return sum(part.weight * mine.share for part, mine in items) / weight if weight else None


def _without(dropped: Sequence[Part], has: Sequence[Item], scale: Scale) -> CourseMark:
    """Return the mark if these parts are left out."""
    lines = tuple(Line(*item, _use(item, dropped)) for item in has)
    share = _mean(item for item in has if _use(item, dropped) is Use.COUNTS)
    if share is not None:
        whole = sum(
            part.weight for part, mine in has if not part.bonus and mine.state is not State.EXCUSED
        )
        share += (
            sum(
                (
                    part.weight * mine.share
                    for part, mine in has
                    if part.bonus and _counts((part, mine))
                ),
                Fraction(0),
            )
            / whole
        )
    mark = None if share is None else scale.rounded(share)
    if mark is not None and any(line.is_below_minimum for line in lines):
        mark = min(mark, scale.below_pass)
    return CourseMark(
        lines,
        share,
        mark,
        "" if mark is None else scale.grade(mark),
        not any(mine.state in (State.NOT_YET, State.WAITING) for _, mine in has),
    )


def _use(item: Item, dropped: Sequence[Part]) -> Use:
    part = item[0]
    if not _counts(item):
        return Use.LEFT_OUT
    if part in dropped:
        return Use.DROPPED
    return Use.ADDED if part.bonus else Use.COUNTS


def _choices(regular: Sequence[Item], drop: int) -> Iterator[list[Part]]:
    """Yield the parts to leave out for the best mean, and for the best that misses no minimum.

    One of the two has the best mark of all choices: those that miss a minimum are held below the
    pass mark alike, so the best mean is the best of them, too.
    """
    droppable = [item for item in regular if item[0].may_be_dropped and item[0].weight]
    most = max(min(drop, len(droppable) - 1), 0)
    yield _dropped(regular, droppable, most, [])
    below = [part for part, mine in droppable if _is_below_minimum(part, mine)]
    if 0 < len(below) <= most:
        yield _dropped(regular, droppable, most, below)


def _dropped(
    regular: Sequence[Item], droppable: Sequence[Item], most: int, below: Sequence[Part]
) -> list[Part]:
    """Return the parts to leave out, those below their minimum among them, for the best mean.

    Which the others are depends on that mean (a part costs its weight times what it is below), so
    it is approached from below: Dinkelbach's method, which ends at the best after a few steps.
    """
    others = [item for item in droppable if item[0] not in below]
    dropped = list(below)
    mean = _mean(item for item in regular if item[0] not in dropped)
    while mean is not None:
        gains = sorted(
            (part.weight * (mine.share - mean), place) for place, (part, mine) in enumerate(others)
        )
        chosen = [others[place][0] for gain, place in gains[: most - len(below)] if gain < 0]
        better = _mean(item for item in regular if item[0] not in (*below, *chosen))
        if better is None or better <= mean:
            break
        dropped, mean = [*below, *chosen], better
    return dropped
