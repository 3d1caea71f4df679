"""The university's sign-in, by OpenID Connect: the code flow with PKCE, state and nonce."""

import os
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from grading.course.service import ELSEWHERE, Oidc
from grading.errors import UserError
from grading.service.elsewhere import SECONDS, Unreachable, asked, connection, json_of, reason
from grading.service.proofs import LASTS, Keys, NotProven, checked
from grading.service.tickets import unguessable

SECRET = "DL_OIDC_SECRET"  # the environment variable that has it
SCOPE = "openid email profile"
ALGORITHMS = ("RS256", "PS256", "ES256")  # never one of a shared secret, never none
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
BASIC, POST = "client_secret_basic", "client_secret_post"


class Provider:
    """Who signs people in for us.

    Parameters
    ----------
    settings : Oidc
    back : str
        The address to which a reader comes back.
    clock : callable
        Seconds that only grow.
    """

    def __init__(
        self, settings: Oidc, back: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._back = back
        self._clock = clock
        self._about: dict[str, Any] = {}
        self._known = float("-inf")
        self._keys = Keys("")

    def begin(self, state: str, nonce: str, verifier: str) -> str:
        """Return where a reader is sent to sign in.

        Raises
        ------
        Unreachable
            If the provider does not say where.
        """
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._discovered()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=verifier,
            )
        return str(url)

    def finish(self, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        """Return what the provider says of whoever came back with a code.

        Raises
        ------
        NotProven
            If it proves nothing.
        Unreachable
            If the provider does not answer.
        """
        about = self._discovered()
        try:
            with self._session() as session:
                answer = session.fetch_token(
                    about["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    timeout=SECONDS,
                )
        except OAuthError as error:
            raise NotProven(f"{about['token_endpoint']}: {reason(error)}") from None
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(f"{about['token_endpoint']}: {reason(error)}") from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotProven(f"{about['token_endpoint']} gave no ID token")
        signed = self._keys.token(token, ALGORITHMS)
        return checked(signed, self._settings.issuer, self._settings.client_id, nonce)

    def farewell(self, back: str) -> str:
        """Return where a reader signs out of the provider, ``back`` if it has no such place."""
        there = self._discovered().get("end_session_endpoint", "")
        if not ELSEWHERE.accepts(there):
            return back
        about = {"client_id": self._settings.client_id, "post_logout_redirect_uri": back}
        return f"{there}{'&' if '?' in there else '?'}{urlencode(about)}"

    def identity(self, claims: dict[str, Any]) -> tuple[str, str]:
        """Return the id that claims have, and the e-mail address if it is verified; else empty."""
        id = claims.get(self._settings.id_claim) if self._settings.id_claim else ""
        email = claims.get("email") if claims.get("email_verified") is True else ""
        return str(id or "") if isinstance(id, str | int) else "", _text(email)

    def _session(self) -> OAuth2Session:
        known = self._discovered().get("token_endpoint_auth_methods_supported")
        method = POST if isinstance(known, list) and BASIC not in known else BASIC
        return OAuth2Session(
            self._settings.client_id,
            secret(),
            scope=SCOPE,
            redirect_uri=self._back,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
        )

    def _discovered(self) -> dict[str, Any]:
        """Return what the provider says of itself."""
        if self._clock() - self._known <= LASTS:
            return self._about
        issuer = self._settings.issuer
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        with connection() as session:
            about = json_of(asked(session, "GET", url), dict)
        if about.get("issuer") != issuer:
            raise Unreachable(f"{url}: the issuer is {about.get('issuer')!r}, expected {issuer!r}")
        for name in ENDPOINTS:
            if not ELSEWHERE.accepts(about.get(name)):
                raise Unreachable(f"{url}: {name} is {about.get(name)!r}, expected https://…")
        if about["jwks_uri"] != self._about.get("jwks_uri"):
            self._keys = Keys(about["jwks_uri"], self._clock)
        self._about, self._known = about, self._clock()
        return self._about


def new_secrets() -> dict[str, str]:
    """Return what only the two ends of one sign-in know: its nonce, and PKCE's verifier."""
    return {"nonce": unguessable(), "verifier": unguessable()}


def secret() -> str:
    """Return the client's secret.

    Raises
    ------
    UserError
        If the environment has none.
    """
    found = os.environ.get(SECRET, "")
    if not found:
        raise UserError(
            "course.toml has [service.oidc], whose provider gave the client a secret; expected it "
            f"in the variable {SECRET}"
        )
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
