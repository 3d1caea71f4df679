"""A lab's records with the changes of their totals that people made by hand."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from grading.course.adjustments import LabAdjustment
from grading.judging.record import ByHand, Record


def adjusted(
    records: Iterable[Record], lab: str, changes: Iterable[LabAdjustment], beyond: bool = False
) -> list[Record]:
    """Return the records, each changed as people asked for, in turn.

    Parameters
    ----------
    records : iterable of Record
        Of the lab.
    lab : str
    changes : iterable of LabAdjustment
        Of any lab.
    beyond : bool
        Whether a total may be above the maximum.
    """
    asked: dict[str, list[LabAdjustment]] = defaultdict(list)
    for change in changes:
        if change.lab == lab:
            asked[change.student].append(change)
    return [_adjusted(record, asked[record.student], beyond) for record in records]


def _adjusted(record: Record, changes: Iterable[LabAdjustment], beyond: bool) -> Record:
    for change in changes:
        highest = math.inf if beyond else max(record.max_score, record.score)
        after = min(max(record.score + change.added, 0.0), highest)
        made = ByHand(after - record.score, change.added, change.reason, change.who, change.when)
        record = replace(record, by_hand=(*record.by_hand, made))
    return record
