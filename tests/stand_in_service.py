"""A stand-in for the course's service, which behaves well until a test scripts its answers."""

import base64
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

JSON, PROBLEM, HTML = "application/json", "application/problem+json", "text/html; charset=utf-8"
TOKEN = "t0ken.of-ada"
RESULT: dict[str, Any] = {
    "score": 3.5,
    "max_score": 9,
    "checks": [
        {"cell": "check-double", "label": "size", "marks": 2, "max": 2, "reason": ""},
        {
            "cell": "check-slope",
            "label": "slope",
            "marks": 1.5,
            "max": 7,
            "reason": "3 of 20 values differ",
        },
    ],
}


@dataclass(frozen=True)
class Answer:
    """What is sent back; a table goes as JSON."""

    status: int = 200
    body: bytes | dict[str, Any] = field(default_factory=dict)
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        content = json.dumps(self.body).encode() if isinstance(self.body, dict) else self.body
        handler.send_response(self.status)
        headers = {"Content-Type": self.kind, "Content-Length": str(len(content))} | self.headers
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)


def problem(status: int, detail: str, **headers: str) -> Answer:
    """An answer as the service refuses something."""
    about = {"type": "about:blank", "title": "No", "status": status, "detail": detail}
    return Answer(status, about, PROBLEM, {k.replace("_", "-"): v for k, v in headers.items()})


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection off instead of an answer."""
    handler.close_connection = True


Reply = Answer | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    """What was asked."""

    step: str
    path: str
    headers: Any
    body: bytes


class StandIn:
    """The service; ``script[step]`` holds what it answers to the next requests of a step.

    The steps are ``device``, ``token``, ``handins`` and ``standing``.
    """

    def __init__(self) -> None:
        self.script: defaultdict[str, list[Reply]] = defaultdict(list)
        self.asked: list[Request] = []
        self.address = ""
        self.stored: list[bytes] = []
        self.token = TOKEN

    def steps(self) -> list[str]:
        return [request.step for request in self.asked]

    def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        if self.script[request.step]:
            return self.script[request.step].pop(0)
        needs_token = request.step in ("handins", "standing")
        if needs_token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return problem(401, "Sign in again.")
        by_step: dict[str, Callable[[Request], Answer]] = {
            "device": self._device,
            "token": self._token,
            "handins": self._hand_in,
            "standing": self._standing,
        }
        return by_step[request.step](request) if request.step in by_step else problem(404, "No.")

    def device(self) -> dict[str, Any]:
        page = f"{self.address}/device"
        return {
            "device_code": "d3v1ce",
            "user_code": "WDJB-MJHT",
            "verification_uri": page,
            "verification_uri_complete": f"{page}?code=WDJB-MJHT",
            "expires_in": 600,
            "interval": 5,
        }

    def _device(self, request: Request) -> Answer:
        return Answer(body=self.device())

    def _token(self, request: Request) -> Answer:
        if b"device_code=d3v1ce" not in request.body or b"urn%3Aietf" not in request.body:
            return Answer(400, {"error": "expired_token"})
        return Answer(body={"access_token": self.token, "token_type": "Bearer", "expires_in": 3600})

    def record(self, attempt: int, **more: Any) -> dict[str, Any]:
        content = self.stored[attempt - 1]
        return {
            "id": f"h{attempt}",
            "lab": "mini",
            "attempt": attempt,
            "sha256": hashlib.sha256(content).hexdigest(),
            "received": "2026-10-05T23:41:07+02:00",
            "place": 3,
            "url": f"{self.address}/h/{attempt}",
            **more,
        }

    def _hand_in(self, request: Request) -> Answer:
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        if request.headers["Repr-Digest"] != f"sha-256=:{digest}:":
            return problem(422, "The digest is another's.")
        if request.headers["Content-Type"] != "application/x-ipynb+json":
            return problem(422, "This is no notebook.")
        if is_new := request.body not in self.stored:
            self.stored.append(request.body)
        record = self.record(self.stored.index(request.body) + 1)
        return Answer(201 if is_new else 200, record)

    def _standing(self, request: Request) -> Answer:
        attempt = int(request.path.rpartition("/h")[2])
        return Answer(body=self.standing(attempt))

    def standing(self, attempt: int) -> dict[str, Any]:
        return self.record(attempt, state="graded", detail="", result=RESULT)

    def confirms(self, **other: Any) -> Reply:
        """Confirm the hand-in that comes, with other values in the record."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            self.stored.append(self.asked[-1].body)
            Answer(201, self.record(len(self.stored)) | other).send(handler)

        return answer

    def says(self, **other: Any) -> Reply:
        """Say how far the latest hand-in is, with other values."""
        return lambda handler: Answer(body=self.standing(len(self.stored)) | other).send(handler)


@contextmanager
def stand_in_service() -> Iterator[StandIn]:
    """Run a stand-in for the service on this machine."""
    service = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.reply()

        def do_GET(self) -> None:
            self.reply()

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            last = self.path.rpartition("/")[2]
            step = "standing" if self.command == "GET" else last
            is_ours = self.path.startswith("/api/1/")
            request = Request(step if is_ours else "?", self.path, self.headers, body)
            answer = service.answer(request)
            if isinstance(answer, Answer):
                answer.send(self)
            else:
                answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
