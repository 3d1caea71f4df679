"""What is good for once: a sign-in that was begun elsewhere, a launch that was checked.

Pure over a session, which its owner commits.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.service.database import stamp
from grading.service.tables import tickets

LASTS = timedelta(minutes=10)


def issue(session: Session, kind: str, about: dict[str, Any], now: datetime) -> str:
    """Return a new ticket; those that are too old go."""
    session.execute(sa.delete(tickets).where(tickets.c.expires <= stamp(now)))
    ticket = unguessable()
    session.execute(
        sa.insert(tickets).values(
            ticket=_digest(ticket),
            kind=kind,
            about=json.dumps(about),
            expires=stamp(now + LASTS),
        )
    )
    return ticket


def redeem(session: Session, kind: str, ticket: str, now: datetime) -> dict[str, Any] | None:
    """Return what a ticket is about, the first time that it is shown; None if it is not valid."""
    mine = (tickets.c.ticket == _digest(ticket), tickets.c.kind == kind)
    row = session.execute(sa.select(tickets).where(*mine)).one_or_none()
    used = session.execute(sa.delete(tickets).where(*mine)).rowcount  # type: ignore[attr-defined]
    if row is None or used != 1 or row.expires <= stamp(now):
        return None
    about: dict[str, Any] = json.loads(row.about)
    return about


def unguessable() -> str:
    """Return what nobody else can know."""
    return secrets.token_urlsafe(32)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="replace")).hexdigest()
