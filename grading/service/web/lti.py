"""The course opened from an LMS, by LTI 1.3: initiation, launch, and in.

A launch may stand in a frame of the LMS's, where browsers keep our cookies from us, and anybody can
have a browser post the launch of another. So a launch by itself signs nobody in: it shows who it is
of, and a button on that page leads in, in a window of our own.
"""

import logging
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from grading.messages import Reason
from grading.service import tickets
from grading.service.elsewhere import Unreachable
from grading.service.lti import accounts, configuration
from grading.service.lti.key import key_of, public
from grading.service.lti.launching import Launch, launch_of
from grading.service.policy import Refused
from grading.service.proofs import NotProven, checked
from grading.service.recognising import bounded
from grading.service.tables import platforms
from grading.service.web.entering import entered
from grading.service.web.oidc import down, not_proven, unknown
from grading.service.web.rendering import rendered
from grading.service.web.site import Known, Site, Visit

log = logging.getLogger(__name__)
BEGUN, CHECKED = "lti", "launch"
ALGORITHMS = ("RS256",)  # LTI's own


def login(site: Site, visit: Visit) -> Response:
    """Answer an initiation: ask the LMS who it is."""
    _must_be_set_up(site)
    asked = {**visit.query, **{name: visit.text(name) for name in visit.form}}
    known = site.platforms.get(asked.get("iss", ""))
    if known is None:
        raise not_proven(f"LTI: a login of the issuer {asked.get('iss', '')[:200]!r}, not known")
    platform = known.platform
    if asked.get("client_id", platform.client_id) != platform.client_id:
        raise not_proven(f"LTI: {platform.issuer} calls us {asked['client_id'][:200]!r}")
    if not asked.get("login_hint"):
        raise not_proven(f"LTI: a login of {platform.issuer} without login_hint")
    nonce = tickets.unguessable()
    with site.database.writing() as session:
        about = {"issuer": platform.issuer, "nonce": nonce}
        state = tickets.issue(session, BEGUN, about, datetime.now(UTC))
    question = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": site.url(configuration.LAUNCH),
        "login_hint": asked["login_hint"],
        "state": state,
        "nonce": nonce,
    }
    if hint := asked.get("lti_message_hint"):
        question["lti_message_hint"] = hint
    there = platform.authorization
    url = f"{there}{'&' if '?' in there else '?'}{urlencode(question)}"
    return RedirectResponse(url, HTTPStatus.SEE_OTHER)


def launch(site: Site, visit: Visit) -> Response:
    """Check a launch, and show who it is of, with a button that leads in."""
    _must_be_set_up(site)
    now = datetime.now(UTC)
    with site.database.writing() as session:
        about = tickets.redeem(session, BEGUN, visit.text("state"), now)
    known = site.platforms.get(about["issuer"]) if about else None
    if about is None or known is None:
        raise not_proven("LTI: the state of a launch is unknown, used or too old")
    issuer = known.platform.issuer
    try:
        found = _launch(visit, known, about["nonce"])
        _check_context(found, known)
        with site.database.writing() as session:
            person = accounts.person_of(session, site.people, issuer, found)
            if person is not None:
                _remember(session, issuer, found)
                to = {"id": person.id, "role": person.role}
                ticket = tickets.issue(session, CHECKED, to, now)
    except NotProven as error:
        raise not_proven(f"LTI: {issuer}: {error}") from error
    except Unreachable as error:
        raise down(error) from error
    if person is None:
        log.warning(
            "LTI: %s: nobody of the course has the id %r or the e-mail %r (account %r, %s there)",
            issuer, found.ids[0], found.email, found.account, found.role,
        )  # fmt: skip
        raise unknown()
    is_framed = visit.headers.get("sec-fetch-dest") != "document"
    return rendered(
        site, "launch.html", visit.lang, who=person.name, ticket=ticket, is_framed=is_framed
    )


def enter(site: Site, visit: Visit) -> Response:
    """Let in who pressed the button of a launch, once, and from our own page alone."""
    _must_be_set_up(site)
    if visit.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise not_proven("LTI: another site sent a browser in")
    with site.database.writing() as session:
        to = tickets.redeem(session, CHECKED, visit.text("ticket"), datetime.now(UTC))
    person = site.people.find(to["id"]) if to else None
    if to is None or person is None:
        raise not_proven("LTI: the button of a launch was pressed again, or too late")
    return entered(site, visit, bounded(person, to["role"]))


def keys(site: Site, visit: Visit) -> Response:
    """Return our public key, by which an LMS believes what we ask of it."""
    _must_be_set_up(site)
    return JSONResponse({"keys": [public(key_of(site.course.home))]})


def canvas(site: Site, visit: Visit) -> Response:
    """Return what Canvas reads to register the service."""
    _must_be_set_up(site)
    return JSONResponse(configuration.canvas(site.address, site.course.name))


def _must_be_set_up(site: Site) -> None:
    if not site.platforms:
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))


def _launch(visit: Visit, known: Known, nonce: str) -> Launch:
    platform = known.platform
    if error := visit.text("error"):
        said = f"{error} {visit.text('error_description')}".strip()
        raise NotProven(f"the LMS refuses: {said[:200]!r}")
    token = known.keys.token(visit.text("id_token"), ALGORITHMS)
    claims = checked(token, platform.issuer, platform.client_id, nonce)
    return launch_of(claims, platform)


def _check_context(found: Launch, known: Known) -> None:
    if found.context == known.platform.context:
        return
    log.warning(
        "LTI: %s: a launch from the course %r (%s) is refused; if it is this one, write "
        "context = %r into its [[service.lti]]",
        known.platform.issuer, found.context, found.title, found.context,
    )  # fmt: skip
    raise Refused(HTTPStatus.FORBIDDEN, Reason("service.other_course"))


def _remember(session: Session, issuer: str, found: Launch) -> None:
    """Keep where the LMS takes marks and names its members, if it says so."""
    if not (found.line_items or found.members):
        return
    session.execute(sa.delete(platforms).where(platforms.c.issuer == issuer))
    session.execute(
        sa.insert(platforms).values(
            issuer=issuer, line_items=found.line_items, members=found.members
        )
    )
