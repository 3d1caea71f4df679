"""The scale of a course's mark: how it is rounded, when it passes and what it is called.

All of it is exact: numbers are fractions, equal to the decimals that stand in course.toml.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any

from grading.course.tables import Rule, is_number
from grading.messages import Reason

POINTS, TABLE_OF_GRADES = "points", "table"
LETTERS = {
    "A": 93, "A−": 90, "B+": 87, "B": 83, "B−": 80, "C+": 77, "C": 73, "C−": 70, "D+": 67,
    "D": 63, "D−": 60, "F": 0,
}  # fmt: skip
# Spain's, by Real Decreto 1125/2003, article 5.
SPAINS = {"outstanding": 9, "notable": 7, "pass": 5, "fail": 0}

# The maximum of each scale, and the mark from which on it passes.
SCALES: dict[str, tuple[int, int]] = {
    "percent": (100, 50), "0-10": (10, 5), "letters": (100, 60), POINTS: (0, 0),
    TABLE_OF_GRADES: (100, 0),
}  # fmt: skip
# What a scale needs beside its name, and what else it takes that others do not.
NEEDS = {POINTS: ("maximum", "pass_mark"), TABLE_OF_GRADES: ("thresholds", "pass_mark")}
COMMON = {"scale", "pass_mark", "step", "drop", "beyond_maximum"}

SCALE = Rule(f"one of: {', '.join(SCALES)}", lambda value: value in tuple(SCALES))
MARK = Rule("a number above 0, up to 1000", lambda value: is_number(value) and 0 < value <= 1000)
STEP = Rule(
    "a number from 0.01 to 100, with at most two decimals",
    lambda value: (
        is_number(value) and 0.01 <= value <= 100 and exact(100 * exact(value)).denominator == 1
    ),
)
DROP = Rule(
    "a whole number from 0 to 100",
    lambda value: is_number(value) and isinstance(value, int) and 0 <= value <= 100,
)
SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
THRESHOLDS = Rule(
    "a table of grades, each with the percentage from which on it is given, such as "
    "{ good = 70, pass = 50, fail = 0 }",
    lambda value: (
        isinstance(value, dict)
        and bool(value)
        and all(name.strip() for name in value)
        and all(is_number(least) and 0 <= least <= 100 for least in value.values())
    ),
)


def exact(number: float | Fraction) -> Fraction:
    """Return the fraction that a number is as it is written.

    Examples
    --------
    >>> exact(0.1)
    Fraction(1, 10)
    """
    return number if isinstance(number, Fraction) else Fraction(str(number))


@dataclass(frozen=True)
class Marking:
    """What course.toml says of the course's mark in ``[mark]``."""

    scale: Annotated[str, SCALE] = "percent"
    maximum: Annotated[float, MARK] = 0.0  # of the scale "points"
    pass_mark: Annotated[float, MARK] = 0.0  # 0: that of the scale
    step: Annotated[float, STEP] = 0.1  # to which marks are rounded, halves up
    drop: Annotated[int, DROP] = 0  # labs of each student that may be left out
    beyond_maximum: Annotated[bool, SWITCH] = False  # whether a lab can give more than its marks
    thresholds: Annotated[dict[str, float], THRESHOLDS] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """A scale of marks from 0.

    Attributes
    ----------
    maximum, pass_mark, step : Fraction
    grades : tuple
        From which mark on each grade is given, and its name, the best one first; a `Reason` is one
        in the course's language.
    """

    maximum: Fraction
    pass_mark: Fraction
    step: Fraction
    grades: tuple[tuple[Fraction, str | Reason], ...] = ()

    def rounded(self, share: Fraction) -> Fraction:
        """Return the mark for a share of everything: to the nearest step, halves up.

        Examples
        --------
        >>> scale_of(Marking("0-10")).rounded(Fraction("0.495"))
        Fraction(5, 1)
        """
        steps = math.floor(share * self.maximum / self.step + Fraction(1, 2))
        return min(max(steps * self.step, Fraction(0)), self.maximum)

    def grade(self, mark: Fraction) -> str | Reason:
        """Return what a mark is called; nothing if it is only a number."""
        return next((name for least, name in self.grades if mark >= least), "")

    @property
    def below_pass(self) -> Fraction:
        """The best mark that does not pass."""
        return (math.ceil(self.pass_mark / self.step) - 1) * self.step

    @property
    def targets(self) -> tuple[tuple[Fraction, str | Reason], ...]:
        """The marks that a student may aim at, the lowest first: those of grades, or round ones."""
        if self.grades:
            found = {least: name for least, name in self.grades if least}
        else:
            tenths = (self.maximum * tenth / 10 for tenth in range(1, 11))
            found = {mark: "" for mark in tenths if mark > self.pass_mark}
        return tuple(sorted(({self.pass_mark: ""} | found).items(), key=lambda item: item[0]))


def scale_of(marking: Marking) -> Scale:
    """Return the scale that course.toml asks for."""
    maximum, pass_mark = SCALES[marking.scale]
    grades: list[tuple[str | Reason, float]] = []
    if marking.scale == "letters":
        grades += LETTERS.items()
    elif marking.scale == TABLE_OF_GRADES:
        grades += marking.thresholds.items()
    elif marking.scale == "0-10":
        grades += [(Reason(f"grade.{name}"), least) for name, least in SPAINS.items()]
    return Scale(
        exact(marking.maximum or maximum),
        exact(marking.pass_mark or pass_mark),
        exact(marking.step),
        tuple((exact(least), name) for name, least in grades),
    )


def contradictions(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for what a right table ``[mark]`` lacks, or says against itself."""
    scale = table.get("scale", "percent")
    needs = NEEDS.get(scale, ())
    for name in needs:
        if name not in table:
            yield f'{name} is missing; the scale "{scale}" needs it'
    for name in table:
        if name not in COMMON and name not in needs:
            yield f'{name} means nothing to the scale "{scale}"; leave one of the two out'
    maximum = table.get("maximum", SCALES[scale][0])
    for name in ("pass_mark", "step"):
        if maximum and table.get(name, 0) > maximum:
            yield f"{name} is {table[name]}; expected at most {maximum}, the scale's maximum"
    least = list(table.get("thresholds", {}).values())
    if least and (least[-1] != 0 or any(b >= a for a, b in pairwise(least))):
        yield (
            f"thresholds are {', '.join(map(str, least))}; expected each to be lower than the one "
            "before it, the last one 0"
        )
