"""Signing in by the university, against a provider that the tests run."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from starlette.testclient import TestClient

from grading.errors import UserError
from grading.service.oidc import SECRET
from grading.service.web.app import create_app
from tests.service.stand_ins import CLIENT, PASSWORD, Elsewhere, elsewhere, settings
from tests.service.visiting import STAFF, Visited, csrf, visited

MAIL = {"email": "ADA@example.org", "email_verified": True}


@pytest.fixture(scope="module")
def provider() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        yield made


@pytest.fixture(scope="module")
def made(provider: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, PASSWORD)
        more = STAFF + settings(provider.address, oidc='id_claim = "uni_id"')
        service = visited(tmp_path_factory.mktemp("course"), more)
        yield service
        service.close()


@pytest.fixture
def service(made: Visited, provider: Elsewhere) -> Visited:
    provider.reset()
    made.site.limits._left.clear()
    return made


def leave(client: TestClient) -> str:
    """Begin to sign in; return where the provider sends the browser back to."""
    there = client.get("/oidc/login")
    assert there.status_code == 303, there.text
    back = httpx.get(there.headers["location"], follow_redirects=False)
    assert back.status_code == 303
    return back.headers["location"]


def signed_in_as(client: TestClient) -> str:
    """The name that the page shows; empty if it is nobody's."""
    page = client.get("/", follow_redirects=True).text
    return page.partition("<bdi>")[2].partition("</bdi>")[0]


def refused(client: TestClient, back: str, caplog: pytest.LogCaptureFixture, why: str) -> str:
    """Come back, be told one sentence, and leave one line that says why."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "grading"):
        answer = client.get(back)
    assert answer.status_code in (403, 503), answer.text
    (line,) = [one for one in caplog.records if one.name.startswith("grading")]
    assert why in line.getMessage()
    assert signed_in_as(client) == ""
    return answer.text.partition('role="alert">')[2].partition("</p>")[0]


def test_the_verified_address_of_a_student_signs_them_in_where_they_were_going(
    service: Visited, provider: Elsewhere
) -> None:
    provider.changes = MAIL
    ada = service.client()
    assert ada.get("/device?code=BCDF-GHJK").headers["location"] == "/sign-in"
    assert "/oidc/login" in ada.get("/sign-in").text
    back = leave(ada)
    assert back.startswith(f"{service.address}/oidc/back?")
    answer = ada.get(back)
    assert answer.headers["location"] == "/device?code=BCDF-GHJK"
    assert signed_in_as(ada) == "Ada Lovelace"


@pytest.mark.parametrize(
    ("claims", "who"),
    [
        ({"uni_id": "bob"}, "Bob Ross"),
        ({"uni_id": "BOB", **MAIL}, "Bob Ross"),
        ({"uni_id": "somebody", **MAIL}, "Ada Lovelace"),
        ({"email": "bob@example.org", "email_verified": True, "uni_id": 12}, "Bob Ross"),
        ({"uni_id": "prof"}, "prof"),
    ],
)
def test_the_id_of_the_roster_or_of_the_staff_comes_before_the_address(
    service: Visited, provider: Elsewhere, claims: dict[str, object], who: str
) -> None:
    provider.changes = claims
    client = service.client()
    assert client.get(leave(client)).status_code == 303
    assert signed_in_as(client) == who


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@example.org", "email_verified": False},
        {"email": "ada@example.org", "email_verified": "true"},
        {"email": "ada@example.org"},
        {"email": "stranger@example.org", "email_verified": True},
        {"email": "\u00e0da@example.org", "email_verified": True},
        {"email": "", "email_verified": True, "uni_id": ""},
        {"email": ["ada@example.org"], "email_verified": True, "uni_id": {"a": "ada"}},
        {"uni_id": "\u00c5da"},
    ],
)
def test_who_is_not_of_the_course_is_told_so(
    service: Visited,
    provider: Elsewhere,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, object],
) -> None:
    provider.changes = claims
    client = service.client()
    said = refused(client, leave(client), caplog, "nobody of the course")
    assert said.startswith("You are who you say, but not on the list of this course.")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "'nonce'"),
        ({"nonce": None}, "'nonce'"),
        ({"aud": "another"}, "'aud'"),
        ({"aud": [CLIENT, "another"]}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "'iss'"),
        ({"exp": int(time.time()) - 3600}, "expired"),
        ({"exp": None}, "'exp'"),
        ({"iat": int(time.time()) + 9999}, "future"),
        ({"sub": None}, "'sub'"),
    ],
)
def test_a_token_that_does_not_answer_this_request_signs_nobody_in(
    service: Visited,
    provider: Elsewhere,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, object],
    why: str,
) -> None:
    provider.changes = MAIL | claims
    client = service.client()
    said = refused(client, leave(client), caplog, why)
    assert said.startswith("Nobody could be signed in by this.")


def test_keys_may_change_and_others_sign_for_nobody(
    provider: Elsewhere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv(SECRET, PASSWORD)
    service = visited(tmp_path, STAFF + settings(provider.address))
    provider.reset()
    provider.changes = MAIL
    first = service.client()
    first.get(leave(first))
    assert signed_in_as(first) == "Ada Lovelace"
    provider.signs_with, provider.publishes = 1, [1]
    second = service.client()
    second.get(leave(second))
    assert signed_in_as(second) == "Ada Lovelace"
    provider.signs_with = 2
    third = service.client()
    refused(third, leave(third), caplog, "not signed as it should be")
    service.close()


def test_a_state_is_good_once_and_in_the_browser_that_began(
    service: Visited, provider: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    provider.changes = MAIL
    ada = service.client()
    back = leave(ada)
    refused(service.client(), back, caplog, "not that of this browser")
    cookies = dict(ada.cookies)
    assert ada.get(back).status_code == 303
    thief = service.client()
    thief.cookies.update(cookies)
    refused(thief, back, caplog, "unknown, used or too old")
    nobody = service.client()
    refused(nobody, "/oidc/back?code=x&state=", caplog, "unknown, used or too old")


def test_a_code_of_another_sign_in_is_worth_nothing(
    service: Visited, provider: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    provider.changes = MAIL
    victim, attacker = service.client(), service.client()
    theirs = parse_qs(urlsplit(leave(victim)).query)["code"][0]
    state = parse_qs(urlsplit(leave(attacker)).query)["state"][0]
    refused(attacker, f"/oidc/back?code={theirs}&state={state}", caplog, "invalid_grant")


def test_what_the_provider_refuses_is_said(
    service: Visited, provider: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    client = service.client()
    state = parse_qs(urlsplit(leave(client)).query)["state"][0]
    back = f"/oidc/back?error=access_denied&error_description=no%0Away&state={state}"
    refused(client, back, caplog, "access_denied no")


def test_signing_out_is_here_and_leads_there(service: Visited, provider: Elsewhere) -> None:
    provider.changes = MAIL
    ada = service.client()
    ada.get(leave(ada))
    ada.post("/sign-out", data={"csrf": csrf(ada)})
    assert signed_in_as(ada) == ""
    there = ada.get("/oidc/logout").headers["location"]
    assert there.startswith(f"{provider.address}/bye?client_id={CLIENT}&post_logout_redirect_uri=")


def test_nothing_of_a_request_decides_where_a_browser_goes(
    service: Visited, provider: Elsewhere
) -> None:
    provider.changes = MAIL
    for path in ("/oidc/login", "/oidc/logout"):
        found = service.client().get(
            f"{path}?next=//evil.example&redirect_uri=https://evil.example"
        )
        assert "evil" not in found.headers["location"]
    client = service.client()
    back = leave(client)
    assert client.get(f"{back}&next=https://evil.example").headers["location"] == "/"


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": None},
    ],
)
def test_a_provider_that_is_not_who_it_should_be_is_down(
    provider: Elsewhere,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    metadata: dict[str, object],
) -> None:
    provider.reset()
    provider.metadata = metadata
    monkeypatch.setenv(SECRET, PASSWORD)
    service = visited(tmp_path, STAFF + settings(provider.address))
    answer = service.client().get("/oidc/login")
    assert answer.status_code == 503 and "does not answer at the moment" in answer.text
    service.close()


def test_while_a_provider_is_down_links_go_on_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, PASSWORD)
    service = visited(tmp_path, STAFF + settings("http://127.0.0.1:9"))
    client = service.client()
    answer = client.get("/oidc/login")
    assert answer.status_code == 503 and answer.headers["retry-after"] == "10"
    assert signed_in_as(service.client("ada")) == "Ada Lovelace"
    service.close()


def test_without_its_secret_the_service_does_not_start(
    made: Visited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET)
    with pytest.raises(UserError, match=f"expected it in the variable {SECRET}"):
        create_app(made.course, made.course.db_url, made.address, "x" * 40)
