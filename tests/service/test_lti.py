"""The course opened from an LMS that the tests run, and what goes back to it."""

import json
import logging
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from starlette.testclient import TestClient
from typer.testing import CliRunner

from grading.cli.app import app
from grading.course.config import load_course
from grading.errors import UserError
from grading.service.lti import sending
from grading.service.lti.launching import LTI, MEMBERSHIP
from grading.service.oidc import SECRET
from grading.service.supervisor import listening
from tests import mini
from tests.browsing import browser, browsing, page
from tests.service.stand_ins import (
    CLIENT,
    CONTEXT,
    PASSWORD,
    Elsewhere,
    elsewhere,
    running,
    settings,
)
from tests.service.test_oidc import signed_in_as
from tests.service.visiting import STAFF, Visited, csrf, post, visited

__all__ = ["browser", "page"]
LIS = f"{LTI}/lis"
DOCUMENT = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}
NRPS = f"{MEMBERSHIP}#Learner"


@pytest.fixture(scope="module")
def lms() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        yield made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("course")


@pytest.fixture(scope="module")
def made(lms: Elsewhere, root: Path) -> Iterator[Visited]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, PASSWORD)
        service = visited(root, STAFF + settings(lms.address))
        yield service
        service.close()


@pytest.fixture
def service(made: Visited, lms: Elsewhere) -> Visited:
    lms.reset()
    lms.tool = made.client()
    made.site.limits._left.clear()
    for who in ("ada", "bob", "cyd"):
        made.site.revoke(who)
    return made


def begin(service: Visited, lms: Elsewhere, client: TestClient) -> str:
    """Open the link in the LMS; return where the service has the browser ask who it is."""
    about = {
        "iss": lms.address,
        "login_hint": "5",
        "target_link_uri": f"{service.address}/lti/launch",
        "client_id": CLIENT,
        "lti_message_hint": "link 9",
    }
    answer = client.post("/lti/login", data=about)
    assert answer.status_code == 303, answer.text
    assert "lti_message_hint=link+9" in answer.headers["location"]
    return answer.headers["location"]


def launched(service: Visited, lms: Elsewhere, account: str, **how: Any) -> tuple[TestClient, Any]:
    client = service.client()
    form = lms.launch(begin(service, lms, client), account, **how)
    return client, client.post("/lti/launch", data=form, headers=DOCUMENT)


def press(client: TestClient, page: Any, **headers: str) -> Any:
    """Press the page's button."""
    assert page.status_code == 200, page.text
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
    return client.post("/lti/enter", data={"ticket": ticket}, headers=headers)


def open_course(service: Visited, lms: Elsewhere, account: str, **how: Any) -> TestClient:
    client, shown = launched(service, lms, account, **how)
    assert press(client, shown).headers["location"] == "/"
    return client


def refused(answer: Any, caplog: pytest.LogCaptureFixture, why: str, said: str) -> None:
    assert answer.status_code == 403
    (line,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert why in line.getMessage() and "\n" not in line.getMessage()
    assert said in answer.text


def told(service: Visited, *words: str, code: int = 0) -> str:
    """What a command says in the course's folder."""
    return told_in(service.course.root, *words, code=code)


def told_in(root: Path, *words: str, code: int = 0) -> str:
    """What a command says in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        done = CliRunner().invoke(app, ["service", *words])
    if isinstance(done.exception, UserError):  # what the command line prints, ending with 2
        assert code == 2
        return str(done.exception)
    assert done.exit_code == code, (done.output, done.exception)
    return " ".join(done.output.split())


def test_a_student_comes_from_the_lms_in_two_steps(service: Visited, lms: Elsewhere) -> None:
    client, shown = launched(service, lms, "acc-1", **{LIS: {"person_sourcedid": "ada"}})
    assert "You come from your LMS as Ada Lovelace." in shown.text
    assert "_blank" not in shown.text and signed_in_as(client) == ""
    assert press(client, shown).headers["location"] == "/"
    assert signed_in_as(client) == "Ada Lovelace"


def test_whoever_was_signed_in_before_leaves_nothing_behind(
    service: Visited, lms: Elsewhere
) -> None:
    client = service.client("ada")
    of_ada = csrf(client)
    form = lms.launch(begin(service, lms, client), "acc-2", email="bob@example.org")
    press(client, client.post("/lti/launch", data=form))
    assert signed_in_as(client) == "Bob Ross" and csrf(client) != of_ada


def test_an_account_stays_whose_it_was(
    service: Visited, lms: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    open_course(service, lms, "acc-1", email="ada@example.org")
    again = open_course(service, lms, "acc-1", email="bob@example.org")
    assert signed_in_as(again) == "Ada Lovelace"
    caplog.clear()
    _, answer = launched(service, lms, "acc-2", email="ada@example.org")
    refused(answer, caplog, "whose account was acc-1", "Nobody could be signed in")
    service.site.revoke("ada")
    assert signed_in_as(open_course(service, lms, "acc-2", email="ada@example.org"))


@pytest.mark.parametrize(
    ("who", "roles", "sees"),
    [
        ("prof", [f"{MEMBERSHIP}#Instructor"], "instructor"),
        ("prof", ["Instructor"], "instructor"),
        ("prof", [f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}/Instructor#TeachingAssistant"],
         "grader"),
        ("tutor", [f"{MEMBERSHIP}#Instructor"], "grader"),
        ("ada", [f"{MEMBERSHIP}#Instructor"], "student"),
    ],
)  # fmt: skip
def test_a_role_is_what_both_the_lms_and_the_course_say(
    service: Visited, lms: Elsewhere, who: str, roles: list[str], sees: str
) -> None:
    more: dict[str, Any] = {LIS: {"person_sourcedid": who}, f"{LTI}/roles": roles}
    client = open_course(service, lms, f"acc-{who}", **more)
    dashboard = client.get("/course")
    assert (dashboard.status_code == 200) == (sees != "student")
    form = {"csrf": dashboard.text.partition('name="csrf" value="')[2].partition('"')[0]}
    paused = client.post("/course/mini/pause", data=form | {"paused": "no"})
    assert (paused.status_code == 303) == (sees == "instructor")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"email": "new@example.org"}, "nobody of the course has the id '' or the e-mail 'new@"),
        ({"email": "ada@example.org", "email_verified": False}, "nobody of the course"),
        ({"email": "new@example.org", f"{LTI}/roles": ["Instructor"]}, "instructor there"),
        ({}, "nobody of the course"),
    ],
)
def test_who_is_not_of_the_course_is_told_so(
    service: Visited,
    lms: Elsewhere,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    why: str,
) -> None:
    _, answer = launched(service, lms, "acc-9", **claims)
    refused(answer, caplog, why, "not on the list of this course")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "'nonce'"),
        ({"exp": int(time.time()) - 999}, "expired"),
        ({"aud": ["another"]}, "'aud'"),
        ({"iss": "https://evil.example"}, "'iss'"),
        ({f"{LTI}/deployment_id": "8"}, "the deployment '8'; expected one of 1, 7"),
        ({f"{LTI}/message_type": "LtiDeepLinkingRequest"}, "no launch of a resource link"),
        ({f"{LTI}/version": "1.1"}, "not of version 1.3.0"),
        ({f"{LTI}/resource_link": None}, "no resource link"),
        ({f"{LTI}/resource_link": "x"}, "no resource link"),
        ({f"{LTI}/context": None}, "no context"),
        ({f"{LTI}/roles": None}, "no roles"),
        ({"sub": None}, "'sub'"),
        ({"sub": ""}, "'sub'"),
        ({"sub": "x" * 256}, "more than 255 characters"),
        ({LIS: {"person_sourcedid": "prof"}}, "of the staff here, but student in the LMS"),
    ],
)
def test_a_launch_that_is_not_right_is_refused(
    service: Visited,
    lms: Elsewhere,
    caplog: pytest.LogCaptureFixture,
    claims: dict[str, Any],
    why: str,
) -> None:
    lms.changes = {"email": "ada@example.org"} | claims
    client, answer = launched(service, lms, "acc-1")
    refused(answer, caplog, why, "Nobody could be signed in by this.")
    assert signed_in_as(client) == ""


def test_another_course_is_named_to_the_instructor(
    service: Visited, lms: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    lms.changes = {f"{LTI}/context": {"id": "other", "title": "Two\nlines"}}
    _, answer = launched(service, lms, "acc-1", email="ada@example.org")
    refused(answer, caplog, "context = 'other'", "another course")
    assert "(Two lines)" in caplog.text


def test_nobody_else_signs_for_the_lms(
    service: Visited, lms: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    lms.signs_with = 1
    _, answer = launched(service, lms, "acc-1", email="ada@example.org")
    refused(answer, caplog, "not signed as it should be", "Nobody could be signed in")
    caplog.clear()
    client = service.client()
    form = lms.launch(begin(service, lms, client), "acc-1") | {"id_token": "e30.e30."}
    refused(client.post("/lti/launch", data=form), caplog, "not signed", "Nobody could be")


def test_a_launch_and_its_button_are_good_once(
    service: Visited, lms: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    client = service.client()
    form = lms.launch(begin(service, lms, client), "acc-1", email="ada@example.org")
    shown = client.post("/lti/launch", data=form)
    caplog.clear()
    refused(client.post("/lti/launch", data=form), caplog, "unknown, used or", "Nobody could")
    assert press(client, shown).status_code == 303
    caplog.clear()
    refused(press(service.client(), shown), caplog, "pressed again", "Nobody could")


def test_no_other_site_signs_a_browser_in_as_somebody_else(
    service: Visited, lms: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    _, shown = launched(service, lms, "acc-1", email="ada@example.org")
    victim = service.client("bob")
    answer = press(victim, shown, **{"Sec-Fetch-Site": "cross-site"})
    refused(answer, caplog, "another site sent", "Nobody could")
    assert signed_in_as(victim) == "Bob Ross"


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({}, "the issuer ''"),
        ({"iss": "https://evil.example"}, "the issuer 'https://evil.example'"),
        ({"iss": "LMS", "client_id": "another", "login_hint": "1"}, "calls us 'another'"),
        ({"iss": "LMS"}, "without login_hint"),
    ],
)
def test_an_initiation_that_is_not_right_leads_nowhere(
    service: Visited,
    lms: Elsewhere,
    caplog: pytest.LogCaptureFixture,
    about: dict[str, str],
    why: str,
) -> None:
    about = {name: value.replace("LMS", lms.address) for name, value in about.items()}
    refused(service.client().get("/lti/login", params=about), caplog, why, "Nobody could")


def test_in_a_frame_of_the_lms_and_nowhere_else_a_page_leads_to_a_new_window(
    service: Visited, lms: Elsewhere
) -> None:
    client = service.client()
    form = lms.launch(begin(service, lms, client), "acc-1", email="ada@example.org")
    shown = client.post("/lti/launch", data=form, headers={"Sec-Fetch-Dest": "iframe"})
    assert 'target="_blank"' in shown.text
    policy = shown.headers["content-security-policy"]
    assert f"frame-ancestors {lms.address}" in policy and "script" not in policy
    problem = client.post("/lti/launch", data=form).headers["content-security-policy"]
    assert f"frame-ancestors {lms.address}" in problem
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


@browsing
def test_a_browser_that_refuses_cookies_in_frames_comes_in_by_a_new_window(
    lms: Elsewhere, tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms.reset()
    monkeypatch.setenv(SECRET, PASSWORD)
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"  # another site than the LMS's 127.0.0.1
    service = visited(tmp_path, STAFF + settings(lms.address), "", address)
    lms.changes = {"email": "ada@example.org"}
    lms.link = f"{address}/lti/login?iss={lms.address}&login_hint=5"
    page.set_extra_http_headers({"Accept-Language": "en"})
    with running(service.app, port):
        page.goto(f"{lms.address}/course")
        framed = page.frame_locator("iframe")
        framed.get_by_text("You come from your LMS as Ada Lovelace.").wait_for()
        with page.expect_popup() as opened:
            framed.get_by_role("button", name="Open the course").click()
        opened.value.get_by_text("Ada Lovelace").wait_for()
        assert opened.value.url == f"{address}/" and page.url == f"{lms.address}/course"
        lms.changes["nonce"] = "another"
        page.reload()
        framed.get_by_text("Nobody could be signed in by this.").wait_for()
    service.close()


def member(account: str, id: str, email: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "user_id": account, "lis_person_sourcedid": id, "email": email, "name": name,
        "roles": [NRPS], "status": "Active",
    } | more  # fmt: skip


MEMBERS = [
    member("acc-1", "ada", "ada@example.org", "Ada Lovelace"),
    member("acc-2", "", "BOB@example.org", "Bob Ross"),
    member("acc-5", "eve", "eve@example.org", "Eve Moneypenny"),
    member("acc-6", "fay", "fay@example.org", "Fay Wray", status="Inactive"),
    member("acc-7", "prof", "prof@example.org", "Prof", roles=["Instructor"]),
]


def test_members_are_compared_with_the_roster_and_nothing_changes(
    service: Visited, lms: Elsewhere
) -> None:
    open_course(service, lms, "acc-1", email="ada@example.org")
    lms.members = MEMBERS
    before = service.course.roster.read_bytes()
    said = told(service, "members", "--to", "members.csv")
    assert "+ eve, Eve Moneypenny, eve@example.org" in said and "- cyd, Cyd Charisse" in said
    assert "1 added, 1 changed, 1 gone, 1 as before" in said, said
    assert "Fay" not in said and "Prof" not in said
    assert service.course.roster.read_bytes() == before
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(service.course.root)
        done = CliRunner().invoke(app, ["roster", "import", "members.csv"])
    assert "+ eve, Eve Moneypenny" in done.output and done.exit_code == 0


def test_members_whom_the_lms_does_not_tell_apart_are_said(
    service: Visited, lms: Elsewhere
) -> None:
    open_course(service, lms, "acc-1", email="ada@example.org")
    lms.members = [member("acc-4", "", "", "Zed Shaw")]
    said = told(service, "members", "--to", "none.csv", code=2)
    assert "neither id nor e-mail address of Zed Shaw" in said
    assert not (service.course.root / "none.csv").exists()


@pytest.mark.slow
def test_each_final_mark_is_sent_once_and_again_when_it_changed(
    service: Visited, lms: Elsewhere
) -> None:
    open_course(service, lms, "acc-1", email="ada@example.org")
    lms.members = MEMBERS
    for who, earned in (("ada", 7.0), ("bob", 4.5), ("cyd", 3.0)):
        service.service.hand_in(who, marks=earned)
    service.work()
    waits = told(service, "marks", "mini")
    assert "not final, so not sent" in waits and lms.scores == []
    for who in ("ada", "bob", "cyd"):
        by_hand(service, who, 1.0)
    shown = told(service, "marks", "mini")
    assert "would be sent: ada 8 of 11" in shown and "would be sent: bob 5.5 of 11" in shown
    assert "accounts in the LMS that nobody knows: cyd" in shown and lms.scores == []
    lms.busy, lms.refuses = 2, "acc-2"
    first = told(service, "marks", "mini", "--yes", code=1)
    assert "1 were sent" in first and "not sent of bob: " in first and "422" in first
    (item,) = lms.items
    assert (item["resourceId"], item["label"], item["scoreMaximum"]) == ("mini", "Mini", 11.0)
    (score,) = lms.scores
    assert score["userId"] == "acc-1" and score["scoreGiven"] == 8.0
    assert score["scoreMaximum"] == 11.0 and score["gradingProgress"] == "FullyGraded"
    lms.refuses = ""
    assert "1 were sent" in told(service, "marks", "mini", "--yes")
    taken = [one["userId"] for one in lms.scores]
    assert taken == ["acc-1", "acc-2"]
    assert "0 were sent" in told(service, "marks", "mini", "--yes")
    by_hand(service, "ada", 2.0)
    assert "1 were sent" in told(service, "marks", "mini", "--yes")
    assert [(one["userId"], one["scoreGiven"]) for one in lms.scores] == [
        ("acc-1", 8.0), ("acc-2", 5.5), ("acc-1", 9.0)
    ]  # fmt: skip
    assert len(lms.items) == 1 and lms.scores[0]["timestamp"] < lms.scores[2]["timestamp"]


@pytest.mark.slow
def test_marks_of_a_published_lab_go_by_themselves_and_what_failed_is_shown_and_tried_again(
    lms: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lms.reset()
    monkeypatch.setenv(SECRET, PASSWORD)
    service = visited(
        tmp_path, '\n[service]\nlms_marks = "published"\n' + STAFF + settings(lms.address)
    )
    lms.tool, lms.members = service.client(), MEMBERS
    for who, earned in (("ada", 7.0), ("bob", 4.5), ("cyd", 3.0)):
        service.service.hand_in(who, marks=earned)
    service.work()
    for who in ("ada", "bob"):
        by_hand(service, who, 1.0)
    sender, prof = service.site.sender, service.client("prof")
    assert sender is not None

    def looked(minutes: float = 0.0) -> str:
        later = timedelta(minutes=minutes)

        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> "Later":
                return super().now(tz) + later

        monkeypatch.setattr(sending, "datetime", Later)
        sender.look()
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", prof.get("/course").text)).split())

    assert "Marks in the LMS" not in looked() and lms.scores == []
    post(prof, "/course/mini/publish", "/course", shown="yes")
    assert "open the course's link there once" in looked() and lms.scores == []
    open_course(service, lms, "acc-1", email="ada@example.org")
    assert "it has 0" in looked(), "not tried before it is time"
    lms.refuses = "acc-2"
    said = looked(3)
    assert "it has 1 Not all were sent: bob: " in said and "422" in said
    assert "next try at" in said and "Not final yet: cyd" in said
    lms.refuses = ""
    assert "it has 1" in looked(4), "not tried before it is time"
    assert "it has 2" in looked(9) and "Not all were sent" not in looked(9)
    assert [one["userId"] for one in lms.scores] == ["acc-1", "acc-2"] and len(lms.items) == 1
    by_hand(service, "ada", 2.0)
    assert "it has 2" in looked(12)
    assert [(one["userId"], one["scoreGiven"]) for one in lms.scores[2:]] == [("acc-1", 9.0)]
    assert "acc" not in service.client("tutor").get("/course").text
    post(prof, "/course/mini/publish", "/course", shown="no")
    by_hand(service, "ada", 1.0)
    assert "Marks in the LMS" not in looked(30) and len(lms.scores) == 3
    service.close()


def by_hand(service: Visited, who: str, marks: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(service.course.root)
        words = ["mark", "mini", who, "why", "--marks", str(marks), "--why", "read"]
        done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)


def test_an_lms_that_leads_elsewhere_gets_no_token_of_ours(
    service: Visited, lms: Elsewhere
) -> None:
    open_course(service, lms, "acc-1", email="ada@example.org")
    lms.members, lms.pages_at = MEMBERS, "https://evil.example"
    said = told(service, "members", code=2)
    assert "leads to 'https://evil.example/members?page=1', which is elsewhere" in said


def test_what_registers_the_service_is_printed_and_served(service: Visited) -> None:
    said = told(service, "lti")
    assert "Initiate login URL: http://127.0.0.1:8000/lti/login" in said
    canvas = service.client().get("/lti/canvas.json").json()
    assert canvas["public_jwk_url"] == f"{service.address}/lti/keys"
    printed = told(service, "lti", "--canvas")
    assert json.loads(printed[printed.index("{") :])["scopes"] == canvas["scopes"]
    (key,) = service.client().get("/lti/keys").json()["keys"]
    assert key["kty"] == "RSA" and not {"d", "p", "q"} & key.keys()
    file = service.course.home / "lti.pem"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        (f'context = "{CONTEXT}"', 'context = ""', "context is ''; expected 1 to 255 characters"),
        ('deployments = ["1", "7"]', "deployments = []", "deployments is []; expected one or more"),
        ('deployments = ["1", "7"]', "deployments = 7", "deployments is 7; expected one or more"),
        ("/lti/token", "/a b", "expected an https:// address"),
        ("client_id", "clientid", "did you mean client_id?"),
        ('issuer = "http://127.0.0.1', 'issuer = "http://evil.example', "http:// for localhost"),
    ],
)
def test_a_mistake_in_the_settings_is_one_line(
    tmp_path: Path, was: str, becomes: str, why: str
) -> None:
    text = mini.COURSE + settings("http://127.0.0.1:1").replace(was, becomes)
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"course\.toml: \[service\]: ") as caught:
        load_course(tmp_path)
    assert why in str(caught.value)
