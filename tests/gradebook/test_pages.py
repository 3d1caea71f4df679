"""Nothing of a submission is live in a page, whoever makes it; what honest work shows is there."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode, v4
from playwright.sync_api import Page
from traitlets.config import Config

from grading.gradebook import pages
from grading.judging.harmless import harmless
from tests import live_markup
from tests.browsing import HOME, STATIC, browsing, opened

# What students are sent is our own page, which has tests of its own.
each_template = pytest.mark.parametrize(
    "template", [pytest.param("feedback", marks=pytest.mark.heavy), "formgrade"]
)


def nbgraders_own() -> Config:
    """The settings where nbgrader does not find the course's."""
    config = Config()
    config.HTMLExporter.extra_template_basedirs = [str(pages.NBGRADERS)]
    return config


def page_of(notebook: NotebookNode, template: str, config: Config) -> str:
    """The page that nbgrader makes of a notebook."""
    bootstrap = STATIC / "node_modules" / "bootstrap" / "dist" / "css"
    config.HTMLExporter.template_name = template
    config.HTMLExporter.extra_template_paths = [str(bootstrap)]
    about = {"notebook": "lab", "score": 1, "max_score": 2, "late_penalty": 0}
    formgrader = {"base_url": "", "submission_id": "1", "index": 0, "total": 1, "student": "ada"}
    names = {"notebook_id": "lab", "assignment_id": "lab", "notebook_path": "lab.ipynb"}
    exporter = HTMLExporter(config=config)
    html, _ = exporter.from_notebook_node(
        notebook, resources={"nbgrader": about, "metadata": {"name": "lab"}} | formgrader | names
    )
    return str(html)


def from_elsewhere(seen: SimpleNamespace) -> list[str]:
    return [address for address in seen.asked if "cdnjs" not in address]


@browsing
@each_template
def test_what_is_stored_is_not_live_even_where_a_page_has_no_policy(page: Page, template: str):
    stored = harmless(live_markup.hostile())
    seen = opened(page, page_of(stored, template, nbgraders_own()))
    assert seen.ran == [] and from_elsewhere(seen) == []
    assert page.locator("main").locator("script, iframe, form, svg, style, object").count() == 0
    assert page.locator("#score").count() == 0 or template == "formgrade"


def raw() -> NotebookNode:
    """The hostile notebook as no page should have it, without what a policy or nbconvert lacks."""
    notebook = live_markup.hostile()
    *written, code, last = notebook.cells
    written = [
        one for one in written if "refresh" not in one.source and "attachment" not in one.source
    ]
    code.outputs = [
        one
        for one in code.outputs
        if "refresh" not in str(one) and "['<scr'" not in str(one) and "/json" not in str(one)
    ]
    return NotebookNode(notebook, cells=[*written, code, last])


@browsing
@each_template
def test_a_page_has_a_policy_that_stops_what_would_be_live(page: Page, template: str):
    seen = opened(page, page_of(raw(), template, pages.page_settings()))
    assert seen.ran == []
    assert [one for one in seen.asked if not one.startswith(HOME)] == []


@browsing
def test_without_either_the_hostile_notebook_is_live(page: Page):
    seen = opened(page, page_of(raw(), "feedback", nbgraders_own()))
    assert seen.ran and from_elsewhere(seen)


@browsing
@each_template
def test_an_honest_students_page_shows_what_was_shown(page: Page, template: str):
    stored = harmless(live_markup.honest())
    seen = opened(page, page_of(stored, template, pages.page_settings()))
    assert seen.asked == [] and seen.problems == []
    shown = page.locator("#notebook").first
    widths = shown.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert widths == [1, 1, 1]
    assert shown.locator("table.dataframe td").inner_text() == "7.5"
    assert "10/10" in shown.inner_text() and "$" not in shown.inner_text()
    assert "ValueError" in shown.locator(".ansi-red-fg").inner_text()
    assert shown.locator("math").count() == 3
    assert shown.locator("mfrac").bounding_box()["height"] > 15
    assert "x[0]\u200b(y)" in shown.locator("code").all_inner_texts()


@browsing
def test_formgrader_works_under_its_policy(page: Page):
    seen = opened(page, page_of(live_markup.honest(), "formgrade", pages.page_settings()))
    assert seen.problems == []
    page.wait_for_function("formgrader.loaded && MathJax.loaded")
    page.locator(".name-hidden.glyphicon").evaluate("eye => eye.click()")
    assert page.locator("a.name-shown").is_visible()


# --- without a browser ------------------------------------------------------------------------


def test_what_is_stored_is_a_valid_notebook_and_harmless_again_is_the_same():
    stored = harmless(live_markup.hostile())
    nbformat.validate(stored)
    assert harmless(stored) == stored
    assert harmless(live_markup.honest()).cells[0].outputs[0].data["image/png"] == live_markup.PIXEL


@pytest.mark.slow
@pytest.mark.parametrize("text", ["[" * 20_000, "<b>" * 9_000, "\\begin{a}" * 5_000, "> " * 9_000])
def test_a_page_of_any_text_comes_to_an_end(text: str):
    stored = harmless(v4.new_notebook(cells=[v4.new_markdown_cell(text)]))
    assert "Content-Security-Policy" in page_of(stored, "feedback", pages.page_settings())


@pytest.mark.parametrize(
    "html", ["<div>" * 200_000, "&amp" * 400_000, "<b>" * 9_999 + "<p>" * 9_999, "<table>" * 30_000]
)
def test_markup_beyond_what_is_read_in_a_moment_is_left_out(html: str):
    outputs = [v4.new_output("display_data", {"text/html": html, "text/plain": "x"})] * 20
    stored = harmless(v4.new_notebook(cells=[v4.new_code_cell(outputs=outputs)]))
    assert [output.data for output in stored.cells[0].outputs] == [{"text/plain": "x"}] * 20


def test_templates_are_found_where_nbgrader_has_them():
    assert Path(pages.NBGRADERS, "formgrade", "formgrade_macros.html.j2").is_file()
