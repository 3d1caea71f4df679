"""Which marks an LMS is to have, and which it has: each is sent once, and again if it changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook.lms import scores
from grading.reporting.standings import Standing
from grading.service.database import stamp


@dataclass(frozen=True)
class Mark:
    """A student's final mark in a lab, and the account in the LMS that is to have it."""

    student: str
    account: str
    score: Mapping[str, Any]


@dataclass(frozen=True)
class Outgoing:
    """What is to be sent of a lab.

    Attributes
    ----------
    marks : tuple of Mark
    same : int
        How many marks the LMS has already.
    waiting : tuple of str
        Students whose mark is not final.
    unknown : tuple of str
        Students whose account in the LMS nobody knows.
    """

    marks: tuple[Mark, ...]
    same: int
    waiting: tuple[str, ...]
    unknown: tuple[str, ...]


def outgoing(
    rows: Iterable[Standing], accounts: Mapping[str, str], sent: Mapping[str, Mapping[str, Any]]
) -> Outgoing:
    """Return what is to be sent of those who handed a lab in."""
    marks, waiting, unknown = [], [], []
    same = 0
    for row in rows:
        if row.score is None or row.waiting:
            waiting.append(row.student)
        elif row.student not in accounts:
            unknown.append(row.student)
        else:
            score = {"scoreGiven": float(row.score), "scoreMaximum": float(row.max_score)}
            if sent.get(row.student) == score:
                same += 1
            else:
                marks.append(Mark(row.student, accounts[row.student], score))
    return Outgoing(tuple(marks), same, tuple(waiting), tuple(unknown))


def message_of(mark: Mark, now: datetime) -> dict[str, Any]:
    """Return a mark as it is sent."""
    return {
        "userId": mark.account,
        **mark.score,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": stamp(now),
    }


def sent(session: Session, issuer: str, lab: str) -> dict[str, dict[str, Any]]:
    """Return the scores that an LMS has, by student."""
    query = sa.select(scores.c.student, scores.c.score).where(*_of(issuer, lab))
    return {student: json.loads(score) for student, score in session.execute(query)}


def note(session: Session, issuer: str, lab: str, mark: Mark, now: datetime) -> None:
    """Keep that a mark was sent."""
    mine = (*_of(issuer, lab), scores.c.student == mark.student)
    session.execute(sa.delete(scores).where(*mine))
    session.execute(
        sa.insert(scores).values(
            issuer=issuer,
            lab=lab,
            student=mark.student,
            score=json.dumps(mark.score),
            sent=stamp(now),
        )
    )


def _of(issuer: str, lab: str) -> tuple[sa.ColumnElement[bool], ...]:
    return scores.c.issuer == issuer, scores.c.lab == lab
