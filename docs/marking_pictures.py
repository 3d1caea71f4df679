"""The pictures of marking together: a few answers to a question of lab 1, as they are marked."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.serving import up
from benchmarks.written import LAB, MARKERS, Written
from tests.browsing import CHROMIUM

CURVE = "read_the_curve"
CLASS = (
    "The small rate falls smoothly and hardly moves, the large one jumps and learns nothing. Mine "
    "is a large one: saw teeth in nearly every step, which I would not see if I noted one cost in "
    "a hundred. It has not finished, as the cost still falls. It does not say how the network does "
    "on new images.",
    "0.001 is too slow and 0.5 jumps. With 0.1 it learns, so the rate is right. It has finished: "
    "the curve is flat at the end.",
    "Too small: a straight line that barely falls. Too large: it goes up and down. Mine has saw "
    "teeth and is nearly too large; noted every 100 iterations it would look smooth.",
    "I would take 0.05, because it falls in all of the 300 iterations.",
    "It falls, so it learns. After 1000 iterations the cost is 0.13, and it would go on falling. "
    "That is on training data, so it may be overfitting and the curve does not show it.",
    "The one with 0.5 is the best because it moves most.",
)
MARKED = ((0, "1234", ""), (2, "12", "And does it say anything about new images?"))
CHANGED = {"points-2": "0.5"}  # of the second item of the rubric


@contextmanager
def desk() -> Iterator[tuple[Written, Page]]:
    """Serve such a class, and sign somebody in who marks."""
    with tempfile.TemporaryDirectory() as folder:
        site = Written(Path(folder, "course"), len(CLASS), {CURVE: CLASS})
        with (
            up(site),
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
        ):
            page = browser.new_page(extra_http_headers={"Accept-Language": "en"})
            page.goto(site.link(MARKERS[0]))
            page.goto(f"{site.address}/marking/{LAB}")
            yield site, page


def pictures() -> dict[str, bytes]:
    """Return them as PNG: an answer, and what a changed rubric would change."""
    found = {}
    with desk() as (site, page):
        place = f"{site.address}/marking/{LAB}/{CURVE}"
        for number, keys, comment in MARKED:
            page.goto(f"{place}/{site.key(CURVE, site.students[number])}")
            for key in keys:
                page.keyboard.press(key)
            page.fill("#comment", comment)
            with page.expect_navigation():
                page.click("button.main")
        page.set_viewport_size({"width": 1200, "height": 900})
        page.goto(f"{place}/{site.key(CURVE, site.students[4])}")
        page.keyboard.press("3")
        page.keyboard.press("4")
        found["marking"] = page.screenshot()
        page.set_viewport_size({"width": 900, "height": 500})
        page.goto(f"{place}/rubric")
        for name, value in CHANGED.items():
            page.fill(f"[name={name}]", value)
        page.click("button.main")
        page.locator("table").scroll_into_view_if_needed()
        found["marking_rubric"] = page.screenshot()
    return found
