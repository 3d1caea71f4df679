"""Every route and every role: who is let through, and who is not."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from grading.marking import asking
from grading.service import audit, queue, regrading
from grading.service.oidc import SECRET
from grading.service.people import ROLES
from grading.service.web.app import DOORS
from grading.service.web.signing import Seal
from tests.service.handing import notebook
from tests.service.stand_ins import PASSWORD, Elsewhere, elsewhere, settings
from tests.service.test_lti import begin, press
from tests.service.test_oidc import leave
from tests.service.visiting import STAFF, Visited, csrf, hand_in, opened

WHO = {"stranger": "", "student": "ada", "other student": "bob", "grader": "tutor",
       "grader of another section": "tutor2", "instructor": "prof"}  # fmt: skip
IN, AWAY, NO, NOTHING, TOKEN = "let in", "to sign in", "not yours", "not there", "no token"

# Of a hand-in of ada's: what becomes of each, in the order of WHO.
EXPECTED = {
    "GET /": (AWAY, IN, IN, IN, IN, IN),
    "GET /style.css": (IN, IN, IN, IN, IN, IN),
    "GET /sign-in": (IN, IN, IN, IN, IN, IN),
    "GET /in/{token}": (IN, IN, IN, IN, IN, IN),
    "GET /oidc/login": (IN, IN, IN, IN, IN, IN),
    "GET /oidc/back": (IN, IN, IN, IN, IN, IN),
    "GET /oidc/logout": (IN, IN, IN, IN, IN, IN),
    "GET /lti/login": (IN, IN, IN, IN, IN, IN),
    "POST /lti/login": (IN, IN, IN, IN, IN, IN),
    "POST /lti/launch": (IN, IN, IN, IN, IN, IN),
    "POST /lti/enter": (IN, IN, IN, IN, IN, IN),
    "GET /lti/keys": (IN, IN, IN, IN, IN, IN),
    "GET /lti/canvas.json": (IN, IN, IN, IN, IN, IN),
    "POST /sign-out": (TOKEN, AWAY, AWAY, AWAY, AWAY, AWAY),
    "GET /device": (AWAY, IN, IN, IN, IN, IN),
    "POST /device": (TOKEN, IN, IN, NO, NO, NO),
    "POST /labs/{lab}": (TOKEN, IN, IN, NO, NO, NO),
    "GET /attempts/{id}": (AWAY, IN, NOTHING, IN, NOTHING, IN),
    "GET /attempts/{id}/page": (AWAY, IN, NOTHING, IN, NOTHING, IN),
    "GET /attempts/{id}/notebook": (AWAY, IN, NOTHING, IN, NOTHING, IN),
    "POST /attempts/{id}/again": (TOKEN, NO, NO, NO, NO, IN),
    "GET /course": (AWAY, NO, NO, IN, IN, IN),
    "GET /course/{lab}": (AWAY, NO, NO, IN, IN, IN),
    "POST /course/{lab}/pause": (TOKEN, NO, NO, NO, NO, IN),
    "POST /course/{lab}/publish": (TOKEN, NO, NO, NO, NO, IN),
    "GET /course/{lab}/report": (AWAY, NO, NO, IN, IN, IN),
    "GET /course/{lab}/regrade": (AWAY, NO, NO, IN, IN, IN),
    "POST /course/{lab}/regrade": (TOKEN, NO, NO, NO, NO, IN),
    "POST /course/{lab}/regrade/publish": (TOKEN, NO, NO, NO, NO, IN),
    "POST /course/{lab}/regrade/discard": (TOKEN, NO, NO, NO, NO, IN),
    "POST /attempts/{id}/regrade": (TOKEN, NO, NO, NO, NO, IN),
    "GET /audit": (AWAY, NO, NO, IN, IN, IN),
    "GET /marks": (AWAY, IN, IN, NO, NO, NO),
    "GET /students/{student}": (AWAY, NO, NO, IN, NOTHING, IN),
    "GET /marking.js": (IN, IN, IN, IN, IN, IN),
    "GET /marking/{lab}": (AWAY, NO, NO, IN, IN, IN),
    "POST /marking/{lab}/allocation": (TOKEN, NO, NO, NO, NO, IN),
    "POST /marking/{lab}/show": (TOKEN, NO, NO, NO, NO, IN),
    "GET /marking/{lab}/{cell}": (AWAY, NO, NO, IN, IN, IN),
    "POST /marking/{lab}/{cell}/undo": (TOKEN, NO, NO, IN, IN, IN),
    "GET /marking/{lab}/{cell}/alike": (AWAY, NO, NO, IN, IN, IN),
    "POST /marking/{lab}/{cell}/alike": (TOKEN, NO, NO, IN, IN, IN),
    "GET /marking/{lab}/{cell}/rubric": (AWAY, NO, NO, IN, IN, IN),
    "POST /marking/{lab}/{cell}/rubric": (TOKEN, NO, NO, IN, NO, IN),
    "GET /marking/{lab}/{cell}/{key}": (AWAY, NO, NO, IN, NOTHING, IN),
    "POST /marking/{lab}/{cell}/{key}": (TOKEN, NO, NO, IN, NOTHING, IN),
    "GET /marking/{lab}/{cell}/{key}/work": (AWAY, NO, NO, IN, NOTHING, IN),
    "POST /marking/{lab}/{cell}/{key}/whose": (TOKEN, NO, NO, IN, NOTHING, IN),
    "POST /marking/{lab}/{cell}/{key}/decide": (TOKEN, NO, NO, IN, NOTHING, IN),
    "POST /marking/{lab}/{cell}/{key}/settle": (TOKEN, NO, NO, NO, NO, IN),
    "GET /marking/{lab}/checks/{cell}/{key}": (AWAY, NO, NO, IN, NOTHING, IN),
    "POST /marking/{lab}/checks/{cell}/{key}": (TOKEN, NO, NO, IN, NOTHING, IN),
    "GET /labs/{lab}/marks": (AWAY, IN, IN, NO, NO, NO),
    "POST /labs/{lab}/marks/{cell}": (TOKEN, IN, IN, NO, NO, NO),
    "POST /api/1/device": (IN, IN, IN, IN, IN, IN),
    "POST /api/1/token": (IN, IN, IN, IN, IN, IN),
    "POST /api/1/labs/{lab}/handins": (TOKEN, IN, IN, NO, NO, NO),
    "GET /api/1/handins/{id}": (TOKEN, IN, NOTHING, NO, NO, NO),
}
API = "/api/"
OF_SECTION_2 = """
[[service.staff]]
id = "tutor2"
role = "grader"
sections = ["2"]
"""


@pytest.fixture(scope="module")
def others() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        yield made


@pytest.fixture(scope="module")
def shared(others: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SECRET, PASSWORD)
        more = STAFF + OF_SECTION_2 + settings(others.address)
        yield from opened(tmp_path_factory.mktemp("course"), more)


@pytest.fixture
def service(shared: Visited) -> Visited:
    shared.site.limits._left.clear()
    return shared


@pytest.fixture(scope="module")
def graded(shared: Visited) -> str:
    receipt = shared.service.hand_in("ada")
    shared.work()
    with shared.site.database.writing() as session:
        asking.show(session, "mini", "prof", datetime.now(UTC))
    return receipt.handin.id


@pytest.fixture
def of_ada(service: Visited, graded: str) -> str:
    set_state(service, graded, queue.GRADED)
    return graded


def set_state(service: Visited, id: str, state: str) -> None:
    update = queue.table.update().where(queue.table.c.id == id)
    with service.site.database.writing() as session:
        session.execute(update.values(state=state))


def test_every_route_is_in_the_table_and_says_for_whom_it_is() -> None:
    assert [f"{door.method} {door.path}" for door in DOORS] == list(EXPECTED)
    assert all(door.roles and door.roles <= set(ROLES) for door in DOORS)


def outcome(answer: Any) -> str:
    """What became of a request: what it asked for may still not be done, as a code is unknown."""
    if answer.status_code == 303 and answer.headers["location"].endswith("/sign-in"):
        return AWAY
    return {401: TOKEN, 403: NO, 404: NOTHING}.get(answer.status_code, IN)


def placed(path: str, service: Visited, id: str, **more: str) -> str:
    """The path of a route, with what stands there for its names."""
    cell = "check-double" if "/checks/" in path else "why"
    key = service.site.seals.pseudonym("mini", cell, "ada")
    return path.format(lab="mini", id=id, student="ada", cell=cell, key=key, **more)


def visit(
    service: Visited, others: Elsewhere, client: TestClient, route: str, id: str, who: str
) -> Any:
    """Ask for a route as its page, an LMS or a notebook would, with a form that is right."""
    method, path = route.split()
    if path == "/oidc/back":
        others.changes = {"email": "ada@example.org", "email_verified": True}
        return client.get(leave(client))
    if path == "/lti/login":
        about = {"iss": others.address, "login_hint": "5"}
        return client.get(path, params=about) if method == "GET" else client.post(path, data=about)
    if path in ("/lti/launch", "/lti/enter"):
        others.changes = {"email": "ada@example.org"}
        form = others.launch(begin(service, others, client), "account")
        shown = client.post("/lti/launch", data=form)
        return shown if path == "/lti/launch" else press(client, shown)
    path = placed(path, service, id, token="{token}")
    if "{token}" in path:
        path = service.link("ada").removeprefix(service.address)
    if method == "GET":
        return client.get(path)
    if "handins" in path:
        return hand_in(client, notebook(service.course, WHO[who], marks=3.0))
    if path.startswith(API):
        return client.post(path)
    page = "/course" if EXPECTED["GET /course"][[*WHO].index(who)] == IN else "/"
    fields = {"csrf": csrf(client, page) if WHO[who] else "", "paused": "no", "decision": "allow"}
    if path == "/device":
        fields["code"] = service.client().post("/api/1/device").json()["user_code"]
    if path.startswith("/labs"):
        file = {"notebook": ("a.ipynb", notebook(service.course, WHO[who], marks=2.0))}
        return client.post(path, data=fields, files=file)
    return client.post(path, data=fields)


def client_of(service: Visited, who: str, route: str) -> TestClient:
    if API not in route:
        return service.client(WHO[who])
    client = service.client()
    person = service.site.people.find(WHO[who])
    if person is not None:  # even staff, to whom no page gives one, with a token that is right
        client.headers["Authorization"] = f"Bearer {service.site.seals.token(Seal(person.id, 0))}"
    return client


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", EXPECTED)
def test_each_role_is_let_through_where_it_may_and_nowhere_else(
    service: Visited, others: Elsewhere, of_ada: str, route: str, who: str
) -> None:
    if "again" in route:
        set_state(service, of_ada, queue.FAILED)
    answer = visit(service, others, client_of(service, who, route), route, of_ada, who)
    assert answer.status_code < 500
    assert outcome(answer) == dict(zip(WHO, EXPECTED[route], strict=True))[who], answer.text


PAGES = [route for route in EXPECTED if route.startswith("GET") and "{key}" not in route]


def test_no_page_tells_a_grader_of_other_sections(service: Visited, of_ada: str) -> None:
    receipt = service.service.hand_in("ada", marks=4.0)
    set_state(service, receipt.handin.id, queue.FAILED)
    with service.site.database.writing() as session:
        now, marks = datetime.now(UTC), (9.0, 4.0)
        regrading.ask(session, queue.of_student(session, "ada"), "")
        audit.note(session, now, "prof", audit.REGRADED, "mini", "ada", *marks)
    told = {}
    for who in ("prof", "tutor2"):
        client = service.client(who)
        for route in PAGES:
            answer = client.get(placed(route.split()[1], service, of_ada, token="x"))
            told[who, route] = re.findall(r"(?i)\bada\b", answer.text)
    assert not any(told["tutor2", route] for route in PAGES)
    tell = {route for route in PAGES if told["prof", route]}
    assert tell >= {f"GET /course{page}" for page in ("", "/{lab}", "/{lab}/report")}
    assert tell >= {"GET /course/{lab}/regrade", "GET /audit", "GET /students/{student}"}


POSTS = [route for route in EXPECTED if route.startswith("POST") and API not in route]


@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("route", POSTS)
def test_no_form_of_another_site_does_anything(
    service: Visited, of_ada: str, route: str, token: str
) -> None:
    with service.site.database.reading() as session:
        before = queue.of_lab(session, "mini")
    for who in ("ada", "prof"):
        client = service.client(who)
        csrf(client, "/")  # there is a right one
        path = placed(route.split()[1], service, of_ada)
        answer = client.post(path, data={"csrf": token} if token else {})
        assert answer.status_code in (403, 422), route
    with service.site.database.reading() as session:
        assert queue.of_lab(session, "mini") == before


@pytest.mark.parametrize("route", [route for route in EXPECTED if API not in route])
def test_a_token_opens_no_page(service: Visited, of_ada: str, route: str) -> None:
    client = client_of(service, "student", API)
    method, path = route.split()
    if method == "POST" or EXPECTED[route][0] == IN:
        return
    answer = client.get(placed(path, service, of_ada, token="{token}"))
    assert outcome(answer) == AWAY


def test_every_answer_carries_what_keeps_a_browser_safe(service: Visited, of_ada: str) -> None:
    client = service.client("ada")
    for path in ("/", "/sign-in", f"/attempts/{of_ada}", "/nothing", "/api/1/nothing", "/course"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "script" not in policy and "unsafe" not in policy
    page = client.get(f"/attempts/{of_ada}/page").headers["content-security-policy"]
    assert page.startswith("sandbox;") and "allow-" not in page and "script" not in page
    file = client.get(f"/attempts/{of_ada}/notebook").headers
    assert file["content-disposition"].startswith("attachment")


def test_the_cookie_is_for_this_site_alone(service: Visited) -> None:
    cookie = service.client().get(service.link("ada")).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "; secure" in cookie
    assert "ada" not in cookie.partition("=")[0]


def test_a_cookie_that_somebody_made_up_signs_nobody_in(service: Visited) -> None:
    client = service.client("ada")
    name, value = next(iter(client.cookies.items()))
    for forged in ("x", value[:-1], "A" + value[1:], f"eyJpZCI6ICJwcm9mIn0=.{value.split('.')[1]}"):
        answer = service.client().get("/", headers={"Cookie": f"{name}={forged}"})
        assert outcome(answer) == AWAY


def test_after_signing_in_a_reader_is_where_they_were_going_and_nowhere_else(
    service: Visited,
) -> None:
    client = service.client()
    assert outcome(client.get("/device?code=BCDF-GHJK")) == AWAY
    assert client.get(service.link("ada")).headers["location"] == "/device?code=BCDF-GHJK"
    other = service.client()
    other.get("//evil.example/x")
    location = other.get(service.link("ada")).headers["location"]
    assert location == "/" or not location.startswith("//")


def test_signing_out_forgets_who_it_was(service: Visited) -> None:
    client = service.client("ada")
    client.post("/sign-out", data={"csrf": csrf(client)})
    assert outcome(client.get("/")) == AWAY
