"""Which attempt of a student counts; pure."""

from collections.abc import Sequence
from datetime import tzinfo

from grading.course.late import HandIn as LateHandIn
from grading.course.late import Late, outcomes
from grading.course.service import BEST
from grading.service.queue import GRADED, HandIn


def counting(
    handins: Sequence[HandIn], student: str, counts: str, late: Late | None, zone: tzinfo
) -> HandIn | None:
    """Return the hand-in of a lab that counts for a student, None if there is none yet.

    As in `grading.collect`, what a partner handed in counts for those who handed in nothing
    themselves, and for a pair whatever either of them did.

    Parameters
    ----------
    handins : sequence of HandIn
        Of the lab, oldest first.
    student : str
    counts : str
        ``best`` or ``last``; the best one is that with most marks after what lateness takes, and of
        those that are as good the first.
    late : Late or None
    zone : tzinfo
    """
    graded = [one for one in handins if one.state == GRADED and student in one.students]
    own = [one for one in graded if one.student == student]
    if not graded:
        return None
    team = set((own or graded)[-1].students)
    candidates = [one for one in graded if one in own or set(one.students) == team]
    if counts != BEST:
        return candidates[-1]
    return max(reversed(candidates), key=lambda one: _worth(one, late, zone))


def _worth(handin: HandIn, late: Late | None, zone: tzinfo) -> tuple[float, float]:
    raw = handin.result.score if handin.result else 0.0
    if late is None or handin.due is None:
        final = raw
    else:
        one = LateHandIn(handin.lab, handin.due, handin.received, raw)
        final = outcomes(late, [one], zone)[handin.lab].final
    return round(final, 9), -handin.received.timestamp()
