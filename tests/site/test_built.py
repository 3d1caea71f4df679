"""The site of a small course, built once: offline, in two languages, for everybody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Page

from docs.executing import executed
from docs.site import building, checking
from docs.site.__main__ import SITE, main
from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import LANGUAGES, load_course
from grading.errors import UserError
from grading.places import KIT
from tests import mini
from tests.axe import axed, findings
from tests.browsing import browser, browsing
from tests.site.made import ANSWER, CURVE, course_of_two, sources

__all__ = ["browser"]
SCHEMES = ("light", "dark")
OF_NBCONVERT = (".jp-InputPrompt", ".jp-OutputPrompt", ".highlight")  # whose colours are faint
PAGES = (
    "index",
    "labs",
    mini.LAB,
    "student",
    "glossary",
    "syllabus",
    "mistakes",
    "guides",
    "search",
)

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    made = sources(course_of_two(tmp_path_factory.mktemp("course")))
    building.build(made, folder, lambda line: None)
    return folder


@pytest.fixture(params=SCHEMES)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(color_scheme=request.param) as context:
        yield context.new_page()


def rendered(folder: Path, **pages: str) -> Path:
    """Have Sphinx make these pages, in English."""
    files = {f"{name}.md": text.encode() for name, text in pages.items()}
    twins = {lang: set(pages) for lang in LANGUAGES}
    building._render(folder / "source", files, folder / "out", "en", twins)
    return folder / "out"


def test_every_page_is_there_and_shows_no_answer(site: Path) -> None:
    files = building.read_site(site)
    assert {path.split("/")[0] for path in files} == {*LANGUAGES, "index.html"}
    for lang in LANGUAGES:
        text = checking.page_facts((site / lang / f"{mini.LAB}.html").read_text("utf-8")).text
        assert CURVE in text and ANSWER not in text and "np.asarray(x)" not in text
    assert not [path for path in files if "_sources" in path]
    assert checking.problems(files) == []


def test_the_notebook_to_download_is_the_students(site: Path) -> None:
    (notebook,) = (site / "en").rglob(f"_downloads/*/{mini.LAB}.ipynb")
    text = notebook.read_text(encoding="utf-8")
    assert "Complete double()" in text and ANSWER not in text


@browsing
def test_pages_load_nothing_from_elsewhere_and_lead_to_themselves_in_the_other_language(
    site: Path, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for name in PAGES:
        page.goto((site / "es" / f"{name}.html").as_uri())
        page.locator(".language").click()
        assert page.url == (site / "en" / f"{name}.html").as_uri()
        assert page.locator("html").get_attribute("lang") == "en"
    assert asked and not [url for url in asked if not url.startswith(("file:", "data:"))]
    page.goto((site / "en" / "commands.html").as_uri())
    page.locator(".language").click()
    assert page.url == (site / "es" / "index.html").as_uri()


@browsing
@pytest.mark.parametrize(("lang", "word"), [("es", "sumas"), ("en", "sums")])
def test_search_finds_a_word_offline(site: Path, page: Page, lang: str, word: str) -> None:
    page.goto((site / lang / "search.html").as_uri() + f"?q={word}")
    page.locator(f"#search-results a[href*='{mini.LAB}.html']").first.wait_for()


@browsing
def test_the_keyboard_alone_reaches_the_text_the_language_and_a_check(
    site: Path, page: Page
) -> None:
    page.goto((site / "en" / f"{mini.LAB}.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main-content"
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.tagName + document.activeElement.className")
        )
    assert "Alanguage" in reached and "SUMMARY" in reached
    summary = page.locator("details.check > summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.check").first.get_attribute("open") is not None


@browsing
def test_nothing_moves_for_who_asked_for_rest(site: Path, browser: Browser) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto((site / "en" / "labs.html").as_uri())
        moving = page.evaluate(
            "[...document.querySelectorAll('*')].filter(one => parseFloat("
            "getComputedStyle(one).transitionDuration) > 0).length"
        )
        assert moving == 0


@axed
def test_axe_finds_nothing_grave(site: Path, page: Page) -> None:
    page.goto((site / "index.html").as_uri())
    assert findings(page) == []
    for place, name in enumerate(PAGES):  # a page is the same in each language but for its words
        page.goto((site / LANGUAGES[place % len(LANGUAGES)] / f"{name}.html").as_uri())
        assert findings(page) == [], name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"# A\n\n${'x' * 3000}$", "no MathML of the formula"),
        ("# A\n\n[there](nowhere.md)", "nowhere.md"),
        ("# A\n\n{term}`unheard of`", "unheard of"),
    ],
)
def test_what_sphinx_warns_of_fails_the_build(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match="the pages in en") as refused:
        rendered(tmp_path, index=text)
    assert said in str(refused.value)


def test_a_formula_is_mathml(tmp_path: Path) -> None:
    page = (
        rendered(tmp_path, index="# A\n\n$x^2$\n\n$$\n\\frac{1}{2}\n$$\n") / "index.html"
    ).read_text()
    assert "<msup>" in page and '<div class="formula" tabindex="0"><math display="block">' in page


def test_a_build_that_fails_leaves_the_former_site(tmp_path: Path) -> None:
    made = sources(course_of_two(tmp_path / "course"))
    notebook = made.executed[mini.LAB, "en"]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("image/png", None)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("former")
    with pytest.raises(UserError, match=rf"en/{mini.LAB}.html: the picture .* has no words"):
        building.build(made, folder, lambda line: None)
    assert (folder / "index.html").read_text() == "former"
    assert [path.name for path in tmp_path.iterdir()].count("site") == 1


@pytest.mark.timeout(1800)
def test_make_site_builds_the_courses_own() -> None:
    main()
    assert (SITE / "index.html").is_file()
    for lang in LANGUAGES:
        assert len([*(SITE / lang / "_images").glob("*.png")]) > 40


@axed
@pytest.mark.timeout(1800)
def test_what_labs_write_and_show_is_for_everybody_where_nbconvert_renders_it(
    browser: Browser, tmp_path: Path
) -> None:
    course = load_course(KIT)
    solved = {
        f"{name}.{lang}": instructor_notebook(read_lab(course, name), lang, course)
        for name in course.lab_names
        for lang in LANGUAGES
    }
    with ThreadPoolExecutor(1) as pool:  # in this thread the browser has an event loop
        shown = pool.submit(executed, course, solved, print).result()
    for name, notebook in shown.items():
        html, _ = HTMLExporter(require_js_url="", mathjax_url="").from_notebook_node(notebook)
        file = tmp_path / f"{name}.html"
        file.write_text(html, encoding="utf-8")
        page = browser.new_page()
        page.goto(file.as_uri())
        assert findings(page, OF_NBCONVERT, ["link-in-text-block"]) == [], name
        page.close()
