"""The course's service over HTTP: sign in, hand in, ask how far it is."""

import base64
import hashlib
import io
import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote

import requests

from grading.messages import message
from grading.session.replies import (
    MOST_BYTES,
    Device,
    Standing,
    Stored,
    Table,
    Unreadable,
    read_detail,
    read_device,
    read_json,
    read_standing,
    read_stored,
    read_token,
)

TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PENDING, SLOW_DOWN, EXPIRED, DENIED = (
    "authorization_pending",
    "slow_down",
    "expired_token",
    "access_denied",
)
BLOCK = 8192  # bytes of an answer that are read at once

Told = Callable[[int], None]  # is given the bytes that were sent so far
S = TypeVar("S")
T = TypeVar("T")


class ServiceError(Exception):
    """The service did not do what it was asked; as text, one sentence that says why.

    Attributes
    ----------
    status : int
        Of HTTP; 0 if there was no answer.
    wait : float
        Seconds after which the service wants to be asked again; 0 if it did not say.
    passing : bool
        Whether the same may go well in a moment: the network or the service was at fault.
    """

    def __init__(
        self, said: str, *, status: int = 0, wait: float = 0.0, passing: bool = False
    ) -> None:
        super().__init__(said)
        self.status, self.wait, self.passing = status, wait, passing


class Waiting(Exception):
    """There is no token yet, for the reason that RFC 8628 gives: ``PENDING`` and the others."""


class Client:
    """What a session asks of the service at an address, and in which language.

    Attributes
    ----------
    token : str
        Who asks; ``""`` until somebody signed in.
    """

    def __init__(self, address: str, lang: str) -> None:
        self.address, self.lang = address, lang
        self.token = ""

    def begin_sign_in(self) -> Device:
        """Ask for a code to be confirmed in a browser."""
        return self._read(read_device, self._ask("POST", "device"))

    def finish_sign_in(self, device: Device) -> None:
        """Take the token of a sign-in that was confirmed.

        Raises
        ------
        Waiting
            If it was not, or not yet.
        """
        form = {"grant_type": GRANT, "device_code": device.device_code}
        status, table = self._sent("POST", "token", data=form)
        error = table.get("error")
        if status == 400 and error in (PENDING, SLOW_DOWN, EXPIRED, DENIED):
            raise Waiting(error)
        if status != 200:
            raise self._refusal(status, table)
        self.token = self._read(read_token, table)

    def hand_in(self, lab: str, content: bytes, told: Told) -> tuple[Stored, bool]:
        """Send a notebook; return its record, and whether this made it a new attempt."""
        digest = hashlib.sha256(content)
        headers = {
            "Content-Type": "application/x-ipynb+json",
            "Repr-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
        }
        body = _Body(content, told)
        status, table = self._sent("POST", f"labs/{quote(lab)}/handins", data=body, headers=headers)
        if status not in (200, 201):
            raise self._refusal(status, table)
        stored = self._read(read_stored, table)
        if stored.sha256 != digest.hexdigest() or table.get("lab") != lab:
            raise ServiceError(message("upload.mixed_up", self.lang))
        return stored, status == 201

    def standing(self, stored: Stored) -> Standing:
        """Return how far a hand-in has come."""
        return self._read(read_standing, self._ask("GET", f"handins/{quote(stored.id)}"))

    def _ask(self, method: str, path: str) -> Table:
        status, table = self._sent(method, path)
        if status != 200:
            raise self._refusal(status, table)
        return table

    def _read(self, reader: Callable[[S], T], found: S) -> T:
        try:
            return reader(found)
        except Unreadable as error:
            raise self._other(str(error)) from None

    def _sent(self, method: str, path: str, **sent: Any) -> tuple[int, Table]:
        """Send a request and return the status and the object of its answer.

        A redirection is none: whoever answers instead of the service gets no notebook.
        """
        headers = {
            "Accept": "application/json, application/problem+json",
            "Accept-Language": self.lang,
            **sent.pop("headers", {}),
        }
        try:
            with (
                requests.Session() as session,
                session.request(
                    method,
                    f"{self.address}/api/1/{path}",
                    headers=headers,
                    auth=self._sign,
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    stream=True,
                    **sent,
                ) as response,
            ):
                return self._answer(response)
        except requests.exceptions.SSLError:
            raise ServiceError(message("upload.tls", self.lang, address=self.address)) from None
        except requests.exceptions.Timeout:
            slow = message("upload.slow", self.lang, address=self.address)
            raise ServiceError(slow, passing=True) from None
        except requests.exceptions.RequestException:
            unreachable = message("upload.unreachable", self.lang, address=self.address)
            raise ServiceError(unreachable, passing=True) from None

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Say who asks, whatever a ``.netrc`` says."""
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def _answer(self, response: requests.Response) -> tuple[int, Table]:
        status = response.status_code
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        wait = _seconds(response.headers.get("Retry-After", ""))
        if kind not in ("application/json", "application/problem+json"):
            raise self._refusal(status, {}, wait)
        content = bytearray()
        for block in response.iter_content(BLOCK):
            content += block
            if len(content) > MOST_BYTES:
                raise self._other(f"> {MOST_BYTES} B")
        table = self._read(read_json, bytes(content))
        if status == 429 or status >= 500:
            raise self._refusal(status, table, wait)
        return status, table

    def _refusal(self, status: int, table: Table, wait: float = 0.0) -> ServiceError:
        """Return what a status other than success means, in the service's own words if it can."""
        said = read_detail(table)
        passing = status == 429 or status >= 500
        if not said and status == 413:
            said = message("upload.large", self.lang)
        elif not said and passing:
            said = message("upload.busy", self.lang, address=self.address)
        elif not said:
            return self._other(str(status), status)
        return ServiceError(said, status=status, wait=wait, passing=passing)

    def _other(self, found: str, status: int = 0) -> ServiceError:
        said = message("upload.other", self.lang, address=self.address, found=found)
        return ServiceError(said, status=status)


class _Body(io.BytesIO):
    """What is sent, which tells how much of it was taken."""

    def __init__(self, content: bytes, told: Told) -> None:
        super().__init__(content)
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self._told(self.tell())
        return block


def _seconds(retry_after: str) -> float:
    """Return what ``Retry-After`` asks for, a number of seconds or a date; 0 if it is neither."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            when = parsedate_to_datetime(retry_after)
            seconds = (when - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):  # no date, or one without a zone
            return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
