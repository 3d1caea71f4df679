"""Signing a notebook in, by RFC 8628: a code shown there, confirmed by somebody in a browser.

Pure over a session, which its owner commits.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.service.database import stamp
from grading.service.tables import devices

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no code is a word
LETTERS = 8
LASTS = timedelta(minutes=10)
INTERVAL = timedelta(seconds=5)
SLACK = timedelta(seconds=1)  # by which clocks and networks may differ

PENDING, SLOW_DOWN = "authorization_pending", "slow_down"
EXPIRED, DENIED = "expired_token", "access_denied"


@dataclass(frozen=True)
class Device:
    """What a notebook is given: a secret to poll with, and what its student reads."""

    secret: str
    code: str


def begin(session: Session, now: datetime) -> Device:
    """Give a notebook its codes; those that are too old go."""
    session.execute(sa.delete(devices).where(devices.c.expires <= stamp(now)))
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LETTERS))
    device = Device(secrets.token_urlsafe(32), f"{letters[:4]}-{letters[4:]}")
    session.execute(
        sa.insert(devices).values(
            device=_digest(device.secret),
            code=device.code,
            student="",
            denied=False,
            expires=stamp(now + LASTS),
            polled="",
        )
    )
    return device


def decide(session: Session, typed: str, student: str, denied: bool, now: datetime) -> bool:
    """Let a notebook in as a student, or refuse it; False if nothing waits with this code."""
    waits = (
        devices.c.code == written(typed),
        devices.c.expires > stamp(now),
        devices.c.student == "",
        sa.not_(devices.c.denied),
    )
    values = {"denied": True} if denied else {"student": student}
    update = sa.update(devices).where(*waits).values(values)
    return bool(session.execute(update).rowcount)  # type: ignore[attr-defined]


def poll(session: Session, secret: str, now: datetime) -> tuple[str, str]:
    """Return the student who let a notebook in, once, or else the error of RFC 8628."""
    mine = devices.c.device == _digest(secret)
    row = session.execute(sa.select(devices).where(mine)).one_or_none()
    if row is None or row.expires <= stamp(now):
        return "", EXPIRED
    if not row.student and not row.denied:
        before = datetime.fromisoformat(row.polled) if row.polled else None
        if before and now < before + INTERVAL - SLACK:
            return "", SLOW_DOWN
        session.execute(sa.update(devices).where(mine).values(polled=stamp(now)))
        return "", PENDING
    session.execute(sa.delete(devices).where(mine))
    return ("", DENIED) if row.denied else (row.student, "")


def written(typed: str) -> str:
    """Return a code as it is written, however somebody typed it.

    Examples
    --------
    >>> written(" wdjb mjht "), written("x")
    ('WDJB-MJHT', 'X-')
    """
    letters = "".join(char for char in typed.upper() if char.isalpha())[:LETTERS]
    return f"{letters[:4]}-{letters[4:]}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
