"""What the course's service answers, read as untrusted data.

Pure: JSON goes in, records come out. Texts are cut to a length and freed of what a terminal obeys;
numbers are finite and not negative; what does not fit is `Unreadable`, and keys that nobody knows
are passed over.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grading.messages import in_one_line

MOST_BYTES = 2**20  # of an answer
MOST_CHECKS = 2000
SENTENCE = 1000  # characters of what a person reads
SECRET = 4096  # characters of a code or a token
STATES = ("queued", "grading", "graded", "failed")
INTERVAL = 5.0  # seconds between two questions for a token, where nothing is said (RFC 8628)

Table = Mapping[str, Any]


class Unreadable(ValueError):
    """An answer that is not what was agreed."""


@dataclass(frozen=True)
class Device:
    """A sign-in that waits for somebody to confirm ``user_code`` in a browser (RFC 8628).

    ``page`` asks for the code, ``link`` has it already; times are in seconds.
    """

    device_code: str
    user_code: str
    page: str
    link: str
    expires_in: float
    interval: float


@dataclass(frozen=True)
class Stored:
    """The record of a hand-in: what came, when, and how many are graded before it."""

    id: str
    attempt: int
    sha256: str
    received: datetime
    place: int
    url: str


@dataclass(frozen=True)
class Check:
    """The marks of one check, and why it lost some."""

    cell: str
    label: str
    marks: float
    most: float
    reason: str


@dataclass(frozen=True)
class Result:
    """The marks of a hand-in; ``checks`` is empty where the course shows only the total."""

    score: float
    most: float
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Standing:
    """How far a hand-in has come; ``result`` is None while there is none to be shown."""

    state: str
    place: int
    detail: str
    result: Result | None


def read_json(content: bytes) -> Table:
    """Return the object that an answer holds."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Unreadable("no JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("no object")
    return found


def read_device(table: Table) -> Device:
    """Return the sign-in that the service began."""
    page = _address(table, "verification_uri")
    return Device(
        device_code=_text(table, "device_code", SECRET),
        user_code=_text(table, "user_code", 40),
        page=page,
        link=_address(table, "verification_uri_complete")
        if "verification_uri_complete" in table
        else page,
        expires_in=_number(table, "expires_in"),
        interval=_number(table, "interval") if "interval" in table else INTERVAL,
    )


def read_token(table: Table) -> str:
    """Return a token, which goes into a header: it has no blanks."""
    token = _text(table, "access_token", SECRET)
    if not re.fullmatch(r"[\x21-\x7e]+", token) or str(table.get("token_type")).lower() != "bearer":
        raise Unreadable("access_token")
    return token


def read_stored(table: Table) -> Stored:
    """Return the record of what was just handed in."""
    identity = table.get("id")
    if not isinstance(identity, str | int) or not re.fullmatch(r"[\w-]{1,64}", str(identity)):
        raise Unreadable("id")
    try:
        received = datetime.fromisoformat(_text(table, "received", 40))
    except ValueError:
        raise Unreadable("received") from None
    if received.tzinfo is None:
        raise Unreadable("received")
    return Stored(
        id=str(identity),
        attempt=_count(table, "attempt"),
        sha256=_text(table, "sha256", 64),
        received=received,
        place=_count(table, "place"),
        url=_address(table, "url"),
    )


def read_standing(table: Table) -> Standing:
    """Return how far a hand-in has come."""
    if table.get("state") not in STATES:
        raise Unreadable("state")
    result = table.get("result")
    return Standing(
        state=table["state"],
        place=0 if table.get("place") is None else _count(table, "place"),
        detail=_words(table, "detail"),
        result=None if result is None else _result(_as(dict, result, "result")),
    )


def read_detail(table: Table) -> str:
    """Return the sentence of a problem (RFC 9457); ``""`` if it has none."""
    return _words(table, "detail") if isinstance(table.get("detail"), str) else ""


def _result(table: Table) -> Result:
    checks = [] if table.get("checks") is None else _as(list, table["checks"], "checks")
    if len(checks) > MOST_CHECKS:
        raise Unreadable("checks")
    return Result(
        score=_number(table, "score"),
        most=_number(table, "max_score"),
        checks=tuple(_check(_as(dict, check, "checks")) for check in checks),
    )


def _check(table: Table) -> Check:
    return Check(
        cell=_words(table, "cell"),
        label=_words(table, "label"),
        marks=_number(table, "marks"),
        most=_number(table, "max"),
        reason=_words(table, "reason"),
    )


def _as(kind: Callable[..., Any], value: Any, name: str) -> Any:
    if not isinstance(value, kind):  # type: ignore[arg-type]
        raise Unreadable(name)
    return value


def _words(table: Table, name: str) -> str:
    """Return a text for people, cut to a length; a missing one is empty."""
    text: str = "" if table.get(name) is None else _as(str, table[name], name)
    return in_one_line(text[:SENTENCE])


def _text(table: Table, name: str, most: int) -> str:
    text: str = _as(str, table.get(name), name)
    if not 0 < len(text) <= most or not text.isprintable():
        raise Unreadable(name)
    return text


def _address(table: Table, name: str) -> str:
    """Return what a browser may be sent to."""
    address = _text(table, name, SENTENCE)
    if not re.match(r"https?://[^/]", address) or " " in address:
        raise Unreadable(name)
    return address


def _number(table: Table, name: str) -> float:
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(name)
    if not (math.isfinite(value) and 0 <= value <= 1e9):
        raise Unreadable(name)
    return value


def _count(table: Table, name: str) -> int:
    value = _number(table, name)
    if not isinstance(value, int):
        raise Unreadable(name)
    return value
