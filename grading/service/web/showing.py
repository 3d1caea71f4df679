"""What a student is shown of an attempt, for the API and the pages alike; pure."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from grading.course.config import LabInfo
from grading.course.service import REASONS, RECEIVED
from grading.messages import Reason
from grading.service import queue
from grading.service.policy import shows
from grading.service.queue import HandIn


def amount(handin: HandIn, lab: LabInfo, published: Collection[str], now: datetime) -> str:
    """Return how much of it its students are shown; see `grading.service.policy.shows`."""
    is_published = lab.name in published
    return shows(lab.service, handin.due or lab.due, now, published=is_published)


def result(handin: HandIn, much: str) -> dict[str, Any] | None:
    """Return what is shown of what it earned, None if that is nothing."""
    if handin.state != queue.GRADED or handin.result is None or much == RECEIVED:
        return None
    return {
        "score": handin.result.score,
        "max_score": handin.result.max_score,
        "checks": [
            {
                "cell": check.cell,
                "label": check.title,
                "marks": check.marks,
                "max": check.max,
                "reason": check.reason if much == REASONS else "",
            }
            for check in handin.result.checks
        ],
    }


def lost_first(checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the checks that did not earn all their marks, then the others."""
    return sorted(checks, key=lambda check: check["marks"] >= check["max"])


def detail(handin: HandIn, much: str, lang: str) -> str:
    """Return what there is to say beside the state, ``""`` if that is nothing."""
    if handin.state == queue.REFUSED:
        return handin.failure
    if handin.state == queue.FAILED:
        return Reason("service.failed_detail").text(lang)
    if handin.state == queue.QUEUED and handin.failure:
        return Reason("service.delayed").text(lang)
    if handin.state == queue.GRADED and much == RECEIVED:
        return Reason("service.shown_later").text(lang)
    if handin.state == queue.GRADED and much != REASONS:
        return Reason("service.reasons_later").text(lang)
    return ""
