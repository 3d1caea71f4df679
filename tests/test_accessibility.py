"""The pages that students and instructors get: axe-core finds nothing grave in them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from grading.reporting import course_report
from grading.reporting.coursework import Given
from tests import mini
from tests.axe import axed, findings, moving, out_of_reach
from tests.browsing import browser
from tests.feedback import test_page as feedback
from tests.reporting import test_coursework as coursework
from tests.reporting import test_report as report
from tests.site.made import executed

__all__ = ["browser"]
NOW = datetime(2030, 1, 2, 3, 4).astimezone()


def feedback_page(folder: Path) -> str:
    course = mini.make_course(folder)
    return feedback.html(course, feedback.record(), executed(course, mini.LAB, "en"))


def course_pages(folder: Path, which: str) -> str:
    course = coursework.a_course(folder)
    labs = coursework.classes(course, lab0=[coursework.record("ana", 9.0)])
    given = Given(NOW, excused={("ana", "lab1"): "ill"})
    view = coursework.course_view(course, coursework.ROSTER, labs, given)
    if which == "course":
        return course_report.page(course, view, NOW)
    row = coursework.row_of(view, "ana")
    return course_report.student_page(course, view, row, given, NOW)


MADE: dict[str, Callable[[Path], str]] = {
    "feedback": feedback_page,
    "report": report.html,
    "course": lambda folder: course_pages(folder, "course"),
    "student": lambda folder: course_pages(folder, "student"),
}


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    # The pages' own policy lets no script in, not even axe-core's.
    about = {"color_scheme": request.param, "reduced_motion": "reduce", "bypass_csp": True}
    with browser.new_context(**about) as context:
        yield context.new_page()


@axed
@pytest.mark.parametrize("name", MADE)
def test_nothing_keeps_anybody_out(page: Page, tmp_path: Path, name: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(MADE[name](tmp_path), encoding="utf-8")
    page.goto(file.as_uri())
    assert page.locator("h1").count() == 1
    assert findings(page) == []
    assert out_of_reach(page) == []
    assert moving(page) == []


@axed
def test_what_keeps_people_out_is_found(page: Page) -> None:
    page.set_content(
        '<html lang="en"><title>x</title><main><img src="data:,"><a href="#a">a</a>'
        '<a href="#b" style="outline: none; transition: color 1s">b</a>'
        '<a href="#c" onfocus="this.blur()">c</a><button></button>'
    )
    assert {line.split(":")[0] for line in findings(page)} == {"image-alt", "button-name"}
    never, same = out_of_reach(page)
    assert never.startswith('never reached: <a href="#c"')
    assert same.startswith('looks the same: <a href="#b"')
    assert len(moving(page)) == 1
