"""Marking together: six people at once, kills while they save, and a class marked by keys alone.

``python -m benchmarks.bench_marking together kills`` measures these parts alone and prints them.
The class has 300 students, each with an answer of their own to each of lab 1's five questions, in
the notebook that lab 1's solution leaves, pictures included. Each of those who mark reads an answer
of seventy words for two seconds or so, which is faster than anybody does.
"""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2 as httpx
from playwright.sync_api import sync_playwright

from benchmarks.bench_serve import percentile
from benchmarks.line import Line
from benchmarks.serving import up
from benchmarks.written import LAB, MARKERS, Written
from tests.browsing import CHROMIUM
from tests.service.visiting import unseen

ROOT = Path(__file__).resolve().parent.parent
FAST = 0.15  # seconds
KILLS = 20
READS = 2.0  # seconds, give or take a half
PAUSE = 0.1  # after which one tries again what a killed service did not answer


def run() -> list[Line]:
    """Measure all parts."""
    return list(measured(PARTS))


def measured(parts: Iterable[str]) -> Iterator[Line]:
    """Measure these parts, each with the same class, of which nobody has marked anything."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as folder:  # /tmp may be memory
        site = Written(Path(folder, "course"))
        for name in parts:
            site.forget_marks()
            with up(site):
                yield from PARTS[name](site)


class Marker:
    """Somebody who marks, by the forms of the pages.

    Parameters
    ----------
    who : str
    browser : httpx.Client
        In which this person is signed in.

    Attributes
    ----------
    saved, shown : list of float
        Seconds: of each save, and from there until the next answer is shown.
    kept : dict
        By what the service said that it kept: the comment, and where it is of.
    """

    def __init__(self, who: str, browser: httpx.Client) -> None:
        self._who = who
        self._browser = browser
        self.saved: list[float] = []
        self.shown: list[float] = []
        self.kept: dict[str, tuple[str, str]] = {}

    def work(self, cells: Iterable[str], reads: float, ends: threading.Event) -> None:
        """Mark answers to these questions until none is left, or it ends; read each for a while."""
        draw = random.Random(self._who)
        for cell in cells:
            first = f"/marking/{LAB}/{cell}"
            page = self._ask("GET", first)
            while page.url.path.startswith(f"{first}/") and not ends.is_set():
                comment = f"{self._who} gave this, number {len(self.saved)}."
                time.sleep(draw.uniform(reads / 2, reads * 1.5))
                began = time.perf_counter()
                answer = self._ask("POST", page.url.path, data=_form(page.text, comment))
                done = time.perf_counter()
                if answer.status_code == HTTPStatus.SEE_OTHER:
                    self.kept[comment] = cell, page.url.path.removeprefix(f"{first}/")
                page = self._ask("GET", answer.headers.get("location", first))
                self.saved.append(done - began)
                self.shown.append(time.perf_counter() - done)

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask until there is an answer; of a save one that is not followed."""
        while True:
            try:
                found = self._browser.request(method, path, follow_redirects=method == "GET", **how)
            except httpx.TransportError:
                time.sleep(PAUSE)
                continue
            # A conflict: somebody was first, or it was kept as the service was killed.
            if found.status_code != HTTPStatus.CONFLICT and found.is_error:
                found.raise_for_status()
            return found


def _form(html: str, comment: str) -> dict[str, str]:
    """Return what the form of an answer's page sends, with a comment and the first item."""
    return unseen(html) | {"adjustment": "0", "comment": comment, "item-1": "on"}


@contextmanager
def _markers(site: Written) -> Iterator[list[Marker]]:
    with ExitStack() as stack:
        browsers = {who: stack.enter_context(site.signed_in(who)) for who in MARKERS}
        for browser in browsers.values():
            browser.get(f"/marking/{LAB}").raise_for_status()  # the first copies the rubrics
        yield [Marker(who, browser) for who, browser in browsers.items()]


def together(site: Written) -> list[Line]:
    """Have six people mark all that the class wrote."""
    with _markers(site) as people, ThreadPoolExecutor(len(people)) as pool:
        for done in [pool.submit(one.work, site.cells, READS, threading.Event()) for one in people]:
            done.result()
    count = len(site.cells) * len(site.students)
    is_whole = sum(len(one.kept) for one in people) == count
    shown = percentile([seconds for one in people for seconds in one.shown])
    saved = percentile([seconds for one in people for seconds in one.saved])
    what = f"of {count:,}, while {len(people)} mark one each {READS:g} s, 95th percentile"
    return [
        Line(
            what=f"the next answer shown, {what}",
            value=1000 * shown,
            unit="ms",
            target=f"<= {1000 * FAST:.0f} ms",
            met=is_whole and shown <= FAST,
        ),
        Line(
            what=f"an answer saved, {what}",
            value=1000 * saved,
            unit="ms",
            target=f"<= {1000 * FAST:.0f} ms",
            met=is_whole and saved <= FAST,
        ),
    ]


def kills(site: Written) -> list[Line]:
    """Kill the service while six people save; what it said it kept stands, once."""
    draw, ends = random.Random(0), threading.Event()
    with _markers(site) as people, ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(one.work, site.cells, 0.0, ends) for one in people]
        for _ in range(KILLS):
            wanted = _kept(people) + draw.randint(1, len(people))
            while _kept(people) < wanted and not any(one.done() for one in working):
                time.sleep(PAUSE)
            time.sleep(draw.uniform(0.0, PAUSE))  # somewhere in the saves that follow
            site.kill_web()
        ends.set()
        for done in working:
            done.result()
    kept = {comment: place for one in people for comment, place in one.kept.items()}
    times, stands = Counter(site.history()), site.stands()
    right = sum(
        times[comment] == 1 and place in stands and stands[place].comment == comment
        for comment, place in kept.items()
    )
    return [
        Line(
            what=f"saves that stand, once, after {KILLS} kills while {len(people)} people saved",
            value=right,
            unit="saves",
            baseline_name="said to be kept",
            baseline=len(kept),
            target="all; none twice",
            met=right == len(kept) > KILLS and max(times.values()) == 1,
        )
    ]


def _kept(people: Iterable[Marker]) -> int:
    return sum(len(one.kept) for one in people)


def keys(site: Written) -> list[Line]:
    """Mark all that the class wrote in a browser, with keys alone."""
    if CHROMIUM is None:
        return [Line.skipped("keys", "no browser: apt install chromium")]
    count, pressed = len(site.cells) * len(site.students), 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium
        with chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
            page = browser.new_page()
            page.goto(site.link(MARKERS[0]))
            page.goto(f"{site.address}/marking/{LAB}")
            for cell in site.cells:
                page.goto(f"{site.address}/marking/{LAB}/{cell}")
                while page.locator("#marking").count():
                    page.keyboard.press(str(1 + pressed % 2))
                    with page.expect_navigation():
                        page.keyboard.press("Enter")
                    pressed += 1
    marked = len(site.stands())
    return [
        Line(
            what="answers marked in a browser, a digit and Enter each",
            value=marked,
            unit="answers",
            baseline_name="waiting",
            baseline=count,
            target="all",
            met=marked == pressed == count,
        )
    ]


PARTS: dict[str, Callable[[Written], list[Line]]] = {
    "together": together,
    "kills": kills,
    "keys": keys,
}

if __name__ == "__main__":
    for line in measured(sys.argv[1:] or PARTS):
        print(line.text(), flush=True)
