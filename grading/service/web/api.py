"""The API, version 1: what notebooks ask for."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, Response

from grading.messages import Reason
from grading.service import queue
from grading.service.policy import Refused
from grading.service.queue import HandIn
from grading.service.web import devices, showing
from grading.service.web.signing import TOKEN_SECONDS, Seal
from grading.service.web.site import Site, Visit

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):\s*(?:,|$)")  # RFC 9530


def begin_device(site: Site, visit: Visit) -> Response:
    """Give a notebook a code that somebody confirms in a browser."""
    with site.database.writing() as session:
        device = devices.begin(session, datetime.now(UTC))
    page = site.url("/device")
    return JSONResponse(
        {
            "device_code": device.secret,
            "user_code": device.code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?code={device.code}",
            "expires_in": int(devices.LASTS.total_seconds()),
            "interval": int(devices.INTERVAL.total_seconds()),
        }
    )


def token(site: Site, visit: Visit) -> Response:
    """Give a notebook its token, once its code is confirmed."""
    if visit.text("grant_type") != GRANT:
        return _oauth_error("unsupported_grant_type")
    with site.database.writing() as session:
        student, error = devices.poll(session, visit.text("device_code"), datetime.now(UTC))
    if error:
        return _oauth_error(error)
    sealed = site.seals.token(Seal(student, site.revoked(student)))
    return JSONResponse(
        {"access_token": sealed, "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
    )


def hand_in(site: Site, visit: Visit) -> Response:
    """Take a notebook in; the same once more is answered as the first time."""
    _check_digest(visit)
    assert visit.person.student is not None  # the door lets only students through
    now = datetime.now(UTC)
    receipt = site.intake.take(visit.person.student, visit.path["lab"], visit.body, now)
    about = _receipt(site, receipt.handin) | {"place": receipt.place}
    return JSONResponse(about, HTTPStatus.CREATED if receipt.is_new else HTTPStatus.OK)


def handed_in(site: Site, visit: Visit) -> Response:
    """Say how far a hand-in has come, and what it earned as far as the course shows it."""
    with site.database.reading() as session:
        handin = visible(site, visit, session)
        place = queue.place(session, handin)
    info = site.course.lab(handin.lab)
    much = showing.amount(handin, info, site.published(), datetime.now(UTC))
    more = {
        "state": queue.FAILED if handin.state == queue.REFUSED else handin.state,
        "place": place,
        "detail": showing.detail(handin, much, visit.lang),
        "result": showing.result(handin, much),
    }
    return JSONResponse(_receipt(site, handin) | more)


def visible(site: Site, visit: Visit, session: Session) -> HandIn:
    """Return the hand-in of a path to somebody who may see it; for others there is none."""
    handin, person = queue.by_id(session, visit.path["id"]), visit.person
    if handin is not None and (
        person.id in handin.students or site.people.sees(person, handin.students)
    ):
        return handin
    raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))


def _receipt(site: Site, handin: HandIn) -> dict[str, Any]:
    return {
        "id": handin.id,
        "lab": handin.lab,
        "attempt": handin.attempt,
        "sha256": handin.sha256,
        "received": handin.received.astimezone(site.course.zone).isoformat(timespec="seconds"),
        "url": site.url(f"/attempts/{handin.id}"),
    }


def _check_digest(visit: Visit) -> None:
    """Raise `Refused` if the notebook did not arrive as it was sent."""
    header = visit.headers.get("repr-digest", "")
    if not header:
        return
    found = DIGEST.search(header)
    try:
        sent = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        sent = b""
    if sent != hashlib.sha256(visit.body).digest():
        raise Refused(HTTPStatus.BAD_REQUEST, Reason("service.garbled"))


def _oauth_error(error: str) -> Response:
    return JSONResponse({"error": error}, HTTPStatus.BAD_REQUEST)
