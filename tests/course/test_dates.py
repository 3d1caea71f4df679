"""Dates as people write them: in the course's zone, or refused in a line that says why."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from grading.course.dates import moment

MADRID = ZoneInfo("Europe/Madrid")
EVENING = datetime(2026, 10, 5, 21, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-10-05 23:59",
        "2026-10-05T23:59",
        " 2026-10-05  23:59:00 ",
        "2026-10-05 23:59+02:00",
        datetime(2026, 10, 5, 23, 59),
        datetime(2026, 10, 5, 23, 59, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_one_time_has_many_spellings(written: str | date) -> None:
    assert moment(written, MADRID) == EVENING


@pytest.mark.parametrize("written", ["2026-10-05", date(2026, 10, 5)])
def test_a_day_lasts_until_its_end(written: str | date) -> None:
    assert moment(written, MADRID) == EVENING + timedelta(seconds=59)


def test_a_spreadsheet_takes_the_zero_from_an_hour() -> None:
    assert moment("2026-10-05 9:30", MADRID) == datetime(2026, 10, 5, 7, 30, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_the_later_one_unless_its_offset_says_which() -> None:
    twice = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert moment("2026-10-25 02:30", MADRID) == twice
    assert moment("2026-10-25 02:30+01:00", MADRID) == twice
    assert moment("2026-10-25 02:30+02:00", MADRID) == twice - timedelta(hours=1)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-03-29 02:30", "skip in Europe/Madrid"),
        ("2026-10-05 23:59Z", "Europe/Madrid, which then has the offset +02:00"),
        (datetime(2026, 12, 5, 23, 59, tzinfo=timezone(timedelta(hours=2))), "offset +01:00"),
        ("2026-10-05 23:59 CEST", "expected a date and time such as 2026-10-05 23:59"),
        ("05/10/2026 23:59", "expected a date and time such as"),
        ("2026-02-30", "expected a date and time such as"),
        ("2026-10-05 24:30", "expected a date and time such as"),
        ("", "expected a date and time such as"),
        ("soon " * 100, "expected a date and time such as"),
        (date(26, 10, 5), "expected a year from 2000 to 2100"),
        ("0001-01-01", "expected a year"),
        ("9999-12-31 23:59", "expected a year"),
    ],
    ids=str,
)
def test_what_is_no_time_in_the_zone_is_refused_in_a_short_line(
    written: str | date, said: str
) -> None:
    with pytest.raises(ValueError) as caught:
        moment(written, MADRID)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 250
