"""Whatever is sent to the routes has an answer, is no error of the service's, and is not taken."""

import contextlib
import re
import socket
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.service import queue
from grading.service.supervisor import listening
from grading.service.web.app import DOORS
from grading.service.web.doors import Door
from grading.service.web.signing import Seal
from tests.service.stand_ins import platform, running
from tests.service.visiting import STAFF, Visited, csrf, opened, visited

# Starlette leaves what it read of a file in a form that breaks off to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
PARTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["..", "%2e%2e", "mini", "\x00", "a" * 5000, "{token}", "🙂", "'; DROP--"]),
)
VALUES = st.text(string.printable.replace("\r", "").replace("\n", "").strip(), max_size=60)
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-ipynb+json",
    "",
)
BODIES = st.one_of(
    st.binary(max_size=400),
    st.sampled_from([
        b'--x\r\nContent-Disposition: form-data; name="notebook"; filename="\r\n\r\n',
        b'--x\r\nContent-Disposition: form-data; name="notebook"; filename="a"\r\n\r\n[]\r\n--x--',
        b"csrf=%ff%fe&code=" + b"A" * 300,
        b"[" * 10_000,
        b'{"cells": [{}], "nbformat": 1e999}',
        b"&".join(b"f%d=1" % n for n in range(100)),
    ]),
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept-Language", "Repr-Digest", "Authorization", "Cookie", "Content-Length"]
    ),
    VALUES,
    max_size=3,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    more = STAFF + platform("https://lms.example")
    yield from opened(tmp_path_factory.mktemp("course"), more)


ASKED = {
    "who": st.sampled_from(["", "ada", "prof"]),
    "parts": st.lists(PARTS, min_size=6, max_size=6),
    "kind": st.sampled_from(KINDS),
    "body": BODIES,
    "headers": HEADERS,
    "is_right": st.booleans(),
}
TRIED = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
API = [door for door in DOORS if door.api]


@pytest.mark.slow
@settings(max_examples=90, **TRIED)
@given(door=st.sampled_from([door for door in DOORS if not door.api]), **ASKED)
def test_no_request_is_an_error_of_the_service(service: Visited, door: Door, **how: Any) -> None:
    assert asked(service, door, **how).status_code < 500


@pytest.mark.slow
@pytest.mark.parametrize("door", API, ids=lambda door: f"{door.method} {door.path}")
@settings(max_examples=15, **TRIED)
@given(**ASKED)
def test_whatever_a_program_sends_is_answered_in_json(
    service: Visited, door: Door, **how: Any
) -> None:
    answer = asked(service, door, **how)
    assert answer.status_code < 500, answer.text
    found = answer.json()
    if answer.headers["content-type"] == "application/problem+json":
        assert found["status"] == answer.status_code and found["detail"]
    else:
        assert answer.headers["content-type"] == "application/json" and found


def asked(
    service: Visited,
    door: Door,
    who: str,
    parts: list[str],
    kind: str,
    body: bytes,
    headers: dict[str, str],
    is_right: bool,
) -> Any:
    """Ask for a route with odd names in its path; nothing of it is a hand-in."""
    service.site.limits._left.clear()
    client = service.client(who)
    names = iter(parts)
    path = re.sub(r"\{\w+\}", lambda _: quote(next(names), safe="%", errors="replace"), door.path)
    about = {name: value.encode("latin-1", "replace") for name, value in headers.items()}
    if who and is_right:  # what it takes to be let in
        about.pop("Cookie", None)
        if door.api:
            path = path if "{id}" in door.path else door.path.replace("{lab}", "mini")
            token = service.site.seals.token(Seal(who, service.site.revoked(who)))
            about["Authorization"] = f"Bearer {token}".encode()
        elif kind == KINDS[1]:
            page = csrf(client, "/course" if who == "prof" else "/")
            body = b"csrf=" + page.encode() + b"&" + body
    answer = client.request(
        door.method, path or "/", content=body, headers=about | {"Content-Type": kind.encode()}
    )
    with service.site.database.reading() as session:
        assert not [one for one in queue.of_lab(session, "mini") if one.attempt]
    return answer


NAMES = (
    "..",
    "../../../etc/passwd",
    "..%2f..%2fescaped",
    "%2e%2e%2f%2e%2e%2fescaped",
    "mini/../../escaped",
    "%ff%fe",
    "a" * 8000,
    "🙂" * 200,
    "mini'; DROP TABLE dl_handin;--",
    "{{7*7}}",
    "<script>pwn()</script>",
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "X" * 300)


def files(root: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in root.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("who", ["", "prof"])
def test_odd_names_and_methods_are_refused_and_write_nothing(service: Visited, who: str) -> None:
    client = service.client(who)
    page = csrf(client, "/course" if who == "prof" else "/") if who else ""
    root = service.course.root.parent
    before = files(root)
    asked = [
        (door.method, re.sub(r"\{\w+\}", lambda _, name=name: quote(name, safe="%/"), door.path))
        for door in DOORS
        for name in NAMES
        if "{" in door.path
    ]
    for method, path in asked:
        service.site.limits._left.clear()
        answer = client.request(method, path, data={"csrf": page, "cell": "../x"})
        assert answer.status_code < 500, (method, path)
        assert "Traceback" not in answer.text and "<script>pwn" not in answer.text
    book = service.course.home / "gradebook.db"
    changed = {path for path, when in files(root).items() if before.get(path) != when}
    assert {path for path in changed if not path.name.startswith(book.name)} == set()


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_no_other_method_opens_a_door(service: Visited, door: Door) -> None:
    known = {one.method for one in DOORS if one.path == door.path}
    known |= {"HEAD"} if "GET" in known else set()
    client = service.client("prof")
    path = re.sub(r"\{\w+\}", "mini", door.path)
    for method in METHODS:
        if method not in known:
            service.site.limits._left.clear()
            assert client.request(method, path).status_code in (404, 405), (method, path)


RAW = {
    "nothing": b"",
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    "half a line": b"GET /",
    "a huge header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 50_000 + b"\r\n",
    "a long path": b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a wrong length": b"POST /api/1/device HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /api/1/device HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n\r\n",
    "odd chunks": b"POST /api/1/device HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"fffffffffffffffff\r\n",
    "a line in a header": b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a\r\n b\x00\r\n\r\n",
    "an address of elsewhere": b"GET http://evil.example/course HTTP/1.1\r\nHost: evil\r\n\r\n",
}


def test_bytes_that_are_no_request_break_nothing(tmp_path: Path) -> None:
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    made = visited(tmp_path, STAFF, "", f"http://127.0.0.1:{port}")
    with running(made.app, port):
        for what, content in RAW.items():
            with socket.create_connection(("127.0.0.1", port), 20) as connection:
                connection.settimeout(20)
                answer = b""
                with contextlib.suppress(OSError):
                    connection.sendall(content)
                    connection.shutdown(socket.SHUT_WR)
                    answer = connection.recv(65536)
            first = answer.partition(b"\r\n")[0]
            assert not first or re.match(rb"HTTP/1\.[01] [34]\d\d ", first), (what, first)
            assert b"Traceback" not in answer
        alive = httpx.get(f"{made.address}/sign-in")
        assert alive.status_code == 200
    made.close()
