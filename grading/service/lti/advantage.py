"""What an LMS is asked and told between launches, by LTI Advantage: members, line items, scores."""

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from grading.course.service import Platform
from grading.service.elsewhere import Unreachable, asked, connection, json_of
from grading.service.lti.configuration import LINE_ITEM, MEMBERS, SCORE
from grading.service.lti.key import ALGORITHM

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MEMBER_LIST = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
ITEM_LIST = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM = "application/vnd.ims.lis.v2.lineitem+json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
MOST_PAGES = 1000
SOON = 60  # seconds before it expires in which a token is not used any more


@dataclass
class Advantage:
    """An LMS's services, in a ``with`` block.

    Parameters
    ----------
    platform : Platform
    key : RSAKey
        The service's own.
    """

    platform: Platform
    key: RSAKey
    _session: requests.Session = field(default_factory=connection)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def members(self, url: str) -> list[Mapping[str, Any]]:
        """Return the members of the course, of all pages of the list.

        Raises
        ------
        Unreachable
            If the LMS does not give it.
        """
        found: list[Mapping[str, Any]] = []
        for page in self._pages(url, MEMBERS, MEMBER_LIST, dict):
            members = page.get("members")
            if not isinstance(members, list):
                raise Unreachable(f"{url}: expected a list of members")
            found += [one for one in members if isinstance(one, dict)]
        return found

    def line_item(self, url: str, lab: str, label: str, maximum: float) -> str:
        """Return the address of a lab's column in the LMS's gradebook, which is made if need be."""
        for page in self._pages(url, LINE_ITEM, ITEM_LIST, list):
            for item in page:
                if isinstance(item, dict) and item.get("resourceId") == lab:
                    return _within(url, item.get("id"))
        about = {"scoreMaximum": maximum, "label": label, "resourceId": lab}
        with connection(tries=0) as once:  # two would be two columns
            made = self._ask("POST", url, LINE_ITEM, {"Content-Type": ITEM}, once, json=about)
        return _within(url, json_of(made, dict).get("id"))

    def send(self, line_item: str, score: Mapping[str, Any]) -> None:
        """Write a score into a column; the latest counts, however often it arrives.

        Raises
        ------
        Unreachable
            If the LMS does not take it.
        """
        parts = urlsplit(line_item)
        url = parts._replace(path=f"{parts.path.rstrip('/')}/scores").geturl()
        self._ask("POST", url, SCORE, {"Content-Type": SCORE_TYPE}, json=score)

    def _pages(self, first: str, scope: str, kind: str, of: type) -> Iterator[Any]:
        url = first
        for _ in range(MOST_PAGES):
            answer = self._ask("GET", url, scope, {"Accept": kind})
            yield json_of(answer, of)
            following = answer.links.get("next", {}).get("url")
            if not following:
                return
            url = _within(first, following)
        raise Unreachable(f"{first}: more than {MOST_PAGES} pages")

    def _ask(
        self,
        method: str,
        url: str,
        scope: str,
        headers: Mapping[str, str],
        session: requests.Session | None = None,
        **how: Any,
    ) -> requests.Response:
        about = {"Authorization": f"Bearer {self._token(scope)}", **headers}
        return asked(session or self._session, method, url, headers=about, **how)

    def _token(self, scope: str) -> str:
        """Return what lets us ask, by OAuth 2.0 with a signed assertion."""
        token, until = self._tokens.get(scope, ("", 0.0))
        if time.monotonic() < until - SOON:
            return token
        now = int(time.time())
        client, url = self.platform.client_id, self.platform.token
        claims = {"iss": client, "sub": client, "aud": url, "iat": now, "exp": now + 300}
        assertion = jwt.encode(
            {"alg": ALGORITHM, "kid": self.key.thumbprint()},
            claims | {"jti": uuid.uuid4().hex},
            self.key,
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
            "scope": scope,
        }
        answer = json_of(asked(self._session, "POST", url, data=form), dict)
        found, lasts = answer.get("access_token"), answer.get("expires_in", SOON)
        if not isinstance(found, str) or not isinstance(lasts, int | float):
            raise Unreachable(f"{url}: gave no access token")
        self._tokens[scope] = found, time.monotonic() + lasts
        return found


def _within(first: str, url: object) -> str:
    """Return an address that an LMS gave, if it is its own: our token goes to nobody else."""
    if isinstance(url, str) and urlsplit(url)[:2] == urlsplit(first)[:2]:
        return url
    raise Unreachable(f"{first}: leads to {str(url)[:100]!r}, which is elsewhere")
