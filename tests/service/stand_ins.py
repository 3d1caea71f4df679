"""An identity provider and an LMS, run by the tests: real tokens, real keys, over HTTP."""

import base64
import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from grading.service.lti.launching import LTI, MEMBERSHIP
from grading.service.supervisor import listening

CLIENT, PASSWORD = "dl-course", "a-secret-of-tests"
DEPLOYMENT, CONTEXT = "7", "course-42"
KEYS = [RSAKey.generate_key(2048) for _ in range(3)]  # each takes a while to make


@contextmanager
def running(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an application in a thread; yield its address."""
    with listening("127.0.0.1", port) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Elsewhere:
    """An identity provider and an LMS in one, who do as they are told.

    Attributes
    ----------
    changes : dict
        Claims that the next tokens have otherwise; None takes one out.
    signs_with : int
        Which of `KEYS`.
    publishes : list of int
        Which of them are in the key set.
    busy : int
        How many of the next requests are answered with 503.
    """

    def __init__(self) -> None:
        self.address = ""
        self.tool: Any = None  # by which the service's own keys are asked for
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._about),
                Route("/keys", self._keys),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/course", self._course),
                Route("/lti/authorize", self._post),
                Route("/lti/token", self._lti_token, methods=["POST"]),
                Route("/members", self._members),
                Route("/items", self._items, methods=["GET", "POST"]),
                Route("/items/{id}/scores", self._scores, methods=["POST"]),
            ]
        )
        self.reset()

    def reset(self) -> None:
        self.changes: dict[str, Any] = {}
        self.signs_with = 0
        self.publishes = [0]
        self.busy = 0
        self.refuses = ""  # the account whose scores are not taken
        self.codes: dict[str, dict[str, str]] = {}
        self.items: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []
        self.members: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.pages_at = ""  # where the following page of a list is, if elsewhere
        self.link = ""  # what stands in the LMS's course
        self.metadata: dict[str, Any] = {}

    # --- what tests do ---------------------------------------------------------------------------

    def sign(self, claims: Mapping[str, Any], algorithm: str = "RS256") -> str:
        merged = {**claims, **self.changes}
        key = KEYS[self.signs_with]
        return jwt.encode(
            {"alg": algorithm, "kid": key.thumbprint()},
            {name: value for name, value in merged.items() if value is not None},
            key,
        )

    def launch(self, question: str, account: str, role: str = "Learner", **more: Any) -> dict:
        """Return the form that the LMS has a browser post after an initiation led there."""
        asked = {name: value for name, (value,) in parse_qs(urlsplit(question).query).items()}
        assert asked["response_mode"] == "form_post" and asked["prompt"] == "none"
        claims = self._claims(asked["nonce"], account) | {
            f"{LTI}/message_type": "LtiResourceLinkRequest",
            f"{LTI}/version": "1.3.0",
            f"{LTI}/deployment_id": DEPLOYMENT,
            f"{LTI}/target_link_uri": asked["redirect_uri"],
            f"{LTI}/resource_link": {"id": "1"},
            f"{LTI}/context": {"id": CONTEXT, "title": "Deep Learning"},
            f"{LTI}/roles": [f"{MEMBERSHIP}#{role}"],
            "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
                "lineitems": f"{self.address}/items?type_id=1"
            },
            "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
                "context_memberships_url": f"{self.address}/members"
            },
        }
        return {"state": asked["state"], "id_token": self.sign(claims | more)}

    def _claims(self, nonce: str, account: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.address, "aud": CLIENT, "sub": account, "nonce": nonce,
            "iat": now, "exp": now + 300,
        }  # fmt: skip

    # --- the identity provider -------------------------------------------------------------------

    def _about(self, request: Request) -> Response:
        about = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/bye",
        }
        return JSONResponse(about | self.metadata)

    def _keys(self, request: Request) -> Response:
        keys = [KEYS[one].as_dict(private=False) for one in self.publishes]
        kids = [{"kid": KEYS[one].thumbprint()} for one in self.publishes]
        return JSONResponse({"keys": [key | kid for key, kid in zip(keys, kids, strict=True)]})

    def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT and "openid" in asked["scope"].split()
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)
        basic = base64.b64encode(f"{CLIENT}:{PASSWORD}".encode()).decode()
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        right = (
            asked is not None
            and challenge == asked["code_challenge"]
            and form["redirect_uri"] == asked["redirect_uri"]
            and request.headers["authorization"] == f"Basic {basic}"
        )
        if not right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.sign(self._claims(asked["nonce"], "sub-1"))
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})

    # --- the LMS, as a browser has it ------------------------------------------------------------

    def _course(self, request: Request) -> Response:
        return HTMLResponse(f'<iframe src="{self.link}" width="900" height="500"></iframe>')

    def _post(self, request: Request) -> Response:
        form = self.launch(str(request.url), "acc-1")
        fields = "".join(f'<input name="{name}" value="{form[name]}">' for name in form)
        target = request.query_params["redirect_uri"]
        return HTMLResponse(
            f'<form method="post" action="{target}">{fields}</form>'
            "<script>document.forms[0].submit()</script>"
        )

    # --- the LMS's services ----------------------------------------------------------------------

    async def _lti_token(self, request: Request) -> Response:
        form = await request.form()
        keys = KeySet.import_key_set(self.tool.get("/lti/keys").json())
        claims = jwt.decode(str(form["client_assertion"]), keys, ["RS256"]).claims
        assert claims["iss"] == claims["sub"] == CLIENT and claims["aud"] == str(request.url)
        assert claims["exp"] > time.time() and claims["jti"]
        self.tokens.append(str(form["scope"]))
        return JSONResponse({"access_token": f"for {form['scope']}", "expires_in": 3600})

    def _members(self, request: Request) -> Response:
        if refused := self._refused(request, "contextmembership.readonly"):
            return refused
        page = int(request.query_params.get("page", 0))
        links = (
            {"Link": f'<{self.pages_at or self.address}/members?page={page + 1}>; rel="next"'}
            if page + 1 < len(self.members)
            else {}
        )
        found = self.members[page : page + 1]
        return JSONResponse({"id": "x", "members": found}, headers=links)

    async def _items(self, request: Request) -> Response:
        if refused := self._refused(request, "lineitem"):
            return refused
        if request.method == "GET":
            return JSONResponse(self.items)
        id = f"{self.address}/items/{len(self.items)}?type_id=1"
        self.items.append({"id": id, **await request.json()})
        return JSONResponse(self.items[-1], 201)

    async def _scores(self, request: Request) -> Response:
        if refused := self._refused(request, "score"):
            return refused
        score = await request.json()
        if score["userId"] == self.refuses:
            return JSONResponse({"error": "not enrolled"}, 422)
        assert request.query_params["type_id"] == "1"
        self.scores.append(score | {"item": request.path_params["id"]})
        return Response(status_code=204)

    def _refused(self, request: Request, scope: str) -> Response | None:
        if self.busy:
            self.busy -= 1
            return Response("later", 503)
        if not request.headers.get("authorization", "").endswith(f"/scope/{scope}"):
            return Response("no token", 401)
        return None


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Run the provider and the LMS."""
    made = Elsewhere()
    with running(made.app) as address:
        made.address = address
        yield made


def settings(address: str, lti: str = f'context = "{CONTEXT}"', oidc: str = "") -> str:
    """Return the tables of course.toml for both of them at an address, with more in each."""
    provider = f"""
[service.oidc]
issuer = "{address}"
client_id = "{CLIENT}"
{oidc}
"""
    return provider + platform(address, lti)


def platform(address: str, more: str = "") -> str:
    """Return the table of course.toml for an LMS at an address."""
    return f"""
[[service.lti]]
issuer = "{address}"
client_id = "{CLIENT}"
deployments = ["1", "{DEPLOYMENT}"]
authorization = "{address}/lti/authorize"
token = "{address}/lti/token"
keys = "{address}/keys"
{more}
"""
