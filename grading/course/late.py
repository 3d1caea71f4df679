"""What handing in late costs: the course's policy, and what it comes to for a student's labs.

A day late ends at the time of day at which the lab was due, by the clocks of the course's time
zone: when they change, it has 23 or 25 hours. So what is due at 23:59 is a day late until 23:59.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any

from grading.course.dates import on_the_clock
from grading.course.tables import Rule, is_number, one_of
from grading.messages import Reason

CHEAPEST, AS_THEY_COME = "cheapest", "as_they_come"
DAY = timedelta(days=1)

# What a policy needs beside its name, and what else it takes.
NEEDS = {"none": (), "percent": ("percent",), "slip_days": ("days", "percent"), "closed": ()}
TAKES = {"percent": ("max_percent",), "slip_days": ("max_percent", "order")}


POLICY = one_of(*NEEDS)
ORDER = one_of(CHEAPEST, AS_THEY_COME)
MINUTES = Rule(
    "a number of minutes from 0 to 1440", lambda value: is_number(value) and 0 <= value <= 1440
)
PERCENT = Rule("a number above 0, up to 100", lambda value: is_number(value) and 0 < value <= 100)
DAYS = Rule(
    "a whole number from 1 to 365",
    lambda value: is_number(value) and isinstance(value, int) and 1 <= value <= 365,
)


@dataclass(frozen=True)
class Late:
    """The policy on lateness of a course."""

    policy: Annotated[str, POLICY]
    grace_minutes: Annotated[float, MINUTES] = 0.0  # by which every day's end is put off
    percent: Annotated[float, PERCENT] = 100.0  # of the marks earned, for each day that costs
    max_percent: Annotated[float, PERCENT] = 100.0  # of them, for however many days
    days: Annotated[int, DAYS] = 0  # that a student has in the whole course and that cost nothing
    order: Annotated[str, ORDER] = CHEAPEST  # in which labs get them

    def share(self, days: int) -> float:
        """Return the share of the marks that days late take when no slip day is spent on them."""
        if self.policy == "none":
            return 0.0
        return min(self.percent * days, self.max_percent) / 100


def contradictions(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield one line for what a right table ``[late]`` lacks, or says against itself."""
    policy = table["policy"]
    needs = NEEDS[policy]
    known = {"policy", "grace_minutes", *needs, *TAKES.get(policy, ())}
    for name in needs:
        if name not in table:
            yield f'{name} is missing; the policy "{policy}" needs it'
    for name in table:
        if name not in known:
            yield f'{name} means nothing to the policy "{policy}"; leave one of the two out'
    if known >= table.keys() and table.get("max_percent", 100) < table.get("percent", 0):
        yield (
            f"max_percent is {table['max_percent']}, less than the {table['percent']} percent of "
            "one day; expected as much or more"
        )


@dataclass(frozen=True)
class HandIn:
    """A student's hand-in of a lab.

    Attributes
    ----------
    lab : str
    due, at : datetime
        When it was due for this student, extensions included, and when it came; in UTC.
    raw : float
        The marks it earned.
    worth : float
        What a mark of this lab is worth beside one of another, in the course's mark.
    """

    lab: str
    due: datetime
    at: datetime
    raw: float
    worth: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the policy makes of a hand-in.

    Attributes
    ----------
    days : int
        Days late, begun ones included.
    slips : int
        Slip days spent on them.
    raw : float
    share : float
        Of the raw marks, taken off.
    rule : Reason or None
        What was applied; None if it was in time, or lateness costs nothing.
    """

    days: int
    slips: int
    raw: float
    share: float
    rule: Reason | None

    @property
    def deduction(self) -> float:
        """The marks taken off."""
        return self.raw * self.share

    @property
    def final(self) -> float:
        """The marks that are left."""
        return self.raw - self.deduction


def outcomes(late: Late, hand_ins: Sequence[HandIn], zone: tzinfo) -> dict[str, Outcome]:
    """Return what the policy makes of all the hand-ins of a student, by lab.

    Parameters
    ----------
    late : Late
    hand_ins : sequence of HandIn
        One a lab.
    zone : tzinfo
        By whose clocks days are counted.
    """
    in_turn = sorted(hand_ins, key=lambda one: one.due)
    grace = timedelta(minutes=late.grace_minutes)
    days = [days_late(one.due, one.at, zone, grace) for one in in_turn]
    spend = _cheapest if late.order == CHEAPEST else _as_they_come
    return {
        one.lab: Outcome(
            count, slips, one.raw, late.share(count - slips), _rule(late, one, count, slips, zone)
        )
        for one, count, slips in zip(in_turn, days, spend(late, in_turn, days), strict=True)
    }


def days_late(due: datetime, at: datetime, zone: tzinfo, grace: timedelta) -> int:
    """Return how many days late something came, a day that has begun counted whole.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> due, at = (datetime.fromisoformat(f"2026-10-{day}Z") for day in ("24 21:59", "25 22:59"))
    >>> [days_late(due, at, ZoneInfo(name), timedelta(0)) for name in ("Europe/Madrid", "UTC")]
    [1, 2]
    """
    wall = due.astimezone(zone).replace(tzinfo=None)
    days = max(0, (at - due - grace) // DAY - 1)
    while at > (on_the_clock(wall + days * DAY, zone) if days else due) + grace:
        days += 1
    return days


def _as_they_come(late: Late, hand_ins: Sequence[HandIn], days: Sequence[int]) -> list[int]:
    """Return the slip days spent on each lab if the first that is due takes what it needs."""
    slips, left = [], late.days
    for count in days:
        slips.append(min(count, left))
        left -= slips[-1]
    return slips


def _cheapest(late: Late, hand_ins: Sequence[HandIn], days: Sequence[int]) -> Sequence[int]:
    """Return the slip days to spend on each lab so that all together cost least.

    The cheapest way to spend each number of days is carried from lab to lab, as in the knapsack
    problem: exact, in labs × budget² steps. Of ways that cost the same, the one that spends fewer
    days, and those on labs that are due earlier.
    """
    plans: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for one, count in zip(hand_ins, days, strict=True):
        longer: dict[int, tuple[float, tuple[int, ...]]] = {}
        for spent, (cost, slips) in plans.items():
            for more in range(min(count, late.days - spent) + 1):
                total = cost + one.raw * one.worth * late.share(count - more)
                plan = (total, (*slips, more))
                longer[spent + more] = min(longer.get(spent + more, plan), plan, key=_preferred)
        plans = longer
    return min(plans.values(), key=_preferred)[1]


def _preferred(plan: tuple[float, tuple[int, ...]]) -> tuple[float, int, tuple[int, ...]]:
    """Return what plans are sorted by; a difference that is only rounding counts as none."""
    cost, slips = plan
    return round(cost, 9), sum(slips), tuple(-count for count in slips)


def _rule(late: Late, one: HandIn, days: int, slips: int, zone: tzinfo) -> Reason | None:
    if not days or late.policy == "none":
        return None
    about = {
        "due": f"{one.due.astimezone(zone):%Y-%m-%d %H:%M}",
        "days": days,
        "slips": slips,
        "percent": f"{late.percent:g}",
        "most": f"{late.max_percent:g}",
    }
    return Reason(f"late.{late.policy}", about)
