"""What is signed with the service's secret: links, and the tokens of notebooks."""

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from grading.course.config import SERVICE_SECRET
from grading.errors import UserError
from grading.service.secret_files import kept

VARIABLE = "DL_SERVICE_SECRET"
SHORTEST = 32  # characters
LINK_SECONDS = 180 * 24 * 3600  # a term
TOKEN_SECONDS = 12 * 3600
COOKIE_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class Seal:
    """Who somebody is, and how often that had been revoked, as it was signed."""

    id: str
    revoked: int


class Seals:
    """Signs who people are.

    Parameters
    ----------
    secret : str
    """

    def __init__(self, secret: str) -> None:
        self._links = URLSafeTimedSerializer(secret, salt="link")
        self._tokens = URLSafeTimedSerializer(secret, salt="token")
        self._secret = secret.encode()

    def link(self, seal: Seal) -> str:
        """Return the end of a personal link."""
        return self._links.dumps([seal.id, seal.revoked])

    def token(self, seal: Seal) -> str:
        """Return a token for a notebook."""
        return self._tokens.dumps([seal.id, seal.revoked])

    def pseudonym(self, *of: str) -> str:
        """Return a name that is always the same for something, and tells nothing of it."""
        return hmac.digest(self._secret, "\0".join(of).encode(), "sha256").hex()[:24]

    def of_link(self, text: str) -> Seal | None:
        """Return what a link says; None if it is expired, or none of ours."""
        return _read(self._links, text, LINK_SECONDS)

    def of_token(self, text: str) -> Seal | None:
        """Return what a token says; None if it is expired, or none of ours."""
        return _read(self._tokens, text, TOKEN_SECONDS)


def _read(serializer: URLSafeTimedSerializer, text: str, seconds: int) -> Seal | None:
    try:
        id, revoked = serializer.loads(text, max_age=seconds)
    except (BadData, ValueError, TypeError):
        return None
    return Seal(id, revoked)


def secret_of(home: Path) -> str:
    """Return the service's secret: the environment's, else one that is made once and kept.

    Raises
    ------
    UserError
        If it is too short to be one, or cannot be read or kept.
    """
    if secret := os.environ.get(VARIABLE, ""):
        return _checked(secret, VARIABLE)
    path = home / SERVICE_SECRET
    return _checked(kept(path, lambda: secrets.token_urlsafe(48)), str(path))


def _checked(secret: str, where: str) -> str:
    if len(secret) < SHORTEST:
        raise UserError(
            f"the secret of the service in {where} has {len(secret)} characters; expected at least "
            f"{SHORTEST}, such as `python -c 'import secrets; print(secrets.token_urlsafe(48))'` "
            "prints"
        )
    return secret
