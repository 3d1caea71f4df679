"""What a course allows: when and how often a lab is handed in, and what is shown of it; pure."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from http import HTTPStatus

from grading.course.late import Late
from grading.course.service import REASONS, HandingIn
from grading.errors import UserError
from grading.messages import Reason
from grading.service.queue import HandIn

CLOSED = "closed"


class Refused(UserError):
    """What somebody asked for is not done.

    Attributes
    ----------
    status : HTTPStatus
        The kind of refusal.
    retry_after : int or None
        Seconds after which it may be asked for again.
    """

    def __init__(
        self, status: HTTPStatus, said: str | Reason, retry_after: int | None = None
    ) -> None:
        super().__init__(said)
        self.status = status
        self.retry_after = retry_after


def check_open(late: Late | None, due: datetime | None, now: datetime, zone: tzinfo | None) -> None:
    """Raise `Refused` if it is too late to hand in, for those who may until ``due``."""
    if late is None or late.policy != CLOSED or due is None:
        return
    if now > due + timedelta(minutes=late.grace_minutes):
        values = {"due": f"{due.astimezone(zone):%Y-%m-%d %H:%M}"}
        raise Refused(HTTPStatus.FORBIDDEN, Reason("service.closed", values))


def check_attempts(rules: HandingIn, earlier: Sequence[HandIn], now: datetime) -> None:
    """Raise `Refused` if a student has handed in too often, or too short a time ago.

    Parameters
    ----------
    rules : HandingIn
    earlier : sequence of HandIn
        The student's attempts at the lab, oldest first.
    now : datetime
    """
    if rules.most is not None and len(earlier) >= rules.most:
        raise Refused(HTTPStatus.CONFLICT, Reason("service.used_up", {"count": rules.most}))
    if not earlier:
        return
    left = earlier[-1].received + timedelta(minutes=rules.wait) - now
    if left > timedelta(0):
        seconds = math.ceil(left.total_seconds())
        values = {"count": math.ceil(seconds / 60)}
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, Reason("service.wait", values), seconds)


def shows(rules: HandingIn, due: datetime | None, now: datetime, *, published: bool) -> str:
    """Return how much of an attempt its student is shown: all of it once it is published or due."""
    return REASONS if published or (due is not None and now > due) else rules.shows
