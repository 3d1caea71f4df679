"""Pages as a browser has them: what runs in one, and what it asks for."""

import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from grading.gradebook import pages

CHROMIUM = shutil.which("chromium")
HOME = "http://course.test"
ADDRESS = f"{HOME}/formgrader/submissions/1/"
STATIC = pages.NBGRADERS.parent / "static"


def browsing(test: Any) -> Any:
    """Mark a test that opens pages in a browser."""
    missing = pytest.mark.skipif(CHROMIUM is None, reason="no browser: apt install chromium")
    return pytest.mark.kernels(missing(test))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        with playwright.chromium.launch(**options) as browser:
            yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def opened(page: Page, html: str) -> SimpleNamespace:
    """Open a page as from a server, click on all that can be clicked, and say what it did."""
    seen = SimpleNamespace(ran=[], asked=[], problems=[])

    def answer(route: Route) -> None:
        address = route.request.url
        if address == ADDRESS:
            return route.fulfill(body=html, content_type="text/html; charset=utf-8")
        static = STATIC / address.removeprefix(f"{HOME}/formgrader/static/")
        if static.is_file():
            return route.fulfill(path=static)
        if address.startswith(f"{HOME}/formgrader/api/"):
            return route.fulfill(body="[]", content_type="application/json")
        seen.asked.append(address)
        return route.abort()

    page.expose_function("pwn", lambda: seen.ran.append(True))
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.route("**/*", answer)
    page.goto(ADDRESS, wait_until="domcontentloaded")
    for link in page.locator("#notebook a[href]").all():
        link.evaluate("link => link.addEventListener('click', e => e.stopPropagation())")
        if not str(link.get_attribute("href")).startswith(("http", "mailto", "#")):
            link.evaluate("link => link.click()")
    page.wait_for_timeout(300)
    assert page.url.startswith(ADDRESS)
    return seen
