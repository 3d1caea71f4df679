"""Signing in by the university: there, back, and out."""

import hmac
import logging
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from grading.messages import Reason
from grading.service import tickets
from grading.service.elsewhere import Unreachable
from grading.service.oidc import Provider, new_secrets
from grading.service.policy import Refused
from grading.service.proofs import NotProven
from grading.service.recognising import recognised
from grading.service.web.entering import entered
from grading.service.web.site import Site, Visit

log = logging.getLogger(__name__)
BACK = "/oidc/back"
KIND = "oidc"
STATE = "oidc"  # of the sign-in that this browser began last


def login(site: Site, visit: Visit) -> Response:
    """Send a reader to the university's sign-in."""
    provider = _provider(site)
    about = new_secrets()
    with site.database.writing() as session:
        state = tickets.issue(session, KIND, about, datetime.now(UTC))
    visit.session[STATE] = state
    try:
        return RedirectResponse(provider.begin(state, **about), HTTPStatus.SEE_OTHER)
    except Unreachable as error:
        raise down(error) from error


def back(site: Site, visit: Visit) -> Response:
    """Sign in whoever comes back with what proves who it is."""
    provider = _provider(site)
    state = visit.query.get("state", "")
    if not hmac.compare_digest(str(visit.session.pop(STATE, "")).encode(), state.encode()):
        raise not_proven("OIDC: the state is not that of this browser")
    with site.database.writing() as session:
        about = tickets.redeem(session, KIND, state, datetime.now(UTC))
    if about is None:
        raise not_proven("OIDC: the state is unknown, used or too old")
    if "error" in visit.query or "code" not in visit.query:
        said = f"{visit.query.get('error', '')} {visit.query.get('error_description', '')}"
        raise not_proven(f"OIDC: the provider let nobody in: {said.strip()[:200]!r}")
    try:
        claims = provider.finish(visit.query["code"], **about)
    except NotProven as error:
        raise not_proven(f"OIDC: {error}") from error
    except Unreachable as error:
        raise down(error) from error
    id, email = provider.identity(claims)
    person = recognised(site.people, (id,), email)
    if person is None:
        log.warning(
            "OIDC: nobody of the course has the id %r or the verified e-mail %r (sub %r)",
            id, email, str(claims["sub"])[:100],
        )  # fmt: skip
        raise unknown()
    return entered(site, visit, person)


def logout(site: Site, visit: Visit) -> Response:
    """Send a reader to where the university signs them out, too."""
    try:
        there = _provider(site).farewell(site.url("/sign-in"))
    except Unreachable as error:
        raise down(error) from error
    return RedirectResponse(there, HTTPStatus.SEE_OTHER)


def _provider(site: Site) -> Provider:
    if site.oidc is None:
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
    return site.oidc


def not_proven(detail: str) -> Refused:
    """Return what a reader is told, and write instructors why."""
    log.warning("%s", detail)
    return Refused(HTTPStatus.FORBIDDEN, Reason("service.not_proven"))


def unknown() -> Refused:
    """Return what somebody is told who is nobody of the course."""
    return Refused(HTTPStatus.FORBIDDEN, Reason("service.unknown"))


def down(error: Unreachable) -> Refused:
    """Return what a reader is told while somebody else does not answer."""
    log.error("%s", error)
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, Reason("service.others_down"), 10)
