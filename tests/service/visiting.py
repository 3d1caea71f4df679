"""Browsers and notebooks that ask the service, in this process."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from grading.course.config import Course
from grading.service.web.app import create_app
from grading.service.web.site import Site
from tests.service.handing import Service, StandIn, make_course

ADDRESS = "https://hand-in.test"
SECRET = "a secret of tests that has more than enough characters"
STAFF = """
[[service.staff]]
id = "prof"
role = "instructor"

[[service.staff]]
id = "tutor"
role = "grader"
"""
IPYNB = "application/x-ipynb+json"


class Visited:
    """A service, and clients of it.

    Parameters
    ----------
    course : Course
    address : str
    """

    def __init__(self, course: Course, address: str = ADDRESS) -> None:
        self.course = course
        self.address = address
        self.app = create_app(course, course.db_url, address, SECRET)
        self.site: Site = self.app.state.site
        self.service = Service(course)

    def client(self, who: str = "", lang: str = "en") -> TestClient:
        """Return a browser in which somebody is signed in; nobody if no name is given."""
        client = TestClient(
            self.app, self.address, follow_redirects=False, headers={"Accept-Language": lang}
        )
        if who:
            found = client.get(self.link(who))
            assert found.status_code == 303, found.text
        return client

    def link(self, who: str) -> str:
        person = self.site.people.find(who)
        assert person is not None
        return self.site.link_of(person)

    def notebook_of(self, who: str, lang: str = "en") -> TestClient:
        """Return a notebook that was signed in by its code."""
        client = self.client(lang=lang)
        device = client.post("/api/1/device").json()
        post(self.client(who), "/device", code=device["user_code"], decision="allow")
        found = ask_for_token(client, device["device_code"])
        assert found.status_code == 200, found.text
        client.headers["Authorization"] = f"Bearer {found.json()['access_token']}"
        return client

    def work(self) -> None:
        self.service.work(StandIn(self.course))

    def close(self) -> None:
        self.site.database.close()
        self.service.database.close()


def visited(root: Path, more: str = STAFF, lab: str = "", address: str = ADDRESS) -> Visited:
    """Make a course and its service."""
    return Visited(make_course(root, more, lab), address)


def opened(root: Path, *how: str) -> Iterator[Visited]:
    """Make a service and close it in the end."""
    made = visited(root, *how)
    yield made
    made.close()


def csrf(client: TestClient, page: str = "/") -> str:
    """Return what the forms of a page send."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(page, follow_redirects=True).text)
    assert found, page
    return found[1]


def unseen(html: str) -> dict[str, str]:
    """Return what the form of an answer's page sends without showing it."""
    return dict(re.findall(r'type="hidden" name="(csrf|seen)" value="([^"]*)"', html))


def post(client: TestClient, path: str, page: str = "/", **fields: Any) -> Any:
    """Send a form of a page."""
    return client.post(path, data=fields | {"csrf": csrf(client, page)})


def upload(client: TestClient, content: bytes, lab: str = "mini") -> Any:
    """Choose a file on the page and send it."""
    file = {"notebook": ("a.ipynb", content, "application/octet-stream")}
    return client.post(f"/labs/{lab}", data={"csrf": csrf(client)}, files=file)


def ask_for_token(client: TestClient, device_code: str) -> Any:
    """Poll as RFC 8628 has it."""
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    return client.post("/api/1/token", data={"grant_type": grant, "device_code": device_code})


def hand_in(client: TestClient, content: bytes, lab: str = "mini", **headers: str) -> Any:
    """Send a notebook as one does by itself."""
    return client.post(
        f"/api/1/labs/{lab}/handins", content=content, headers={"Content-Type": IPYNB} | headers
    )
