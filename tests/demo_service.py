"""``make demo-service``: three students hand in from their notebooks and read the marks there.

Everything is written under ``demo-service/``: the course, the notebooks as they ran, and pictures
of the pages. The service is the command that an instructor would type; each notebook runs in a
kernel of its own, as in Jupyter, and is signed in by its student in a browser. In between a worker
is killed.
"""

import asyncio
import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import nbformat
import psutil
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from playwright.sync_api import Page, Route, sync_playwright

from grading.authoring import instructor_notebook, student_notebook
from grading.authoring.building import read_lab, student_files
from grading.cells.metadata import grade_id
from grading.collect.submitted import Place
from grading.course.config import Course, load_course
from grading.messages import message
from grading.places import KIT
from grading.service import queue
from grading.service.database import Database
from grading.service.queue import HandIn
from grading.service.supervisor import listening
from tests.browsing import CHROMIUM
from tests.demo import ROOT, fresh_course
from tests.example_class import filled, identity_cell, solutions, written_answers

INSTRUCTOR = "instructor"
LOOK_SECONDS = 0.1
WAIT_SECONDS = 120.0
GRADED_AT_ONCE = 2  # by `grade`: one runs the solution alone, which is one core's work
WIDTHS = (1200, 400)
LANGS = ("es", "en")


@dataclass(frozen=True)
class Member:
    """A student, the lab that is handed in, and how many of its last exercises are not done."""

    id: str
    name: str
    lab: str
    lang: str
    undone: int = 0


CLASS = (
    Member("al3001", "Ana Robledo Vidal", "lab0_foundations", "es"),
    Member("al3002", "Bruno Castaño Gil", "lab1_mlp", "es", undone=4),
    Member("al3003", "Chloe Martin", "lab2_rnn_lstm", "en", undone=1),
)


@dataclass(frozen=True)
class Handed:
    """What came of a hand-in: the marks in the notebook, on the page, and what they are of."""

    member: Member
    handin: HandIn
    in_notebook: float
    on_page: float


def main() -> int:
    """Play it, and return 1 if marks differ."""
    started = time.monotonic()
    home = ROOT / "demo-service"
    course = prepare(home)
    handed = play(course, CLASS)
    same = compare(course, handed)
    print(f"\nDone in {time.monotonic() - started:.0f} s. Look into {home.relative_to(ROOT)}/")
    return 0 if same else 1


def prepare(home: Path) -> Course:
    """Make a fresh course's folder with the labs of the class."""
    labs = {member.lab for member in CLASS}

    def settings(text: str) -> str:
        head, *blocks, limits = re.split(r"(?m)^(?=\[\[labs\]\]|\[limits\])", text)
        kept = [one for one in blocks if any(f'name = "{lab}"' in one for lab in labs)]
        return "".join([head, *kept, limits])

    return fresh_course(home, settings)


def play(course: Course, members: Sequence[Member]) -> list[Handed]:
    """Serve the course, hand in, kill a worker; look at the pages while `grade` grades again."""
    root = course.root
    lines = ["student_id,name", *(f"{member.id},{member.name}" for member in members)]
    course.roster.write_text("\n".join(lines) + "\n", encoding="utf-8")
    labs = list(dict.fromkeys(member.lab for member in members))
    for lab in labs:
        for path, text in student_files(course, read_lab(course, lab)).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        _run(root, "release", lab)
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (root / "course.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[service]\naddress = "{address}"\n')
    course = load_course(root)
    _run(root, "service", "links", "--to", "links.csv")
    with (root / "links.csv").open(encoding="utf-8-sig", newline="") as stream:
        links = {row["id"]: row["link"] for row in csv.DictReader(stream)}
    with _serving(root, port) as service:
        started = time.monotonic()
        notebooks = asyncio.run(_hand_all_in(course, members, links, address, service))
        print(f"All marks are in the notebooks after {time.monotonic() - started:.0f} s.")
        handed = [_handed(course, one, notebooks[one.id], links[one.id]) for one in members]
        _publish(links[INSTRUCTOR], handed)
        with ThreadPoolExecutor(GRADED_AT_ONCE) as pool:
            grading = [pool.submit(_run, root, *_grade(lab)) for lab in labs]
            _take_pictures(root / "pictures", links, handed, notebooks)
            for one in grading:
                one.result()
    return handed


def _grade(lab: str) -> tuple[str, ...]:
    """Return the command that grades a lab's files once more, without the service."""
    return "grade", lab, "--json", f"{lab}.json"


def compare(course: Course, handed: Sequence[Handed]) -> bool:
    """Print the marks of the service and of `grade` side by side; return whether they agree."""
    graded = {}
    for lab in dict.fromkeys(one.member.lab for one in handed):
        found = json.loads((course.root / f"{lab}.json").read_text(encoding="utf-8"))
        graded |= {(one["student"], lab): one["score"] for one in found["submissions"]}
    print(f"\n{'student':<9}{'lab':<20}{'notebook':>9}{'page':>7}{'grade':>7}  of")
    same = True
    for one in handed:
        lab, marks = one.member.lab, graded[one.member.id, one.member.lab]
        of_file = Place(course.home, one.member.id, lab).content()
        assert of_file is not None and one.handin.result is not None
        same &= one.in_notebook == one.on_page == marks == one.handin.result.score
        most = one.handin.result.max_score
        found = f"{one.in_notebook:>9g}{one.on_page:>7g}{marks:>7g}"
        print(f"{one.member.id:<9}{lab:<20}{found}  {most:g}")
    print("The marks are the same." if same else "THE MARKS DIFFER.")
    return same


def _run(root: Path, *words: str) -> None:
    print(f"$ python -m grading {' '.join(words)}\n", end="", flush=True)  # two may at once
    done = subprocess.run(
        [sys.executable, "-m", "grading", *words],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(KIT)},
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):
        sys.exit(done.stderr or done.stdout)


@contextmanager
def _serving(root: Path, port: int) -> Iterator[psutil.Process]:
    """Serve a course while the block lasts, from when it answers on."""
    words = [sys.executable, "-m", "grading", "serve", "--port", str(port)]
    print(f"$ python -m grading serve --port {port}", flush=True)
    env = os.environ | {"PYTHONPATH": str(KIT)}
    with (
        (root / "service.log").open("wb") as log,
        subprocess.Popen(words, cwd=root, env=env, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(port, process)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a process listens at a port, on a busy machine, too."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(LOOK_SECONDS)
    sys.exit("the service does not answer; service.log says why")


# --- in the notebooks -----------------------------------------------------------------------------


async def _hand_all_in(
    course: Course,
    members: Sequence[Member],
    links: dict[str, str],
    address: str,
    service: psutil.Process,
) -> dict[str, NotebookNode]:
    """Run everybody's notebook at once, and kill the worker when it grades; return them as run."""
    database = Database(course.db_url)
    killing = asyncio.create_task(_kill_a_worker(database, service))
    running = [_hand_in(course, member, links[member.id], address) for member in members]
    notebooks = await asyncio.gather(*running)
    await killing
    database.close()
    return {member.id: one for member, one in zip(members, notebooks, strict=True)}


async def _hand_in(course: Course, member: Member, link: str, address: str) -> NotebookNode:
    """Run a student's notebook from its first cell to its last, which hands it in."""
    folder = course.root / "students" / member.id
    folder.mkdir(parents=True)
    path = folder / f"{member.lab}.ipynb"
    notebook = done_by(course, member)
    nbformat.write(notebook, path)
    env = os.environ | {
        "PYTHONPATH": str(KIT),
        "JPY_SESSION_NAME": str(path),  # as Jupyter says where a notebook lies
        "DL_SERVICE": address,
        "DL_WORK": str(folder / "dl-work"),
        "LAB_PROFILE": "quick",
    }
    client = NotebookClient(
        notebook,
        timeout=None,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    running = asyncio.create_task(client.async_execute(env=env, stderr=subprocess.DEVNULL))
    (last,) = [cell for cell in notebook.cells if grade_id(cell) == "hand_in"]
    try:
        code = await _shown(last, r"/device\?code=([A-Z]{4}-[A-Z]{4})", running)
        await asyncio.to_thread(_confirm, link, code)
        print(f"  {member.id} signed the notebook of {member.lab} in ({code})", flush=True)
        await running
    finally:
        running.cancel()
    nbformat.write(notebook, path.with_suffix(".executed.ipynb"))
    return notebook


def done_by(course: Course, member: Member) -> NotebookNode:
    """Return a student's notebook: signed, every question answered, the last exercises left."""
    lab = read_lab(course, member.lab)
    instructor = instructor_notebook(lab, member.lang, course)
    code = solutions(instructor)
    done = dict(list(code.items())[: len(code) - member.undone])
    identity = {"identity": identity_cell(((member.id, member.name),))}
    blank = student_notebook(lab, member.lang, course)
    return filled(blank, identity | done | written_answers(instructor))


async def _shown(cell: NotebookNode, wanted: str, running: "asyncio.Task[Any]") -> str:
    """Wait until a cell that runs shows something, and return it."""
    while not running.done():
        if found := re.search(wanted, _text(cell)):
            return found[1]
        await asyncio.sleep(LOOK_SECONDS)
    await running
    sys.exit(f"the notebook ended without {wanted}:\n{_text(cell)}")


def _text(cell: NotebookNode) -> str:
    return "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.get("outputs", [])
    )


def _confirm(link: str, code: str) -> None:
    """Say in a browser that the notebook which shows this code is one's own."""
    with signed_in(link) as browser:
        _post(browser, "/device", {"code": code, "decision": "allow"})


def _post(browser: httpx.Client, path: str, form: dict[str, str]) -> None:
    """Send a form as a page of the reader's has it."""
    page = browser.get("/").text
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    browser.post(path, data=form | {"csrf": found[1]}).raise_for_status()


def _publish(link: str, handed: Sequence[Handed]) -> None:
    """Publish the marks of what was handed in, as the instructor."""
    with signed_in(link) as browser:
        for lab in {one.member.lab for one in handed}:
            _post(browser, f"/course/{lab}/publish", {"shown": "yes"})


@contextmanager
def signed_in(link: str, lang: str = "en") -> Iterator[httpx.Client]:
    """Open a browser in which somebody is signed in."""
    about = {"Accept-Language": lang}
    base = link.partition("/in/")[0]
    with httpx.Client(base_url=base, follow_redirects=True, headers=about) as browser:
        browser.get(link).raise_for_status()
        yield browser


async def _kill_a_worker(database: Database, service: psutil.Process) -> None:
    """Kill the worker with SIGKILL as soon as it grades something."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        with database.reading() as session:
            graded = queue.in_state(session, queue.GRADING)
        if graded:
            (worker,) = service.children()
            worker.kill()
            print(f"  killed the worker, which graded {graded[0].lab}; another one starts")
            return
        await asyncio.sleep(LOOK_SECONDS)
    sys.exit("nothing was graded")


def _handed(course: Course, member: Member, notebook: NotebookNode, link: str) -> Handed:
    database = Database(course.db_url)
    with database.reading() as session:
        (handin,) = queue.of_student(session, member.id, member.lab)
    database.close()
    (last,) = [cell for cell in notebook.cells if grade_id(cell) == "hand_in"]
    total = re.escape(message("upload.total", member.lang))
    in_notebook = re.findall(rf"(?m)^\W*{total}\D+([\d.]+)", _text(last))
    with signed_in(link) as browser:
        page = browser.get(f"/attempts/{handin.id}").text
    on_page = re.search(r"Marks: ([\d.]+) of", page)
    assert in_notebook and on_page, _text(last)
    return Handed(member, handin, float(in_notebook[-1]), float(on_page[1]))


# --- what is seen ---------------------------------------------------------------------------------


def _take_pictures(
    folder: Path, links: dict[str, str], handed: Sequence[Handed], notebooks: dict[str, Any]
) -> None:
    """Take pictures of the pages, in both languages, wide and narrow."""
    if CHROMIUM is None:
        print("No pictures: there is no chromium.")
        return
    shutil.rmtree(folder, ignore_errors=True)
    one = handed[min(1, len(handed) - 1)]
    student, lab = one.member.id, one.member.lab
    seen = {
        student: {
            "start": "/",
            "attempt": f"/attempts/{one.handin.id}",
            "page": f"/attempts/{one.handin.id}/page",
            "marks": "/marks",
        },
        INSTRUCTOR: {
            "course": "/course",
            "lab": f"/course/{lab}",
            "report": f"/course/{lab}/report",
            "regrade": f"/course/{lab}/regrade",
            "audit": "/audit",
            "student": f"/students/{student}",
        },
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for lang in LANGS:
            for width in WIDTHS:
                for who, pages in seen.items():
                    with browser.new_context(
                        viewport={"width": width, "height": 900}, locale=lang
                    ) as context:
                        page = context.new_page()
                        page.goto(links[who])
                        base = links[who].partition("/in/")[0]
                        for name, path in pages.items():
                            page.goto(f"{base}{path}")
                            _picture(page, folder / f"{name}-{lang}-{width}.png")
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.route("http*://**", Route.abort)
            page.set_content(as_html(notebooks[student]), wait_until="domcontentloaded")
            _picture(page, folder / f"notebook-{one.member.lang}-{width}.png")
        browser.close()
    print(f"Pictures of the pages: {folder.name}/")


def _picture(page: Page, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True)


def as_html(notebook: NotebookNode) -> str:
    """Return the last cells of a notebook, as Jupyter shows them."""
    last = nbformat.v4.new_notebook(cells=notebook.cells[-2:], metadata=notebook.metadata)
    html, _ = HTMLExporter(require_js_url="", mathjax_url="").from_notebook_node(last)
    return str(html)


if __name__ == "__main__":
    sys.exit(main())
