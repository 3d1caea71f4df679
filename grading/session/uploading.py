"""Sending a hand-in to the course's service: sign in, send, wait for the marks, show them.

What happens is seen in one output that changes in place. Whatever goes wrong is one sentence, and
the file that was written before stays.
"""

import os
from collections.abc import Callable
from html import escape
from time import sleep
from typing import TypeVar

from grading.messages import message
from grading.places import SERVICE_ADDRESS
from grading.session.client import DENIED, EXPIRED, SLOW_DOWN, Client, ServiceError, Waiting
from grading.session.display import Live
from grading.session.outcomes import Verdict
from grading.session.replies import Device, Standing, Stored
from grading.session.returned import link, render_result, render_stored
from grading.session.scorecard import Scorecard, beside_bar

TRIES = 3  # of what fails for a passing reason
PATIENCE = 60.0  # seconds that a session waits between two of them at most
FIRST_PAUSE, GROWTH = 1.0, 1.4  # seconds between two looks at the queue, and how they grow
NEAR, FAR = 15.0, 60.0  # seconds between two looks at last, where little or much is before
WATCHED = 1800.0  # seconds after which a session leaves a hand-in to its page
SLOWER = 5.0  # seconds that "slow_down" adds to the interval (RFC 8628)

_tokens: dict[str, str] = {}  # by address, while this session lasts

T = TypeVar("T")


def service_address() -> str:
    """Return where the course's service is; ``""`` if it has none.

    ``DL_SERVICE`` names another than the one that the kit was published with.
    """
    if named := os.environ.get("DL_SERVICE"):
        return named.rstrip("/")
    try:
        return SERVICE_ADDRESS.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def last_pause(place: int) -> float:
    """Return the longest pause between two looks at a queue in which so many are before.

    A crowd that waits must not keep the service from grading.
    """
    return min(max(NEAR, place), FAR)


def send(card: Scorecard, address: str, content: bytes) -> Stored | None:
    """Sign in if need be, send a notebook and show its record; None if it did not arrive."""
    client, window = _begin(card, address)

    def told(count: int) -> None:
        percent = 10 * (10 * count // len(content))  # each is a line where nothing changes in place
        window.say("upload.sending", percent=percent, megabytes=f"{len(content) / 1e6:.1f}")

    try:
        stored, is_new = _signed_in(client, window, lambda: client.hand_in(card.lab, content, told))
    except ServiceError as error:
        window.refuse(str(error))
        return None
    except KeyboardInterrupt:
        window.refuse(message("upload.stopped", card.lang))
        return None
    window.live.show(*render_stored(stored, is_new, card.lang))
    return stored


def watch(card: Scorecard, address: str, stored: Stored) -> None:
    """Follow a hand-in until it is graded, and show its marks."""
    client, window = _begin(card, address)
    try:
        standing = _followed(client, window, stored)
    except ServiceError as error:
        window.leave(stored, str(error))
    except KeyboardInterrupt:
        window.leave(stored, message("upload.left", card.lang))
    else:
        if standing is None:
            window.leave(stored, message("upload.long", card.lang))
        else:
            window.live.show(*render_result(card, stored, standing))


def _begin(card: Scorecard, address: str) -> tuple[Client, "_Window"]:
    client = Client(address, card.lang)
    client.token = _tokens.get(address, "")
    return client, _Window(card.lang, address)


class _Window:
    """The output in which a hand-in is seen on its way."""

    def __init__(self, lang: str, address: str) -> None:
        self.live = Live()
        self.lang, self.address = lang, address

    def say(self, key: str, **values: object) -> None:
        """Show what is going on."""
        text = message(key, self.lang, **values)
        self.live.show(text, beside_bar(Verdict.UNKNOWN, [escape(text)]))

    def ask(self, device: Device, minutes: int) -> None:
        """Show the code that somebody has to confirm, and where."""
        texts = [
            message("upload.sign_in", self.lang),
            message("upload.code", self.lang, code=device.user_code),
            message("upload.other_device", self.lang, page=device.page),
            message("upload.waiting", self.lang, count=minutes),
        ]
        first, code, other, waiting = map(escape, texts)
        lines = [f"{first} {link(device.link)}", f"<b>{code}</b>", other, waiting]
        texts[0] += f" {device.link}"
        self.live.show("\n".join(texts), beside_bar(Verdict.PENDING, lines))

    def refuse(self, why: str) -> None:
        """Show why nothing was handed in, and what to do."""
        kept = message("upload.not_sent", self.lang)
        lines = [escape(why), f"{escape(kept)} {link(self.address)}"]
        self.live.show(f"{why}\n{kept} {self.address}", beside_bar(Verdict.FAILED, lines))

    def leave(self, stored: Stored, why: str) -> None:
        """Show that the hand-in is safe, though nobody waits for it any more."""
        kept = message("upload.stored", self.lang)
        lines = [escape(why), f"{escape(kept)} {link(stored.url)}"]
        self.live.show(f"{why}\n{kept} {stored.url}", beside_bar(Verdict.NEAR, lines))


def _signed_in(client: Client, window: _Window, step: Callable[[], T]) -> T:
    """Take a step as somebody, who signs in once more if their token is no longer good."""
    if client.token:
        try:
            return _patiently(window, step)
        except ServiceError as error:
            if error.status != 401:
                raise
    _sign_in(client, window)
    return _patiently(window, step)


def _sign_in(client: Client, window: _Window) -> None:
    """Show a code and wait until it was confirmed in a browser."""
    client.token = ""
    _tokens.pop(client.address, None)
    window.say("upload.connecting", address=client.address)
    device = _patiently(window, client.begin_sign_in)
    interval, left = max(device.interval, 1.0), device.expires_in
    while left > 0:
        window.ask(device, minutes=max(round(left / 60), 1))
        sleep(interval)
        left -= interval
        try:
            client.finish_sign_in(device)
        except Waiting as reason:
            code = str(reason)
            if code == DENIED:
                raise ServiceError(message("upload.denied", client.lang)) from None
            if code == EXPIRED:
                break
            interval += SLOWER if code == SLOW_DOWN else 0.0
        except ServiceError as error:
            if not error.passing:
                raise
            interval = max(2 * interval, error.wait)
        else:
            _tokens[client.address] = client.token
            return
    raise ServiceError(message("upload.expired", client.lang))


def _patiently(window: _Window, step: Callable[[], T]) -> T:
    """Take a step again, a few times, when it fails for a reason that may pass."""
    for number in range(1, TRIES):
        try:
            return step()
        except ServiceError as error:
            pause = error.wait or 2.0**number
            if not error.passing or pause > PATIENCE:
                raise
            window.say("upload.again", problem=error, seconds=f"{pause:.0f}")
            sleep(pause)
    return step()


def _followed(client: Client, window: _Window, stored: Stored) -> Standing | None:
    """Ask for a hand-in, more and more seldom, until it is done; None if that takes too long."""
    window.say("upload.queued", count=stored.place)
    pause, waited = FIRST_PAUSE, 0.0
    while waited < WATCHED:
        sleep(pause)
        waited += pause
        standing = _signed_in(client, window, lambda: client.standing(stored))
        pause = min(pause * GROWTH, last_pause(standing.place))
        if standing.state in ("graded", "failed"):
            return standing
        window.say(f"upload.{standing.state}", count=standing.place)
    return None
