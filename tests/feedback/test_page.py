"""What a student's page says, and that nothing of a notebook is live in it."""

import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode, v4
from PIL import Image
from playwright.sync_api import Page as Opened

from grading.course.config import LANGUAGES, Course
from grading.course.roster import Roster, Student
from grading.feedback import page as pages
from grading.feedback.notebook import highlighted
from grading.feedback.writing import page_path, write_feedback
from grading.judging.record import Adjustment, Change, Deduction, Record, Written
from grading.judging.results import ATTENTION, FAILED, CheckMark, Result
from grading.messages import Reason
from grading.reporting.outline import outline_of
from grading.reporting.standings import standings
from tests import live_markup, mini
from tests.browsing import browsing, opened
from tests.parsed import Page

WHEN = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
CHECKS = (
    CheckMark("check-double", "double on vectors", 1.0, 3.0, "at index 1: off by 2 <b>"),
    CheckMark("check-double", "double of the seed", 2.0, 2.0, ""),
    CheckMark("check-slope", "unseen points", 0.0, 4.0, "the error is 3"),
)
HINT = {"es": "Multiplica por dos.", "en": "Multiply by two."}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return mini.make_course(tmp_path)


def record(checks=CHECKS, marks=None, **more) -> Record:
    """The record of ada, whose written answer has these marks."""
    score = sum(check.marks for check in checks)
    result = Result("ada", "mini", score, 9.0, "graded", checks=list(checks))
    written = (Written("why", marks, 2.0, "Because <i>of</i> what?" if marks is not None else ""),)
    return Record(
        "ada", 11.0, result, score, **{"written": written, "waiting": marks is None} | more
    )


def html(course: Course, of: Record, notebook: NotebookNode | None = None, lang="en") -> str:
    course = replace(course, language=lang)
    (row,) = standings([of], Roster((Student("ada", "Ada Lovelace"),)))
    return pages.page(course, "mini", row, outline_of(mini.blank(course, lang)), notebook, WHEN)


def text_of(markup: str) -> str:
    """What is read of a page, in one line."""
    shown = re.sub(r"<style>.*?</style>|<head>.*?</head>", "", markup, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", shown).split())


def with_outputs(*outputs: dict) -> NotebookNode:
    cell = v4.new_code_cell(
        "show()", outputs=[v4.new_output("display_data", one) for one in outputs]
    )
    return v4.new_notebook(cells=[cell])


# --- what it says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "first", "second", "title"),
    [
        ("en", "Exercise 1 · Double", "Exercise 2 · Slope", "Sums"),
        ("es", "Ejercicio 1 · El doble", "Ejercicio 2 · Pendiente", "Sumas"),
    ],
)
def test_marks_stand_under_the_names_that_students_know(
    course: Course, lang: str, first: str, second: str, title: str
) -> None:
    said = text_of(html(course, record(), lang=lang))
    lost, everything = said.split(second, 1)[0], said
    assert lost.index(first) < lost.index("off by 2 &lt;b&gt;") < lost.index(HINT[lang])
    assert "unseen points" in everything and "the error is 3" in everything
    assert everything.count(title) == 4  # beside what was lost, the question, and in the table
    assert not re.search(r"check-double|check-slope", everything)
    assert "double of the seed" not in everything  # it lost nothing


def test_an_answer_that_nobody_read_has_no_marks_yet(course: Course) -> None:
    said = text_of(html(course, record()))
    assert "Marks, provisional 3 of 11" in said
    assert said.count("not marked yet (at most 2)") == 2
    assert not re.search(r"0(\.0)? of 2\b", said)


def test_an_answer_shows_what_a_person_gave_and_said(course: Course) -> None:
    said = text_of(html(course, record(marks=0.5)))
    assert "provisional" not in said and "not marked yet" not in said
    assert "Marks 3.5 of 11" in said
    assert "some of the marks: Question 1 0.5 of 2 Sums Because &lt;i&gt;of&lt;/i&gt; what?" in said


def test_an_answer_left_blank_says_so(course: Course) -> None:
    blank = record(marks=0.0)
    assert blank.result
    blank = replace(blank, result=replace(blank.result, unanswered=["why"]))
    assert "it was left blank" in text_of(html(course, blank))


def test_the_total_is_told_with_what_lateness_and_people_did(course: Course) -> None:
    change = Change("ada", "mini", "check-slope", "extra_credit", None, 2.0, "eva", WHEN, "by hand")
    rule = Reason("late.closed", {"due": "yesterday"})
    said = text_of(
        html(
            course,
            record(
                marks=1.0,
                adjustments=(Adjustment("check-slope", 2.0, change),),
                deductions=(Deduction(1.5, 3600.0, rule),),
            ),
        )
    )
    assert "Marks 4.5 of 11" in said
    assert "Before lateness 6 Taken off for lateness −1.5" in said
    assert "Exercise 2 · Slope: +2 by hand (eva, 2030-01-02 03:04 UTC: by hand)" in said
    assert "6 − 1.5 = 4.5 (due yesterday; nothing counts that comes later)" in said


def test_all_marks_earned_is_said(course: Course) -> None:
    full = tuple(replace(check, marks=check.max, reason="") for check in CHECKS)
    said = text_of(html(course, record(full, marks=2.0)))
    assert "In no check" in said and HINT["en"] not in said


def test_what_was_no_notebook_says_why(course: Course) -> None:
    failed = Result("ada", "mini", 0.0, 9.0, FAILED, ["not a notebook: it is a <PDF>"])
    said = text_of(html(course, Record("ada", 11.0, failed)))
    assert "not a notebook: it is a &lt;PDF&gt;" in said and "could not be read" in said


def test_what_is_for_the_instructor_to_look_at_is_not_told(course: Course) -> None:
    marked = record()
    assert marked.result
    flagged = replace(marked.result, status=ATTENTION, flags=["look at how it came about"])
    assert "look at how" not in text_of(html(course, replace(marked, result=flagged)))


# --- the notebook in it ------------------------------------------------------------------------


def test_links_lead_to_cells_of_the_folded_notebook(course: Course) -> None:
    markup = html(course, record(marks=1.0), mini.blank(course))
    found = Page(markup)
    ids = found.attributes("id")
    links = [link for link in found.attributes("href") if link.startswith("#")]
    assert {"#cell-check-double", "#cell-check-slope", "#cell-why"} == set(links)
    assert {link[1:] for link in links} <= set(ids) and len(ids) == len(set(ids))
    inside = markup[markup.index("<details>") :]
    assert all(f'id="{link[1:]}"' in inside for link in links)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_can_be_read_by_ear(course: Course, lang: str) -> None:
    notebook = mini.blank(course, lang)
    notebook.cells.append(v4.new_markdown_cell("# Mine\n###### deep\n<h1>loud</h1>"))
    found = Page(html(course, record(), notebook, lang=lang))
    assert found.misnested == []
    assert ("html", {"lang": lang}) in found.elements
    levels = [int(tag[1]) for tag, _ in found.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(deeper - level <= 1 for level, deeper in pairwise(levels) if deeper < 6)
    assert all("scope" in attributes for tag, attributes in found.elements if tag == "th")
    assert found.counts()["main"] == found.counts()["header"] == 1


def test_formulas_tables_pictures_and_text_are_shown(course: Course) -> None:
    markup = html(course, record(), live_markup.honest())
    assert markup.count("<math") == 3 and "$" not in text_of(markup)
    assert "<td>7.5</td>" in markup
    assert "ValueError: shapes (3,) and (4,)" in text_of(markup)
    pictures = Page(markup).attributes("src")
    assert len(pictures) == 3 and all(one.startswith("data:image/") for one in pictures)


def test_code_is_marked_and_escaped() -> None:
    code = "def f(x):  # a < b\n    return 'x' and x\n"
    marked = highlighted(code)
    assert "<b>def</b> f(x):  <i># a &lt; b</i>" in marked and "<u>'x'</u>" in marked
    assert re.sub("</?[biu]>", "", marked).replace("&lt;", "<") == code


# --- its size ----------------------------------------------------------------------------------


def picture(width: int, height: int, **more) -> str:
    """A picture of noise, which no format makes much smaller, as an output has it."""
    pixels = np.random.default_rng(7).integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", **more)
    return base64.b64encode(stream.getvalue()).decode()


def test_a_wide_picture_is_made_smaller_and_keeps_its_shape(course: Course) -> None:
    markup = html(course, record(), with_outputs({"image/png": picture(1600, 200)}))
    (source,) = Page(markup).attributes("src")
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as shown:
        assert shown.size == (720, 90)
    assert len(markup) < len(picture(1600, 200)) / 4


def test_a_picture_that_cannot_be_read_is_left_out_in_words(course: Course) -> None:
    damaged = base64.b64encode(base64.b64decode(live_markup.PIXEL)[:40]).decode()
    header = bytearray(base64.b64decode(live_markup.PIXEL))
    header[16:24] = (100_000).to_bytes(4, "big") * 2  # it says that it is 100,000 by 100,000
    vast = base64.b64encode(header).decode()
    for data in (damaged, vast):
        markup = html(course, record(), with_outputs({"image/png": data, "text/plain": "x"}))
        assert "<img" not in markup and "Does not fit into this page" in markup


@pytest.mark.parametrize(
    "cells",
    [
        [v4.new_code_cell("show()", outputs=[v4.new_output("stream", text="x" * 9_000)] * 500)],
        [v4.new_code_cell("pass\n" * 4_000) for _ in range(60)],
        [v4.new_markdown_cell("word " * 9_000) for _ in range(60)],
        with_outputs(*[{"image/png": picture(700, 500)}] * 12).cells,
    ],
    ids=["printed", "code", "prose", "pictures"],
)
def test_a_page_of_any_notebook_is_at_most_300_kb(course: Course, cells: list) -> None:
    markup = html(course, record(), v4.new_notebook(cells=cells))
    assert len(markup.encode()) <= 300_000
    assert "is in your notebook" in markup
    assert "the error is 3" in markup and markup.endswith("</html>")


# --- nothing in it is live ---------------------------------------------------------------------


@browsing
def test_nothing_of_a_hostile_notebook_runs_or_loads(course: Course, page: Opened) -> None:
    seen = opened(page, html(course, record(), live_markup.hostile()))
    assert seen.ran == [] and seen.asked == []
    assert page.locator("script, iframe, form, svg, style:not(head style)").count() == 0
    on = "all => all.flatMap(one => one.getAttributeNames()).filter(name => /^on/.test(name))"
    assert page.locator("*").evaluate_all(on) == []


@browsing
def test_the_policy_alone_stops_what_would_be_live(course: Course, page: Opened) -> None:
    live = "<script>pwn()</script><img src=x onerror=pwn()><img src='https://elsewhere.test/p.png'>"
    seen = opened(page, html(course, record()).replace("</main>", f"{live}</main>"))
    assert seen.ran == [] and seen.asked == []


@pytest.mark.parametrize("text", ["</div>" * 9 + "</details></main><p>out", "<details><div><b>in"])
def test_no_text_ends_what_it_stands_in(course: Course, text: str) -> None:
    markup = html(course, record(), v4.new_notebook(cells=[v4.new_markdown_cell(text)]))
    assert Page(markup).misnested == []


@browsing
@pytest.mark.parametrize("width", [400, 1200])
def test_a_page_fits_its_width_and_a_link_unfolds_its_cell(
    course: Course, page: Opened, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    notebook = mini.blank(course)
    notebook.cells += with_outputs({"image/png": picture(900, 90)}).cells
    opened(page, html(course, record(marks=1.0), notebook))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cell = page.locator("#cell-check-slope")
    assert not cell.is_visible()
    page.locator("a[href='#cell-check-slope']").first.click()
    assert cell.is_visible()


@browsing
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("lang", ["es", "en"])
def test_a_mark_that_is_to_come_fits_its_column(
    course: Course, page: Opened, width: int, lang: str
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, html(course, record(), lang=lang))
    edges = "all => all.map(one => [one.scrollWidth, one.clientWidth])"
    cells = page.locator(".outcomes td.number").evaluate_all(edges)
    assert cells and all(needed <= room for needed, room in cells)


# --- the files ---------------------------------------------------------------------------------


def test_a_page_that_would_say_the_same_stays_and_a_new_mark_makes_a_new_one(
    course: Course,
) -> None:
    path = page_path(course.home, "ada", "mini")
    roster = Roster((Student("ada", "Ada Lovelace"),))
    assert [one.path for one in write_feedback(course, "mini", [record()], roster)] == [path]
    old = re.sub(r'(<time class="made")[^<]*', r"\1>long ago", path.read_text(encoding="utf-8"))
    path.write_text(old, encoding="utf-8")
    write_feedback(course, "mini", [record()], roster)
    assert path.read_text(encoding="utf-8") == old
    write_feedback(course, "mini", [record(marks=2.0)], roster)
    assert "long ago" not in path.read_text(encoding="utf-8")


def test_who_is_in_no_roster_has_a_page_without_a_name(course: Course) -> None:
    (page,) = write_feedback(course, "mini", [record()], None)
    assert "<bdi>ada</bdi>" in page.path.read_text(encoding="utf-8")
    assert (page.name, page.email, page.is_final) == ("", "", False)
