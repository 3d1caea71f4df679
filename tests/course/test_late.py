"""What lateness costs: promises that hold for every policy, class and clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.course.late import (
    AS_THEY_COME,
    CHEAPEST,
    HandIn,
    Late,
    contradictions,
    days_late,
    outcomes,
)

MADRID = ZoneInfo("Europe/Madrid")
NONE = timedelta(0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

percents = st.sampled_from([0.5, 5, 10, 33.3, 50, 100])
policies = st.one_of(
    st.just(Late("none")),
    st.builds(Late, st.just("closed"), grace_minutes=st.sampled_from([0, 30])),
    st.builds(Late, st.just("percent"), percent=percents, max_percent=percents),
    st.builds(
        Late,
        st.just("slip_days"),
        grace_minutes=st.sampled_from([0, 30]),
        percent=percents,
        max_percent=percents,
        days=st.integers(1, 5),
        order=st.sampled_from([CHEAPEST, AS_THEY_COME]),
    ),
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)).map(
    lambda time: time.replace(tzinfo=UTC)
)
lateness = st.integers(-2 * 86400, 9 * 86400).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def classes(draw: st.DrawFn) -> list[HandIn]:
    """A student's hand-ins of a few labs."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        due = draw(instants)
        raw = draw(st.floats(0, 200, allow_nan=False))
        worth = draw(st.sampled_from([0.0, 0.1, 1.0, 3.0]))
        found.append(HandIn(f"lab{number}", due, due + draw(lateness), raw, worth))
    return found


def cost(late: Late, hand_ins: list[HandIn]) -> float:
    found = outcomes(late, hand_ins, MADRID)
    return sum(one.worth * found[one.lab].deduction for one in hand_ins)


@given(policies, classes())
def test_a_mark_stays_between_none_and_what_was_earned(late: Late, labs: list[HandIn]) -> None:
    found = outcomes(late, labs, MADRID)
    assert set(found) == {one.lab for one in labs}
    for one in labs:
        outcome = found[one.lab]
        assert 0 <= outcome.final <= outcome.raw == one.raw
        assert outcome.final + outcome.deduction == pytest.approx(one.raw)
        if one.at <= one.due:
            assert (outcome.days, outcome.deduction, outcome.rule) == (0, 0, None)
    assert sum(outcome.slips for outcome in found.values()) <= late.days
    assert all(outcome.slips <= outcome.days for outcome in found.values())


@given(policies, classes(), st.data(), lateness.map(abs))
def test_more_lateness_never_gives_more(
    late: Late, labs: list[HandIn], data: st.DataObject, more: timedelta
) -> None:
    place = data.draw(st.integers(0, len(labs) - 1))
    later = list(labs)
    later[place] = replace(labs[place], at=labs[place].at + more)
    assert cost(late, later) >= cost(late, labs) - 1e-6


@given(policies, instants, lateness, lateness.map(abs), st.floats(0, 200))
def test_of_one_lab_the_later_hand_in_never_has_more(
    late: Late, due: datetime, by: timedelta, more: timedelta, raw: float
) -> None:
    finals = [
        outcomes(late, [HandIn("lab", due, due + time, raw)], MADRID)["lab"].final
        for time in (by, by + more)
    ]
    assert finals[1] <= finals[0]


@given(policies.filter(lambda late: late.policy == "slip_days"), classes())
def test_slip_days_are_spent_as_well_as_any_way_of_spending_them(
    late: Late, labs: list[HandIn]
) -> None:
    days = [
        days_late(one.due, one.at, MADRID, timedelta(minutes=late.grace_minutes)) for one in labs
    ]
    best = min(
        sum(
            one.raw * one.worth * min(late.percent * (count - slips), late.max_percent) / 100
            for one, count, slips in zip(labs, days, spent, strict=True)
        )
        for spent in product(*(range(min(count, late.days) + 1) for count in days))
        if sum(spent) <= late.days
    )
    assert cost(replace(late, order=CHEAPEST), labs) == pytest.approx(best, abs=1e-6)
    assert cost(replace(late, order=AS_THEY_COME), labs) >= best - 1e-6


def hand_in(lab: str, days: int, raw: float, worth: float = 1.0) -> HandIn:
    due = datetime(2026, 10, int(lab), 21, 59, tzinfo=UTC)
    return HandIn(lab, due, due + days * DAY, raw, worth)


@pytest.mark.parametrize(
    ("order", "slips"), [(CHEAPEST, {"1": 0, "8": 2}), (AS_THEY_COME, {"1": 2, "8": 0})]
)
def test_slip_days_go_where_they_save_most_or_to_the_first_that_is_due(
    order: str, slips: dict[str, int]
) -> None:
    late = Late("slip_days", percent=10, days=2, order=order)
    found = outcomes(late, [hand_in("8", 2, 100), hand_in("1", 2, 50)], MADRID)
    assert {lab: outcome.slips for lab, outcome in found.items()} == slips


def test_marks_of_labs_with_more_of_them_are_worth_less() -> None:
    late = Late("slip_days", percent=10, days=1)
    found = outcomes(late, [hand_in("1", 1, 100, 0.01), hand_in("8", 1, 9, 0.2)], MADRID)
    assert (found["1"].slips, found["8"].slips) == (0, 1)


def test_beyond_the_cap_a_slip_day_is_not_wasted() -> None:
    late = Late("slip_days", percent=20, max_percent=40, days=2)
    found = outcomes(late, [hand_in("1", 6, 100), hand_in("8", 2, 60)], MADRID)
    assert (found["1"].slips, found["8"].slips) == (0, 2)
    assert (found["1"].final, found["8"].final) == (60, 60)


def test_what_saves_nothing_is_not_spent() -> None:
    late = Late("slip_days", percent=10, days=3)
    found = outcomes(late, [hand_in("1", 2, 0), hand_in("8", 1, 10)], MADRID)
    assert (found["1"].slips, found["8"].slips) == (0, 1)


@pytest.mark.parametrize(
    ("late", "final"),
    [
        (Late("none"), 80),
        (Late("percent", percent=10), 56),
        (Late("percent", percent=10, max_percent=20), 64),
        (Late("percent", percent=50), 0),
        (Late("closed"), 0),
        (Late("closed", grace_minutes=61), 0),
        (Late("slip_days", percent=10, days=2), 72),
    ],
    ids=str,
)
def test_three_days_late_under_each_policy(late: Late, final: float) -> None:
    assert outcomes(late, [hand_in("1", 3, 80)], MADRID)["1"].final == pytest.approx(final)


def test_grace_puts_off_the_end_of_every_day() -> None:
    due = datetime(2026, 10, 5, 21, 59, tzinfo=UTC)
    grace, second = timedelta(minutes=15), timedelta(seconds=1)
    times = [due + grace, due + grace + second, due + DAY + grace, due + DAY + grace + second]
    assert [days_late(due, at, MADRID, grace) for at in times] == [0, 1, 1, 2]


@pytest.mark.parametrize(("day", "hours"), [((2026, 10, 24), 25), ((2026, 3, 28), 23)])
def test_a_day_late_ends_when_the_clock_says_so_however_long_it_was(
    day: tuple[int, int, int], hours: int
) -> None:
    due = datetime(*day, 23, 59, tzinfo=MADRID).astimezone(UTC)
    end = due + hours * HOUR
    assert end.astimezone(MADRID).strftime("%H:%M") == "23:59"
    assert days_late(due, end, MADRID, NONE) == 1
    assert days_late(due, end + timedelta(seconds=1), MADRID, NONE) == 2


@given(instants, st.integers(0, 9 * 86400), st.integers(0, 7200))
def test_days_never_become_fewer_as_time_passes(due: datetime, seconds: int, more: int) -> None:
    at = due + timedelta(seconds=seconds)
    before = days_late(due, at, MADRID, NONE)
    assert before <= days_late(due, at + timedelta(seconds=more), MADRID, NONE)
    assert abs((at - due) / DAY - before) <= 1 + HOUR / DAY


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"policy": "percent"}, "percent is missing"),
        ({"policy": "slip_days", "percent": 10}, "days is missing"),
        ({"policy": "slip_days", "days": 3}, "percent is missing"),
        ({"policy": "closed", "percent": 10}, 'percent means nothing to the policy "closed"'),
        ({"policy": "none", "days": 3}, 'days means nothing to the policy "none"'),
        ({"policy": "percent", "percent": 10, "order": CHEAPEST}, "order means nothing"),
        ({"policy": "percent", "percent": 10, "days": 2}, "days means nothing"),
        ({"policy": "percent", "percent": 20, "max_percent": 10}, "max_percent is 10, less than"),
    ],
    ids=str,
)
def test_a_policy_that_contradicts_itself_is_a_line(table: dict[str, object], said: str) -> None:
    (line,) = contradictions(table)
    assert said in line


@pytest.mark.parametrize(
    "table",
    [
        {"policy": "none"},
        {"policy": "closed", "grace_minutes": 10},
        {"policy": "percent", "percent": 10, "max_percent": 50},
        {"policy": "slip_days", "percent": 10, "days": 5, "order": AS_THEY_COME},
    ],
    ids=str,
)
def test_a_policy_that_makes_sense_has_nothing_said(table: dict[str, object]) -> None:
    assert list(contradictions(table)) == []
