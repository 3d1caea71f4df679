"""The pages, as students and instructors read them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from grading.gradebook.grader import Graded, Submission
from grading.judging.results import ATTENTION
from grading.service import queue
from grading.service.supervisor import listening
from tests.browsing import browser, browsing, page
from tests.service import handing
from tests.service.handing import graded, notebook
from tests.service.stand_ins import running
from tests.service.visiting import STAFF, Visited, csrf, hand_in, opened, post, upload, visited

__all__ = ["browser", "page"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Visited]:
    yield from opened(tmp_path)


def text(html: str) -> str:
    """What a page says, in one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_student_hands_in_on_the_page_and_reads_the_marks(service: Visited) -> None:
    ada = service.client("ada")
    assert "Nothing handed in yet." in text(ada.get("/").text)
    sent = upload(ada, notebook(service.course, "ada", marks=7.0))
    assert sent.status_code == 303
    where = sent.headers["location"]
    waiting = ada.get(where).text
    assert '<meta http-equiv="refresh" content="4">' in waiting
    assert "in the queue (0 before it)" in text(waiting)
    service.work()
    done = ada.get(where).text
    assert "refresh" not in done
    said = text(done)
    assert "Marks: 7 of 9" in said and "slope 2 of 4 steep" in said
    start = text(ada.get("/").text)
    assert "Attempt 1" in start and "graded · this one counts 7 of 9" in start
    whole = ada.get(f"{where}/page").text
    assert "Ada Lovelace" in whole and "steep" in whole
    assert ada.get(f"{where}/notebook").content == notebook(service.course, "ada", marks=7.0)


def test_pages_are_in_the_readers_language(service: Visited) -> None:
    spanish = service.client("ada", lang="es-ES,es;q=0.9,en;q=0.8").get("/").text
    assert '<html lang="es">' in spanish and "Tus prácticas" in text(spanish)
    other = service.client("ada", lang="fr").get("/").text
    assert f'<html lang="{service.course.language}">' in other


def test_no_file_is_said(service: Visited) -> None:
    ada = service.client("ada")
    answer = ada.post("/labs/mini", data={"csrf": csrf(ada)})
    assert answer.status_code == 422 and "Choose your .ipynb file" in answer.text


def test_a_file_that_is_refused_is_kept_for_instructors(service: Visited) -> None:
    ada = service.client("ada")
    answer = upload(ada, notebook(service.course, "bob"))
    assert answer.status_code == 422 and "signed by others" in text(answer.text)
    seen = text(service.client("tutor").get("/students/ada").text)
    assert "refused" in seen and "signed by others" in seen


def test_attempts_that_are_left_are_counted(tmp_path: Path) -> None:
    service = visited(tmp_path, "", "[labs.service]\nattempts = 2")
    ada = service.client("ada")
    assert "2 attempts left" in text(ada.get("/").text)
    upload(ada, notebook(service.course, "ada"))
    assert "one attempt left" in text(ada.get("/").text)
    upload(ada, notebook(service.course, "ada", marks=1.0))
    last = ada.get("/").text
    assert "0 attempts left" in text(last) and 'type="file"' not in last
    service.close()


def test_only_ticks_are_shown_where_the_course_says_so(tmp_path: Path) -> None:
    more = '\n[service]\nshows = "ticks"\n' + STAFF
    service = visited(tmp_path, more, 'due = "2090-10-05 12:00"')
    ada = service.client("ada")
    where = upload(ada, notebook(service.course, "ada", marks=7.0)).headers["location"]
    service.work()
    shown = ada.get(where).text
    assert "◐" in shown and "slope 2 of 4" in text(shown)
    assert "steep" not in shown and "/page" not in shown
    assert ada.get(f"{where}/page").status_code == 404
    assert "steep" in service.client("tutor").get(where).text
    service.close()


def test_instructors_see_who_handed_in_what_waits_and_what_failed(service: Visited) -> None:
    hand_in(service.notebook_of("ada"), notebook(service.course, "ada"))
    prof = service.client("prof")
    seen = text(prof.get("/course").text)
    assert "1 / 3 1 open" in seen and "Nothing needs you." in seen
    with service.site.database.writing() as session:
        session.execute(queue.table.update().values(state=queue.FAILED, failure="it ended 3 times"))
    seen = prof.get("/course").text
    assert "it ended 3 times" in text(seen)
    again = re.search(r'action="(/attempts/\w+/again)"', seen)
    assert again and post(prof, again[1], "/course").status_code == 303
    service.work()
    assert "Nothing needs you." in text(prof.get("/course").text)
    rows = text(prof.get("/course/mini").text)
    assert re.search(r"Ada Lovelace ada 1 .* graded 9 of 9", rows)
    assert "Bob Ross bob 0 – Nothing handed in yet. –" in rows


HOSTILE = "<script>pwn()</script><img src=x onerror=pwn()>\"'{{7*7}}"


def hostile(submission: Submission, content: bytes) -> Graded:
    """Return a result whose every text is markup."""
    made = graded(submission, content)
    (first,) = made.results
    checks = [
        type(one)(HOSTILE, HOSTILE, 0.0, one.max, HOSTILE, title=HOSTILE) for one in first.checks
    ]
    about = vars(first) | {"checks": checks, "flags": [HOSTILE], "status": ATTENTION}
    return Graded((type(first)(**about),), made.notebook)


def test_what_a_submission_may_choose_is_never_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = visited(tmp_path)
    monkeypatch.setattr(handing, "graded", hostile)
    roster = service.course.roster
    roster.write_text(f'student_id,name\nada,"{HOSTILE.replace(chr(34), "")}"\n')
    where = upload(service.client("ada"), notebook(service.course, "ada")).headers["location"]
    service.work()
    for who, paths in {
        "ada": ("/", where, f"{where}/page", f"/device?code={HOSTILE}"),
        "prof": ("/course", "/course/mini", "/students/ada", where),
    }.items():
        client = service.client(who)
        for path in paths:
            html = client.get(path).text
            assert "<script" not in html and "<img src=x" not in html, path
            assert "49" not in text(html).split() and ("pwn()" in html or path == "/course"), path
    service.close()


@browsing
def test_a_browser_signs_in_hands_in_and_sees_the_page_change_by_itself(
    tmp_path: Path, page: Page
) -> None:
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    service = visited(tmp_path, STAFF, "", f"http://127.0.0.1:{port}")
    problems: list[Any] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_extra_http_headers({"Accept-Language": "en"})
    file = tmp_path / "mine.ipynb"
    file.write_bytes(notebook(service.course, "ada", marks=7.0))
    with running(service.app, port):
        page.goto(f"{service.address}/device?code=BCDF-GHJK")
        assert page.get_by_role("heading", name="Sign in").is_visible()
        page.goto(service.link("ada"))
        assert page.get_by_label("Code in the notebook").input_value() == "BCDF-GHJK"
        page.goto(f"{service.address}/")
        page.get_by_label("Notebook:", exact=True).set_input_files(file)
        page.get_by_role("button", name="Hand in").click()
        assert page.get_by_text("in the queue").is_visible()
        service.work()
        page.get_by_text("Marks: 7 of 9").wait_for()
        background = page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius")
        assert background == "10px", "the style sheet is there"
        page.get_by_role("link", name="The whole page").click()
        page.get_by_text("Ada Lovelace").first.wait_for()
        page.go_back()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Sign in").wait_for()
        device = service.client().post("/api/1/device").json()
        page.goto(service.link("ada"))
        page.goto(device["verification_uri_complete"])
        page.get_by_role("button", name="It is mine").click()
        page.get_by_text("Go back to the notebook").wait_for()
        page.goto(service.link("prof"))
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("link", name="Mini", exact=True).last.click()
        page.get_by_text("Ada Lovelace").wait_for()
    assert problems == []
    service.close()
