"""Marks on their way to an LMS: as an instructor says, or by themselves once a lab is published.

What is to go is computed by `marks`. The service looks every while at the labs that are published;
whoever takes one up holds it meanwhile, so that several web processes may look.
"""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from joserfc.jwk import RSAKey
from sqlalchemy.orm import Session

from grading.course.config import Course
from grading.course.service import Platform
from grading.errors import UserError
from grading.messages import in_one_line
from grading.reporting.standings import Standing
from grading.service.database import Database, stamp
from grading.service.elsewhere import Unreachable
from grading.service.lti import accounts
from grading.service.lti.advantage import Advantage
from grading.service.lti.marks import Outgoing, message_of, note, outgoing, sent
from grading.service.lti.members import students
from grading.service.people import People
from grading.service.tables import platforms, published, sendings

log = logging.getLogger(__name__)
HOLD = timedelta(minutes=10)  # a lab, while its marks are sent
LOOK_AGAIN = timedelta(minutes=2)  # at a lab whose marks the LMS has: some may change
MOST_WAIT = timedelta(hours=1)  # between two tries of what the LMS does not take


@dataclass(frozen=True)
class Sending:
    """How far the marks of a lab are in an LMS.

    Attributes
    ----------
    issuer, lab : str
    until : datetime
        When it is looked at again.
    tries : int
        In a row that did not go through; 0 if the last one did.
    failure : str
        Why the last one did not, in one line.
    count : int
        Marks that the LMS has.
    waiting, unknown : tuple of str
        Students whose mark is not final, and whose account in the LMS nobody knows.
    """

    issuer: str
    lab: str
    until: datetime
    tries: int = 0
    failure: str = ""
    count: int = 0
    waiting: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def place_of(session: Session, issuer: str) -> Any:
    """Return what an LMS's launches said of where its lists are, None if nobody came from it."""
    query = sa.select(platforms).where(platforms.c.issuer == issuer)
    return session.execute(query).one_or_none()


def to_send(
    database: Database,
    people: People,
    services: Advantage,
    members: str,
    lab: str,
    rows: Iterable[Standing],
) -> tuple[Outgoing, list[str]]:
    """Return what is to be sent of a lab, and what speaks against the LMS's accounts.

    Parameters
    ----------
    database, people
    services : Advantage
    members : str
        Where the LMS says who is in the course; empty if it does not.
    lab : str
    rows : iterable of Standing
        Of those who handed in.

    Raises
    ------
    Unreachable
        If the LMS does not tell its members.
    """
    issuer = services.platform.issuer
    learners = students(services.members(members)) if members else []
    with database.writing() as session:
        against = accounts.learn(session, people, issuer, learners)
        known = accounts.of_students(session, issuer)
        return outgoing(rows, known, sent(session, issuer, lab)), against


def send(
    database: Database, services: Advantage, items: str, lab: str, title: str, found: Outgoing
) -> dict[str, str]:
    """Send marks, one after the other; return whose were not taken, and why.

    Raises
    ------
    Unreachable
        If the LMS has no column for the lab; then nothing was sent.
    """
    refused: dict[str, str] = {}
    if not found.marks:
        return refused
    maximum = max(one.score["scoreMaximum"] for one in found.marks)
    column = services.line_item(items, lab, title, maximum)
    for one in found.marks:
        now = datetime.now(UTC)
        try:
            services.send(column, message_of(one, now))
        except Unreachable as error:
            refused[one.student] = str(error)
            continue
        with database.writing() as session:
            note(session, services.platform.issuer, lab, one, now)
    return refused


class Sender:
    """Sends the marks of published labs to the course's LMSs, and tries again what failed.

    Parameters
    ----------
    course : Course
    database : Database
    people : People
    key : RSAKey
        The service's own.
    handed_in : callable
        Returns the rows of those who handed in, by lab, as the gradebook has them now.
    """

    def __init__(
        self,
        course: Course,
        database: Database,
        people: People,
        key: RSAKey,
        handed_in: Callable[[], dict[str, tuple[Standing, ...]]],
    ) -> None:
        self._course, self._database, self._people = course, database, people
        self._key, self._handed_in = key, handed_in

    def look(self) -> None:
        """Send what is to be sent now."""
        now = datetime.now(UTC)
        with self._database.reading() as session:
            labs = set(session.scalars(sa.select(published.c.lab)))
            known = {(one.issuer, one.lab): one for one in state(session)}
        open_ones = [
            (platform, lab)
            for platform in self._course.service.lti
            for lab in self._course.lab_names
            if lab in labs
            and ((one := known.get((platform.issuer, lab))) is None or one.until <= now)
        ]
        rows = self._handed_in() if open_ones else {}
        for platform, lab in open_ones:
            self._send(platform, lab, rows[lab], now)

    def _send(self, platform: Platform, lab: str, rows: Iterable[Standing], now: datetime) -> None:
        with self._database.writing() as session:
            before = _taken(session, platform.issuer, lab, now)
        if before is None:
            return
        try:
            done, failure = self._sent(platform, before, rows)
        except (Unreachable, UserError) as error:
            done, failure = before, in_one_line(str(error))
        tries = before.tries + 1 if failure else 0
        wait = min(timedelta(minutes=2**tries), MOST_WAIT) if failure else LOOK_AGAIN
        if failure:
            log.warning("%s: marks not sent to %s: %s", lab, platform.issuer, failure)
        with self._database.writing() as session:
            _keep(session, replace(done, until=now + wait, tries=tries, failure=failure))

    def _sent(
        self, platform: Platform, before: Sending, rows: Iterable[Standing]
    ) -> tuple[Sending, str]:
        """Return how far a lab is after ``before``, and what an LMS refused."""
        lab = before.lab
        with self._database.reading() as session:
            place = place_of(session, platform.issuer)
        if place is None or not place.line_items:
            raise UserError(
                f"{platform.issuer} did not say yet where it takes marks: open the course's link "
                "there once"
            )
        title = self._course.lab(lab).title.get(self._course.language, lab)
        with Advantage(platform, self._key) as services:
            about = place.members, lab, rows
            found, against = to_send(self._database, self._people, services, *about)
            refused = send(self._database, services, place.line_items, lab, title, found)
        count = found.same + len(found.marks) - len(refused)
        lines = [*against, *(f"{student}: {why}" for student, why in refused.items())]
        far = replace(before, count=count, waiting=found.waiting, unknown=found.unknown)
        return far, "; ".join(lines[:5])


def state(session: Session) -> list[Sending]:
    """Return how far the marks of each lab are in each LMS."""
    return [
        Sending(
            row.issuer,
            row.lab,
            datetime.fromisoformat(row.until),
            row.tries,
            row.failure,
            row.marks,
            tuple(json.loads(row.waiting)),
            tuple(json.loads(row.unknown)),
        )
        for row in session.execute(sa.select(sendings).order_by(sendings.c.lab, sendings.c.issuer))
    ]


def _taken(session: Session, issuer: str, lab: str, now: datetime) -> Sending | None:
    """Take a lab up for a while and return how far it was; None if somebody else has it."""
    mine = next((one for one in state(session) if (one.issuer, one.lab) == (issuer, lab)), None)
    before = mine or Sending(issuer, lab, now)
    if before.until > now:
        return None
    _keep(session, replace(before, until=now + HOLD))
    return before


def _keep(session: Session, one: Sending) -> None:
    mine = (sendings.c.issuer == one.issuer, sendings.c.lab == one.lab)
    session.execute(sa.delete(sendings).where(*mine))
    session.execute(
        sa.insert(sendings).values(
            issuer=one.issuer,
            lab=one.lab,
            until=stamp(one.until),
            tries=one.tries,
            failure=one.failure,
            marks=one.count,
            waiting=json.dumps(one.waiting),
            unknown=json.dumps(one.unknown),
        )
    )
