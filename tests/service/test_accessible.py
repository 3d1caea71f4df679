"""The pages of a running service, in both languages, light and dark: nobody is kept out of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from grading.service.supervisor import listening
from tests.axe import axed, findings, moving, out_of_reach
from tests.browsing import browser
from tests.marking.classroom import classroom
from tests.service.handing import notebook
from tests.service.stand_ins import running
from tests.service.visiting import STAFF, Visited, post, upload

__all__ = ["browser"]
pytestmark = pytest.mark.heavy

ANSWERS = {f"s{number}": f"Answer number {number % 2}." for number in range(4)}
PAGES = {
    "": ("/sign-in", "/nowhere"),
    "s0": (
        *("/", "{attempt}", "{attempt}/page", "/marks", "/labs/mini/marks"),
        "/device?code=BCDF-GHJK",
    ),
    "prof": (
        *("/course", "/course/mini", "/course/mini/report", "/course/mini/regrade", "/audit"),
        *("/students/s0", "{attempt}", "/marking/mini", "/marking/mini/why"),
        *("/marking/mini/why/alike", "/marking/mini/why/rubric", "{answer}/work"),
    ),
}


@dataclass(frozen=True)
class Open:
    """A service, and the addresses of an attempt and of an answer in it."""

    visited: Visited
    attempt: str
    answer: str


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    course = classroom(tmp_path_factory.mktemp("service"), ANSWERS, more=STAFF)
    visited = Visited(course, f"http://127.0.0.1:{port}")
    sent = upload(visited.client("s0"), notebook(course, "s0", marks=7.0))
    visited.work()
    prof = visited.client("prof")
    answer = prof.get("/marking/mini/why").headers["location"]
    assert post(prof, "/marking/mini/show", "/marking/mini").status_code == 303
    with running(visited.app, port):
        yield Open(visited, sent.headers["location"], answer)
    visited.close()


@axed
@pytest.mark.parametrize(("lang", "scheme"), [("es", "light"), ("en", "dark")])
@pytest.mark.parametrize("who", PAGES)
def test_nothing_keeps_anybody_out(
    opened: Open, browser: Browser, who: str, lang: str, scheme: str
) -> None:
    visited = opened.visited
    with browser.new_context(
        color_scheme=scheme,
        reduced_motion="reduce",
        bypass_csp=True,  # which lets in no script, not even axe-core's
        extra_http_headers={"Accept-Language": lang},
    ) as context:
        page = context.new_page()
        if who:
            page.goto(visited.link(who))
        for path in PAGES[who]:
            place = path.format(attempt=opened.attempt, answer=opened.answer)
            found = page.goto(visited.address + place)
            assert found and found.ok == (path != "/nowhere"), path
            assert page.locator("h1").count() == 1, path
            assert findings(page) == [], path
            assert out_of_reach(page) == [], path
            assert moving(page) == [], path
