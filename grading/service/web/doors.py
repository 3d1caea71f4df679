"""The one place where it is decided who may ask for what, and how what goes wrong is said.

Each route is a `Door`: it knows the roles that it lets through, how often, and how much it reads.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from grading.course.config import LANGUAGES
from grading.course.service import MEGABYTE
from grading.errors import UserError
from grading.marking.answers import Gone, NotMarked
from grading.messages import Reason
from grading.service.people import NOBODY, STRANGER, Person
from grading.service.policy import Refused
from grading.service.recognising import bounded
from grading.service.web.language import preferred
from grading.service.web.rendering import policy, rendered
from grading.service.web.signing import Seal
from grading.service.web.site import Site, Visit

log = logging.getLogger(__name__)
SMALL = 64_000  # bytes of a request that uploads nothing
MOST_FIELDS = 1_000  # of a form: a group of answers has one each
SAFE = frozenset(("GET", "HEAD"))
AGAIN_SECONDS = 10  # after which a reader may try again what the service could not do

Answer = Callable[[Site, Visit], Response]


@dataclass(frozen=True)
class Door:
    """A route.

    Attributes
    ----------
    method, path : str
    answer : callable
        Run beside the event loop.
    roles : frozenset of str
        Who is let through.
    api : bool
        Whether it is for programs: they send a token, and read problems as JSON (RFC 9457).
    lms : bool
        Whether an LMS leads there: in a frame of its own, with forms that carry their own proof.
    uploads : bool
        Whether it takes a notebook of the lab in its path.
    per_minute : int
        How often one person or, for who is none, one address may ask.
    """

    method: str
    path: str
    answer: Answer
    roles: frozenset[str]
    api: bool = False
    lms: bool = False
    uploads: bool = False
    per_minute: int = 120


class Opened:
    """A door of a site, as an ASGI application.

    Parameters
    ----------
    site : Site
    door : Door
    """

    def __init__(self, site: Site, door: Door) -> None:
        self._site = site
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        most = self._most(scope)
        request = Request(scope, _limited(receive, most), send)
        lang = preferred(
            request.headers.get("accept-language", ""), LANGUAGES, self._site.course.language
        )
        try:
            response = await self._answer(request, lang, most)
        except ClientDisconnect:
            return
        except Exception as error:
            response = problem(self._site, _refusal(error), lang, api=self._door.api)
        finally:
            await request.close()
        if self._door.lms:
            origins = {one.platform.origin for one in self._site.platforms.values()}
            ancestors = " ".join(sorted(origins)) or "'none'"
            response.headers["Content-Security-Policy"] = policy(ancestors)
        await response(scope, receive, send)

    async def _answer(self, request: Request, lang: str, most: int) -> Response:
        door, site = self._door, self._site
        person = await run_in_threadpool(self._person, request)
        seconds = site.limits.wait(door.path, person.id or _address(request), door.per_minute)
        if seconds:
            values = {"count": seconds}
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS, Reason("service.too_often", values), seconds
            )
        if person.role not in door.roles:
            if person.role != STRANGER:
                raise Refused(HTTPStatus.FORBIDDEN, Reason("service.not_yours_to_see"))
            if not door.api and door.method == "GET":
                request.session["next"] = _local(request)
                return RedirectResponse(site.path("/sign-in"), HTTPStatus.SEE_OTHER)
            raise Refused(HTTPStatus.UNAUTHORIZED, Reason("service.sign_in_again"))
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > most:  # else told while it is read
            raise _TooLarge(most)
        form: Mapping[str, Any] = {}
        body = b""
        if door.method not in SAFE and not door.uploads:
            form = await _form(request)
        elif door.method not in SAFE and door.api:
            body = await request.body()
        elif door.method not in SAFE:
            form = await _form(request)
            body = await _file(form)
        is_ours = not door.api and not door.lms
        if door.method not in SAFE and is_ours and person.role != STRANGER:
            _check_csrf(request, form)
        visit = Visit(
            person, lang, request.path_params, request.query_params, form, body, request.headers,
            {} if door.api else request.session,
        )  # fmt: skip
        return await run_in_threadpool(door.answer, site, visit)

    def _person(self, request: Request) -> Person:
        """Return who asks; of programs only a token tells, of readers only their cookie."""
        site = self._site
        if self._door.api:
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            seal = site.seals.of_token(token.strip()) if kind.lower() == "bearer" else None
        else:
            id = request.session.get("id")
            seal = Seal(id, request.session["revoked"]) if id else None
        if seal is None or not site.stands(seal):
            return NOBODY
        person = site.people.find(seal.id)
        if person is None and self._door.api:
            raise Refused(HTTPStatus.FORBIDDEN, Reason("service.not_listed"))
        if person is None:
            return NOBODY
        return person if self._door.api else bounded(person, request.session.get("role", ""))

    def _most(self, scope: Scope) -> int:
        """Return how many bytes a request may have."""
        lab = scope["path_params"].get("lab", "")
        if not self._door.uploads:
            return SMALL
        known = [info.service.most_bytes for info in self._site.course.labs if info.name == lab]
        return (known or [0])[0] + (0 if self._door.api else SMALL)


class _TooLarge(Exception):
    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


def _limited(receive: Receive, most: int) -> Receive:
    """Return what reads a request, and stops as soon as it has more bytes than are taken."""
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise _TooLarge(most)
        return message

    return limited


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=MOST_FIELDS)
    except HTTPException as error:  # not a form as it should be
        log.warning("%s: %s", request.url.path, error.detail)
        raise Refused(HTTPStatus.BAD_REQUEST, Reason("service.no_form")) from error


async def _file(form: Mapping[str, Any]) -> bytes:
    file = form.get("notebook")
    if not isinstance(file, UploadFile):
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, Reason("service.no_file"))
    return await file.read()


def _check_csrf(request: Request, form: Mapping[str, Any]) -> None:
    expected, found = request.session.get("csrf"), form.get("csrf")
    texts = [one.encode() for one in (expected, found) if isinstance(one, str)]
    if len(texts) != 2 or not hmac.compare_digest(*texts):
        raise Refused(HTTPStatus.FORBIDDEN, Reason("service.form_expired"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _local(request: Request) -> str:
    """Return the page that was asked for, to which to return."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"


def _refusal(error: Exception) -> Refused:
    """Return what a reader is told of an error, and write instructors a line of what they need."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, NotMarked):
        is_gone = isinstance(error, Gone)
        return Refused(HTTPStatus.NOT_FOUND if is_gone else HTTPStatus.CONFLICT, error.said)
    if isinstance(error, _TooLarge):
        values = {"most": f"{error.most / MEGABYTE:.3g}"}
        log.warning("a request had more than %s MB", values["most"])
        return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Reason("service.too_large", values))
    if isinstance(error, UserError | OSError):  # no database, a full disk, a file that is wrong
        log.error("%s", error)
        reason = Reason("service.trouble")
        return Refused(HTTPStatus.SERVICE_UNAVAILABLE, reason, AGAIN_SECONDS)
    log.error("%s: %s", type(error).__name__, error, exc_info=error)
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, Reason("service.broken"))


def problem(site: Site, refused: Refused, lang: str, *, api: bool) -> Response:
    """Return a refusal as a page, or for programs as JSON (RFC 9457)."""
    headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after else {}
    detail = refused.text(lang)
    if not api:
        return rendered(
            site, "problem.html", lang, status=refused.status, headers=headers, detail=detail
        )
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    about = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": refused.status.value,
        "detail": detail,
    }
    return JSONResponse(
        about, refused.status, headers=headers, media_type="application/problem+json"
    )
