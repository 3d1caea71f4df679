"""Tokens that others sign: JSON Web Tokens, and the keys by which they are believed."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from grading.service.elsewhere import Unreachable, asked, connection, json_of

LASTS = 3600.0  # seconds after which keys are fetched again, so that a revoked one is worth nothing
APART = 10.0  # seconds between two times that they are fetched for an unknown key
LEEWAY = 60  # seconds by which clocks may differ


class NotProven(Exception):
    """What somebody says is not proven; the text is for a log."""


class Keys:
    """The keys of somebody who signs: fetched when they are needed, and when another one is used.

    Parameters
    ----------
    url : str
        Of a JSON Web Key Set.
    clock : callable
        Seconds that only grow.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched = self._for_unknown = float("-inf")

    def token(self, text: str, algorithms: Sequence[str]) -> jwt.Token:
        """Return a token that one of the keys signed.

        Raises
        ------
        NotProven
            If none did.
        Unreachable
            If the keys cannot be had.
        """
        try:
            try:
                return jwt.decode(text, self._current(), algorithms)
            except (InvalidKeyIdError, BadSignatureError):
                now = self._clock()
                if now - self._for_unknown < APART:
                    raise
                self._for_unknown = now
                return jwt.decode(text, self._fetch(), algorithms)
        except (JoseError, ValueError) as error:
            raise NotProven(f"the token is not signed as it should be: {error}") from None

    def _current(self) -> KeySet:
        if self._keys is None or self._clock() - self._fetched > LASTS:
            return self._fetch()
        return self._keys

    def _fetch(self) -> KeySet:
        with connection() as session:
            found = json_of(asked(session, "GET", self._url), dict)
        try:
            self._keys = KeySet.import_key_set(found)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise Unreachable(f"{self._url}: no key set: {error}") from None
        self._fetched = self._clock()
        return self._keys


def checked(token: jwt.Token, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that is for us, of now, and answers this one request.

    Raises
    ------
    NotProven
        Otherwise.
    """
    claims = token.claims
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise NotProven(str(error)) from None
    audience = claims["aud"]
    others = isinstance(audience, list) and len(audience) > 1
    if claims.get("azp", None if others else client_id) != client_id:
        raise NotProven("the token was made for another party (azp)")
    return claims
