"""What the service asks of others: identity providers and LMSs."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from grading.messages import in_one_line

SECONDS = 10  # for each answer
TRIES = 3
BUSY = (429, 500, 502, 503, 504)


class Unreachable(Exception):
    """Somebody else does not answer, or not as the standard has it; the text is for a log."""


def connection(tries: int = TRIES) -> requests.Session:
    """Return a session that asks those who are busy again, at most so often.

    What is sent by it must be the same however often it arrives, unless ``tries`` is 0.
    """
    again = Retry(
        tries, status_forcelist=BUSY, allowed_methods=None, backoff_factor=0.2, redirect=False
    )
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    return session


def asked(session: requests.Session, method: str, url: str, **how: Any) -> requests.Response:
    """Return an answer with a status of 2xx.

    Raises
    ------
    Unreachable
        If there is none.
    """
    try:
        answer = session.request(method, url, timeout=SECONDS, allow_redirects=False, **how)
    except requests.RequestException as error:
        raise Unreachable(f"{url}: {reason(error)}") from None
    if not 200 <= answer.status_code < 300:
        raise Unreachable(f"{url}: {answer.status_code} {in_one_line(answer.text)[:200]}")
    return answer


def json_of(answer: requests.Response, kind: type) -> Any:
    """Return the JSON of an answer, or raise `Unreachable` if it is not of this kind."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, kind):
        raise Unreachable(f"{answer.url}: expected JSON, found {in_one_line(answer.text)[:80]!r}")
    return found


def reason(error: Exception) -> str:
    """Return what went wrong, in one line."""
    return in_one_line(str(error))[:300]
