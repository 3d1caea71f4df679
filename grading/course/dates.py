"""Dates and times as people write them, in the course's time zone."""

import re
from datetime import UTC, date, datetime, time, tzinfo

YEARS = range(2000, 2101)
WRITTEN = "2026-10-05 23:59, or 2026-10-05 for all of that day"


def moment(written: str | date, zone: tzinfo) -> datetime:
    """Return the instant, in UTC, that a date or a date and time means.

    A date alone is the last second of that day. A time that the clocks show twice, as they go
    back, is the later of the two.

    Parameters
    ----------
    written : str, date or datetime
        With an offset from UTC only if it is that of the zone.
    zone : tzinfo

    Raises
    ------
    ValueError
        In a line that goes on from what the date is called: what was found, expected, and why.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> moment("2026-10-05 23:59", ZoneInfo("Europe/Madrid")).isoformat()
    '2026-10-05T21:59:00+00:00'
    """
    wall = _parsed(written) if isinstance(written, str) else written
    if not isinstance(wall, datetime):
        wall = datetime.combine(wall, time(23, 59, 59))
    if wall.year not in YEARS:
        raise ValueError(f"{written}; expected a year from {YEARS[0]} to {YEARS[-1]}")
    if wall.tzinfo is not None:
        return _with_offset(wall, zone)
    instant = on_the_clock(wall, zone)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(f"{written}, which clocks skip in {zone} as they go forward that day")
    return instant


def on_the_clock(wall: datetime, zone: tzinfo) -> datetime:
    """Return the last instant, in UTC, at which clocks in a zone have reached a time of day.

    Examples
    --------
    The hour from 2 to 3 comes twice as the clocks go back, and never as they go forward.

    >>> from zoneinfo import ZoneInfo
    >>> madrid = ZoneInfo("Europe/Madrid")
    >>> on_the_clock(datetime(2026, 10, 25, 2, 30), madrid).isoformat()
    '2026-10-25T01:30:00+00:00'
    >>> on_the_clock(datetime(2026, 3, 29, 2, 30), madrid).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    return max(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def _parsed(written: str) -> date:
    """Return a date, or a date and time, from text; a spreadsheet may write 9:30 for 09:30."""
    text = re.sub(r"(?<=\d[ T])(\d):", r"0\1:", " ".join(written.split()))
    for kind in (date, datetime):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            continue
    raise ValueError(f"{written!r:.60}; expected a date and time such as {WRITTEN}")


def _with_offset(instant: datetime, zone: tzinfo) -> datetime:
    local = instant.astimezone(zone)
    if local.utcoffset() != instant.utcoffset():
        raise ValueError(
            f"{instant}, but the time zone of the course is {zone}, which then has the offset "
            f"{local.isoformat()[-6:]}; expected the time in that zone, without an offset"
        )
    return instant.astimezone(UTC)
