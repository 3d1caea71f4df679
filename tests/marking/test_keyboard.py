"""Ten answers marked in a browser, by keys alone."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from grading.service.supervisor import listening
from tests.browsing import browser, browsing, page
from tests.marking.classroom import classroom
from tests.service.stand_ins import running
from tests.service.visiting import STAFF, Visited

__all__ = ["browser", "page"]

ANSWERS = {f"s{number:02}": f"Answer number {number}." for number in range(10)}


@pytest.mark.slow
@browsing
def test_ten_answers_are_marked_by_keys_alone(tmp_path: Path, page: Page) -> None:
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    course = classroom(tmp_path, ANSWERS, more=STAFF)
    visited = Visited(course, f"http://127.0.0.1:{port}")
    problems: list[Any] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_extra_http_headers({"Accept-Language": "en"})
    press = page.keyboard.press
    with running(visited.app, port):
        page.goto(visited.link("tutor"))
        page.goto(f"{visited.address}/marking/mini")
        page.goto(f"{visited.address}/marking/mini/why")
        press("1")
        assert page.locator("output").inner_text() == "1"
        press("2")
        press("1")
        assert page.locator("output").inner_text() == "0.5"
        press("1")
        press("/")
        page.keyboard.type("not searched for: 123 n p u")
        press("Escape")
        press("c")
        page.keyboard.type("Which sign?")
        with page.expect_navigation():
            press("Control+Enter")
        assert "1 of 10 marked" in page.content()
        with page.expect_navigation():
            press("u")
        assert "0 of 10 marked" in page.content()
        assert page.locator("#comment").input_value() == ""
        for number in range(10):
            press(str(number % 3 + 1))
            with page.expect_navigation():
                press("n" if number % 2 else "Enter")
        page.wait_for_url("**/marking/mini")
        assert "10 / 10" in page.content()
    assert problems == []
    visited.close()
    with closing(sqlite3.connect(course.home / "gradebook.db")) as gradebook:
        found = gradebook.execute("select manual_score from grade where manual_score is not null")
        assert sorted(score for (score,) in found) == [0.5] * 6 + [1.0] * 4
