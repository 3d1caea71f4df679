"""Whatever is sent to the routes has an answer, is no error of the service's, and is not taken."""

import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grading.service import queue
from grading.service.web.app import DOORS
from grading.service.web.doors import Door
from tests.service.stand_ins import platform
from tests.service.visiting import STAFF, Visited, csrf, opened

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


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    door=st.sampled_from(DOORS),
    who=st.sampled_from(["", "ada", "prof"]),
    parts=st.lists(PARTS, min_size=3, max_size=3),
    kind=st.sampled_from(KINDS),
    body=BODIES,
    headers=HEADERS,
    is_form=st.booleans(),
)
def test_no_request_is_an_error_of_the_service(
    service: Visited,
    door: Door,
    who: str,
    parts: list[str],
    kind: str,
    body: bytes,
    headers: dict[str, str],
    is_form: bool,
) -> None:
    service.site.limits._left.clear()
    client = service.client(who)
    path = door.path
    for name, part in zip(
        ("{lab}", "{id}", "{token}", "{student}"), [*parts, parts[0]], strict=True
    ):
        path = path.replace(name, quote(part, safe="%", errors="replace"))
    about = {name: value.encode("latin-1", "replace") for name, value in headers.items()}
    if who and "Cookie" in about:
        del about["Cookie"]
    if who and is_form and kind == KINDS[1]:
        body = b"csrf=" + csrf(client, "/course" if who == "prof" else "/").encode() + b"&" + body
    answer = client.request(
        door.method, path or "/", content=body, headers=about | {"Content-Type": kind.encode()}
    )
    assert answer.status_code < 500, answer.text
    with service.site.database.reading() as session:
        assert not [one for one in queue.of_lab(session, "mini") if one.attempt]
