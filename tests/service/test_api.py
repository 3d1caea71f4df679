"""The API, as a notebook asks it."""

import base64
import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grading.service import intake, queue, store
from grading.service.web import devices
from tests import mini
from tests.service.handing import notebook
from tests.service.visiting import (
    Visited,
    ask_for_token,
    hand_in,
    opened,
    post,
    visited,
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Visited]:
    yield from opened(tmp_path)


def told(response: Any, status: int) -> str:
    """The sentence of a problem, which is as RFC 9457 has it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem.keys() == {"type", "title", "status", "detail"} and problem["status"] == status
    return problem["detail"]


# --- signing a notebook in ------------------------------------------------------------------------


def test_a_notebook_is_signed_in_by_its_code(service: Visited) -> None:
    client = service.client()
    device = client.post("/api/1/device").json()
    assert device.keys() == {
        "device_code", "user_code", "verification_uri", "verification_uri_complete",
        "expires_in", "interval",
    }  # fmt: skip
    assert device["verification_uri"] == f"{service.address}/device"
    assert ask_for_token(client, device["device_code"]).json() == {"error": "authorization_pending"}
    browser = service.client("ada")
    page = browser.get(device["verification_uri_complete"])
    assert device["user_code"] in page.text and "Ada Lovelace" in page.text
    done = post(browser, "/device", code=device["user_code"].lower(), decision="allow")
    assert "Go back to the notebook" in done.text
    found = ask_for_token(client, device["device_code"])
    assert found.status_code == 200 and found.headers["cache-control"] == "no-store"
    token = found.json()
    assert token.keys() == {"access_token", "token_type", "expires_in"}
    assert token["token_type"] == "Bearer"
    again = ask_for_token(client, device["device_code"])
    assert (again.status_code, again.json()) == (400, {"error": "expired_token"}), "once only"


def test_whoever_asks_too_soon_is_told_to_slow_down(service: Visited) -> None:
    client = service.client()
    code = client.post("/api/1/device", json={"ignored": True}).json()["device_code"]
    errors = [ask_for_token(client, code).json()["error"] for _ in range(2)]
    assert errors == ["authorization_pending", "slow_down"]


def test_a_code_that_is_refused_old_or_made_up_lets_nobody_in(
    service: Visited, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, browser = service.client(), service.client("ada")
    device = client.post("/api/1/device").json()
    post(browser, "/device", code=device["user_code"], decision="deny")
    assert ask_for_token(client, device["device_code"]).json() == {"error": "access_denied"}
    assert ask_for_token(client, "made-up").json() == {"error": "expired_token"}
    unknown = post(browser, "/device", code="BCDF-GHJK", decision="allow")
    assert unknown.status_code == 404 and "No notebook waits" in unknown.text
    monkeypatch.setattr(devices, "LASTS", timedelta(0))
    old = client.post("/api/1/device").json()
    assert post(browser, "/device", code=old["user_code"], decision="allow").status_code == 404
    assert ask_for_token(client, old["device_code"]).json() == {"error": "expired_token"}
    other = client.post("/api/1/token", data={"grant_type": "password", "device_code": "x"})
    assert other.json() == {"error": "unsupported_grant_type"}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer ñ"])
def test_without_a_right_token_a_notebook_signs_in_again(service: Visited, header: str) -> None:
    client = service.client("ada")  # whose cookie counts for nothing here
    answer = client.post("/api/1/labs/mini/handins", headers={"Authorization": header.encode()})
    assert told(answer, 401).startswith("Your sign-in is no longer valid")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_personal_link_is_no_token(service: Visited) -> None:
    token = service.link("ada").rpartition("/")[2]
    answer = service.client().get("/api/1/handins/x", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


# --- handing in -----------------------------------------------------------------------------------


def test_a_hand_in_gets_its_receipt_then_its_marks(service: Visited) -> None:
    client = service.notebook_of("ada")
    content = notebook(service.course, "ada", marks=7.0)
    sha256 = hashlib.sha256(content)
    digest = f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    answer = hand_in(client, content, **{"Repr-Digest": digest})
    assert answer.status_code == 201
    receipt = answer.json()
    assert receipt.keys() == {"id", "lab", "attempt", "sha256", "received", "place", "url"}
    assert (receipt["lab"], receipt["attempt"], receipt["place"]) == ("mini", 1, 0)
    assert receipt["sha256"] == sha256.hexdigest()
    assert datetime.fromisoformat(receipt["received"]).utcoffset() is not None
    assert receipt["url"] == f"{service.address}/attempts/{receipt['id']}"
    kept = store.received_path(service.course.home, "ada", "mini", sha256.hexdigest())
    assert kept.read_bytes() == content
    waiting = client.get(f"/api/1/handins/{receipt['id']}").json()
    assert (waiting["state"], waiting["result"], waiting["detail"]) == ("queued", None, "")
    service.work()
    graded = client.get(f"/api/1/handins/{receipt['id']}").json()
    assert graded.keys() == receipt.keys() | {"state", "detail", "result"}
    assert (graded["state"], graded["detail"]) == ("graded", "")
    assert (graded["result"]["score"], graded["result"]["max_score"]) == (7.0, 9.0)
    steep = {"cell": "check-slope", "label": "slope", "marks": 2.0, "max": 4.0, "reason": "steep"}
    assert steep in graded["result"]["checks"]


def test_the_same_notebook_twice_is_one_attempt(service: Visited) -> None:
    client = service.notebook_of("ada")
    content = notebook(service.course, "ada")
    first, second = hand_in(client, content), hand_in(client, content)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    other = hand_in(client, notebook(service.course, "ada", marks=1.0))
    assert (other.json()["attempt"], other.json()["place"]) == (2, 1)


def test_a_partner_may_look_and_others_find_nothing(service: Visited) -> None:
    answer = hand_in(service.notebook_of("ada"), notebook(service.course, "ada", "bob"))
    page = f"/api/1/handins/{answer.json()['id']}"
    assert service.notebook_of("bob").get(page).json()["attempt"] == 1
    assert told(service.notebook_of("cyd").get(page), 404)
    assert told(service.notebook_of("ada").get("/api/1/handins/nothing"), 404)


@pytest.mark.parametrize(
    ("shows", "before", "after"),
    [("reasons", True, True), ("ticks", False, True), ("received", None, True)],
)
def test_what_is_shown_before_the_lab_is_due(
    tmp_path: Path, shows: str, before: bool | None, after: bool
) -> None:
    more = f'\n[service]\nshows = "{shows}"\n'
    service = visited(tmp_path, more, 'due = "2090-10-05 12:00"')
    client = service.notebook_of("ada")
    page = hand_in(client, notebook(service.course, "ada", marks=7.0)).json()["id"]
    service.work()

    def reasons() -> bool | None:
        found = client.get(f"/api/1/handins/{page}").json()
        assert found["state"] == "graded"
        assert bool(found["detail"]) == (seen is not True)
        if found["result"] is None:
            return None
        return any(check["reason"] for check in found["result"]["checks"])

    seen = before
    assert reasons() is before
    with service.site.database.writing() as session:
        past = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="microseconds")
        session.execute(queue.table.update().values(due=past))
    seen = True
    assert reasons() is after
    service.close()


# --- bad input: a sentence for the reader, a line for the instructor, and it is kept --------------


def other_lab(course: Any) -> bytes:
    return notebook(course, "ada").replace(b'"lab": "mini"', b'"lab": "another"')


BAD = {
    "another lab's": (other_lab, 422, "not that of mini", "no es el de mini"),
    "others'": (lambda course: notebook(course, "bob"), 422, "signed by others", "lo firman otras"),
    "no notebook": (lambda course: b"PK\x03\x04 no", 422, "not a notebook", "no es un cuaderno"),
    "nothing": (lambda course: b"", 422, "the file is empty", "el fichero está vacío"),
    "a list": (lambda course: b"[]", 422, "not a notebook", "no es un cuaderno"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_taken_is_said_logged_and_kept(
    service: Visited, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    make, status, english, spanish = BAD[what]
    content = make(service.course)
    with caplog.at_level(logging.WARNING, "grading.service"):
        assert english in told(hand_in(service.notebook_of("ada"), content), status)
    (line,) = [one.getMessage() for one in caplog.records if one.name.startswith("grading")]
    assert line.startswith("mini: refused from ada (") and english in line
    assert spanish in told(hand_in(service.notebook_of("ada", "es-ES"), content), status)
    sha256 = hashlib.sha256(content).hexdigest()
    kept = store.received_path(service.course.home, "ada", "mini", sha256)
    assert kept.read_bytes() == content
    with service.site.database.reading() as session:
        (refused,) = queue.of_student(session, "ada")
    assert (refused.state, refused.attempt, refused.sha256) == (queue.REFUSED, 0, sha256)
    service.work()
    assert not (service.course.home / "submitted").exists()


def test_only_so_much_of_what_is_refused_is_kept(
    service: Visited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_REFUSED", 3)
    client = service.notebook_of("ada")
    for number in range(5):
        told(hand_in(client, b"no %d" % number), 422)
    assert len(list((service.course.home / "handed_in" / "ada").rglob("*.ipynb"))) == 3


def test_a_lab_that_is_not_there_or_not_released_takes_nothing(service: Visited) -> None:
    client = service.notebook_of("ada")
    content = notebook(service.course, "ada")
    for lab in ("nothing", "..%2f..%2fx", "mini%00"):
        assert hand_in(client, content, lab).status_code in (404, 413)
    (service.course.home / "release/mini/mini.ipynb").unlink()
    assert "mini" in told(hand_in(client, content), 404)
    assert not (service.course.home / "handed_in").exists()


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    service = visited(tmp_path, "\n[service]\nupload_mb = 0.05\n")
    client = service.notebook_of("ada")
    sent = []

    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b" " * 10_000

    assert "0.05 MB" in told(hand_in(client, b" " * 60_000), 413)
    assert told(client.post("/api/1/labs/mini/handins", content=chunks()), 413)
    assert told(client.post("/api/1/token", content=b"x" * 100_000), 413)
    assert not (service.course.home / "handed_in").exists()
    service.close()


@pytest.mark.parametrize(
    ("hours", "extension", "status"), [(-1, 0, 201), (1, 0, 403), (1, 10, 201), (1, 0.5, 403)]
)
def test_after_closing_nothing_is_taken_but_from_those_who_have_more_time(
    tmp_path: Path, hours: float, extension: float, status: int
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    due = (now - hours * timedelta(hours=1)).astimezone(ZoneInfo("Europe/Madrid"))
    lab = f'due = "{due:%Y-%m-%d %H:%M}"'
    service = visited(tmp_path, '\n[late]\npolicy = "closed"\n', lab)
    if extension:
        until = due + extension * timedelta(hours=1)
        text = f"student_id,lab,until\nada,mini,{until:%Y-%m-%d %H:%M}\n"
        (service.course.root / "extensions.csv").write_text(text)
    answer = hand_in(service.notebook_of("ada"), notebook(service.course, "ada"))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert "was due on" in told(answer, 403)
        assert list((service.course.home / "handed_in" / "ada").rglob("*.ipynb"))
    service.close()


def test_attempts_are_counted_and_some_time_apart(tmp_path: Path) -> None:
    service = visited(
        tmp_path, "\n[service]\nattempts = 9\n", "[labs.service]\nattempts = 2\nwait = 5"
    )
    client = service.notebook_of("ada")

    def attempt(marks: float) -> Any:
        return hand_in(client, notebook(service.course, "ada", marks=marks))

    assert attempt(1.0).status_code == 201
    early = attempt(2.0)
    assert "in 5 minutes" in told(early, 429) and 240 < int(early.headers["retry-after"]) <= 300
    with service.site.database.writing() as session:
        before = (datetime.now(UTC) - timedelta(minutes=6)).isoformat(timespec="microseconds")
        session.execute(queue.table.update().values(received=before))
    assert attempt(2.0).status_code == 201, "what was refused is no attempt"
    assert "All 2 attempts" in told(attempt(3.0), 409)
    assert attempt(1.0).status_code == 200, "the same once more is no attempt"
    service.close()


def test_a_paused_lab_takes_nothing_until_it_is_resumed(service: Visited) -> None:
    client, prof = service.notebook_of("ada"), service.client("prof")
    content = notebook(service.course, "ada")
    assert post(prof, "/course/mini/pause", "/course", paused="yes").status_code == 303
    assert "at the moment" in told(hand_in(client, content), 403)
    assert "at the moment" in service.client("ada").get("/").text
    assert post(prof, "/course/mini/pause", "/course", paused="no").status_code == 303
    assert hand_in(client, content).status_code == 201


def test_a_revoked_student_is_out_at_once(service: Visited) -> None:
    client, browser, link = service.notebook_of("ada"), service.client("ada"), service.link("ada")
    service.site.revoke("ada")
    assert told(hand_in(client, notebook(service.course, "ada")), 401)
    assert browser.get("/").headers["location"].endswith("/sign-in")
    old = service.client().get(link)
    assert old.status_code == 403 and "not valid any more" in old.text
    assert service.client("ada").get("/").status_code == 200, "a new link lets in"


def test_who_left_the_roster_is_told_so(service: Visited) -> None:
    client, link = service.notebook_of("ada"), service.link("ada")
    roster = service.course.roster
    roster.write_text("\n".join(line for line in mini.ROSTER.splitlines() if "ada" not in line))
    answer = hand_in(client, notebook(service.course, "ada"))
    assert "not on the list" in told(answer, 403)
    assert service.client().get(link).status_code == 403


@pytest.mark.parametrize("roster", ["what is this\n", "student_id,name\nProf,A Student\n"])
def test_a_roster_that_cannot_be_used_changes_nothing(service: Visited, roster: str) -> None:
    client = service.notebook_of("ada")
    service.course.roster.write_text(roster)
    prof = service.site.people.find("prof")
    assert prof is not None and prof.role == "instructor"
    assert hand_in(client, notebook(service.course, "ada")).status_code == 201


def test_an_expired_link_says_so(service: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    link = service.link("ada")
    monkeypatch.setattr("grading.service.web.signing.LINK_SECONDS", -1)
    answer = service.client().get(link)
    assert answer.status_code == 403 and "Ask your instructor for a new one" in answer.text


@pytest.mark.parametrize("step", ["store", "row"])
def test_a_full_disk_gives_no_receipt_and_says_so(
    service: Visited, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    client = service.notebook_of("ada")
    content = notebook(service.course, "ada")

    def full(*args: object) -> Any:
        raise OSError(28, "No space left on device", "/course")

    with monkeypatch.context() as patch:
        patch.setattr(*((store, "keep", full) if step == "store" else (queue, "enqueue", full)))
        answer = hand_in(client, content)
    assert "Keep your file" in told(answer, 503) and answer.headers["retry-after"]
    assert "No space left on device" in caplog.text
    assert hand_in(client, content).status_code == 201
    with service.site.database.reading() as session:
        assert [one.attempt for one in queue.of_student(session, "ada")] == [1]


@pytest.mark.parametrize("digest", ["sha-256=:AAAA:", "sha-256=:" + "A" * 44 + ":", "md5=:AAAA:"])
def test_what_did_not_arrive_as_it_was_sent_is_not_taken(service: Visited, digest: str) -> None:
    content = notebook(service.course, "ada")
    answer = hand_in(service.notebook_of("ada"), content, **{"Repr-Digest": digest})
    assert "did not arrive" in told(answer, 400)
    assert not (service.course.home / "handed_in").exists()


def test_whoever_asks_too_often_waits(service: Visited) -> None:
    client = service.notebook_of("ada")
    codes = [client.post("/api/1/labs/mini/handins").status_code for _ in range(11)]
    assert codes == [422] * 10 + [429]
    assert service.notebook_of("bob").post("/api/1/labs/mini/handins").status_code == 422


def test_an_error_that_nobody_foresaw_is_one_sentence(
    service: Visited, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = service.notebook_of("ada")
    monkeypatch.setattr(queue, "enqueue", lambda *args: 1 / 0)
    answer = hand_in(client, notebook(service.course, "ada"))
    assert "went wrong" in told(answer, 500) and "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_problems_of_the_api_are_json_even_where_there_is_nothing(service: Visited) -> None:
    client = service.client()
    assert told(client.get("/api/2/nothing"), 404)
    assert told(client.get("/api/1/device"), 405)
