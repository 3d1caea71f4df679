"""The application: every route, whom it lets through, and what each answer carries."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grading.course.config import LANGUAGES, Course
from grading.course.service import INSTRUCTOR, PUBLISHED
from grading.messages import Reason
from grading.service.database import Database
from grading.service.intake import Intake
from grading.service.lti import configuration
from grading.service.lti.key import key_of
from grading.service.lti.sending import Sender
from grading.service.oidc import Provider
from grading.service.oidc import secret as oidc_secret
from grading.service.people import ROLES, STAFF, STRANGER, STUDENT, People
from grading.service.policy import Refused
from grading.service.proofs import Keys
from grading.service.standing import Standings
from grading.service.web import api, deciding, lti, oidc, views
from grading.service.web.doors import Door, Opened, problem
from grading.service.web.language import preferred
from grading.service.web.marking import alike, answering, checking, overview, rubric, students
from grading.service.web.rendering import policy, script, style
from grading.service.web.signing import COOKIE_SECONDS, Seals
from grading.service.web.site import Known, Site, Visit

EVERYBODY = frozenset(ROLES)
SIGNED_IN = EVERYBODY - {STRANGER}
STUDENTS = frozenset((STUDENT,))
INSTRUCTORS = frozenset((INSTRUCTOR,))
COOKIE = "dl-service"
STYLE_SECONDS = 3600
MARKING = 1200  # answers a minute: what a script of somebody's own may mark

# Of every answer that does not say otherwise itself.
HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _style(site: Site, visit: Visit) -> Response:
    about = {"Cache-Control": f"max-age={STYLE_SECONDS}"}
    return Response(style(), media_type="text/css", headers=about)


def _script(site: Site, visit: Visit) -> Response:
    about = {"Cache-Control": f"max-age={STYLE_SECONDS}"}
    return Response(script(), media_type="text/javascript", headers=about)


DOORS = (
    Door("GET", "/", views.start, SIGNED_IN),
    Door("GET", "/style.css", _style, EVERYBODY, per_minute=1200),
    Door("GET", "/sign-in", views.sign_in_page, EVERYBODY, per_minute=600),
    Door("GET", "/in/{token}", views.sign_in, EVERYBODY, per_minute=600),
    Door("GET", "/oidc/login", oidc.login, EVERYBODY, per_minute=600),
    Door("GET", oidc.BACK, oidc.back, EVERYBODY, per_minute=600),
    Door("GET", "/oidc/logout", oidc.logout, EVERYBODY),
    Door("GET", configuration.LOGIN, lti.login, EVERYBODY, lms=True, per_minute=600),
    Door("POST", configuration.LOGIN, lti.login, EVERYBODY, lms=True, per_minute=600),
    Door("POST", configuration.LAUNCH, lti.launch, EVERYBODY, lms=True, per_minute=600),
    Door("POST", "/lti/enter", lti.enter, EVERYBODY, lms=True, per_minute=600),
    Door("GET", configuration.KEYS, lti.keys, EVERYBODY),
    Door("GET", configuration.CANVAS, lti.canvas, EVERYBODY),
    Door("POST", "/sign-out", views.sign_out, SIGNED_IN),
    Door("GET", "/device", views.device_page, SIGNED_IN),
    Door("POST", "/device", views.decide_device, STUDENTS, per_minute=10),
    Door("POST", "/labs/{lab}", views.upload, STUDENTS, uploads=True, per_minute=10),
    Door("GET", "/attempts/{id}", views.attempt, SIGNED_IN),
    Door("GET", "/attempts/{id}/page", views.attempt_page, SIGNED_IN),
    Door("GET", "/attempts/{id}/notebook", views.notebook, SIGNED_IN),
    Door("POST", "/attempts/{id}/again", views.again, INSTRUCTORS),
    Door("GET", "/course", views.dashboard, STAFF),
    Door("GET", "/course/{lab}", views.lab, STAFF),
    Door("POST", "/course/{lab}/pause", views.pause, INSTRUCTORS),
    Door("POST", "/course/{lab}/publish", deciding.publish, INSTRUCTORS),
    Door("GET", "/course/{lab}/report", deciding.lab_report, STAFF),
    Door("GET", "/course/{lab}/regrade", deciding.regrade_page, STAFF),
    Door("POST", "/course/{lab}/regrade", deciding.regrade, INSTRUCTORS),
    Door("POST", "/course/{lab}/regrade/publish", deciding.publish_regrade, INSTRUCTORS),
    Door("POST", "/course/{lab}/regrade/discard", deciding.discard_regrade, INSTRUCTORS),
    Door("POST", "/attempts/{id}/regrade", deciding.regrade_one, INSTRUCTORS),
    Door("GET", "/audit", deciding.audit_log, STAFF),
    Door("GET", "/marks", deciding.marks, STUDENTS),
    Door("GET", "/students/{student}", views.student, STAFF),
    Door("GET", "/marking.js", _script, EVERYBODY, per_minute=1200),
    Door("GET", "/marking/{lab}", overview.lab, STAFF),
    Door("POST", "/marking/{lab}/allocation", overview.allocate, INSTRUCTORS),
    Door("POST", "/marking/{lab}/show", overview.show, INSTRUCTORS),
    Door("GET", "/marking/{lab}/{cell}", answering.begin, STAFF, per_minute=MARKING),
    Door("POST", "/marking/{lab}/{cell}/undo", answering.undo, STAFF, per_minute=MARKING),
    Door("GET", "/marking/{lab}/{cell}/alike", alike.alike, STAFF),
    Door("POST", "/marking/{lab}/{cell}/alike", alike.save_alike, STAFF),
    Door("GET", "/marking/{lab}/{cell}/rubric", rubric.rubric_page, STAFF),
    Door("POST", "/marking/{lab}/{cell}/rubric", rubric.change_rubric, STAFF),
    Door("GET", "/marking/{lab}/{cell}/{key}", answering.answer, STAFF, per_minute=MARKING),
    Door("POST", "/marking/{lab}/{cell}/{key}", answering.save, STAFF, per_minute=MARKING),
    Door("GET", "/marking/{lab}/{cell}/{key}/work", answering.whole, STAFF),
    Door("POST", "/marking/{lab}/{cell}/{key}/whose", answering.whose, STAFF),
    Door("POST", "/marking/{lab}/{cell}/{key}/decide", answering.decide, STAFF),
    Door("POST", "/marking/{lab}/{cell}/{key}/settle", overview.settle, INSTRUCTORS),
    Door("GET", "/marking/{lab}/checks/{cell}/{key}", checking.check_page, STAFF),
    Door("POST", "/marking/{lab}/checks/{cell}/{key}", checking.decide_check, STAFF),
    Door("GET", "/labs/{lab}/marks", students.own_marks, STUDENTS),
    Door("POST", "/labs/{lab}/marks/{cell}", students.ask, STUDENTS, per_minute=10),
    Door("POST", "/api/1/device", api.begin_device, EVERYBODY, api=True, per_minute=600),
    Door("POST", "/api/1/token", api.token, EVERYBODY, api=True, per_minute=6000),
    Door(
        "POST", "/api/1/labs/{lab}/handins", api.hand_in, STUDENTS,
        api=True, uploads=True, per_minute=10,
    ),
    Door("GET", "/api/1/handins/{id}", api.handed_in, STUDENTS, api=True),
)  # fmt: skip

# What one marks with who has a course's files and gradebook, and to which nobody hands in.
ONLY_MARKING = tuple(
    door
    for door in DOORS
    if not (door.api or door.uploads or door.path == "/device") and door.roles != STUDENTS
)


def create_app(
    course: Course, url: str, address: str, secret: str, doors: Sequence[Door] = DOORS
) -> Starlette:
    """Return the application of a course's service.

    Parameters
    ----------
    course : Course
    url : str
        Of the gradebook.
    address : str
        As the public finds the service, without a ``/`` at its end.
    secret : str
        With which links, tokens and cookies are signed.
    doors : sequence of Door
        The routes.

    Raises
    ------
    UserError
        If the gradebook cannot be opened, the roster not read, or a secret is missing.
    """
    if course.service.oidc:
        oidc_secret()
    if course.service.lti:
        key_of(course.home)
    site = make_site(course, url, address, secret)

    async def not_found(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        lang = preferred(request.headers.get("accept-language", ""), LANGUAGES, course.language)
        refused = Refused(HTTPStatus(error.status_code), Reason("service.not_there"))
        is_api = request.url.path.startswith(site.path("/api/"))
        return problem(site, refused, lang, api=is_api)

    routes: list[BaseRoute] = [
        Route(door.path, Opened(site, door), methods=[door.method]) for door in doors
    ]
    app = Starlette(
        routes=[Mount(site.prefix, routes=routes)] if site.prefix else routes,
        middleware=[
            Middleware(_WithHeaders),
            Middleware(
                SessionMiddleware,
                secret_key=secret,
                session_cookie=COOKIE,
                max_age=COOKIE_SECONDS,
                path=site.path("/"),
                same_site="lax",
                https_only=urlsplit(address).scheme == "https",
            ),
        ],
        exception_handlers={HTTPException: not_found},
    )
    app.state.site = site
    return app


def make_site(course: Course, url: str, address: str, secret: str) -> Site:
    """Return what all answers of the service share; see `create_app`."""
    people = People(course)  # which may refuse the roster: nothing is open yet
    database = Database(url)
    intake = Intake(course, database, people)
    settings = course.service
    standings = Standings(course, url, people)
    sender = None
    if settings.lti and settings.lms_marks == PUBLISHED:
        sender = Sender(course, database, people, key_of(course.home), standings.handed_in)
    return Site(
        course,
        database,
        people,
        intake,
        standings,
        Seals(secret),
        address,
        Provider(settings.oidc, f"{address}{oidc.BACK}") if settings.oidc else None,
        {one.issuer: Known(one, Keys(one.keys)) for one in settings.lti},
        sender,
    )


class _WithHeaders:
    """Sends `HEADERS` with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
