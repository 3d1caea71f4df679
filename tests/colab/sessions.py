"""The sessions: each notebook opened on a fresh machine, run cell by cell, and handed in."""

import asyncio
import json
import math
import queue
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from grading.authoring import instructor_notebook
from grading.authoring.building import load_keys, read_lab
from grading.course.config import LANGUAGES, Course
from grading.judging.assess import first_error
from grading.publishing import bundle
from grading.session.keyfile import KeyFile
from tests.colab import additions
from tests.colab.machine import at_content, environment, fresh_session, has_content, versions
from tests.colab.style import as_colab_saves
from tests.example_class import filled, identity_cell, solutions, written_answers

FIRST_CELL_SECONDS = 20  # the most that the first cell may take with nothing installed yet
CELL_SECONDS = 600
SLICE_SECONDS = 5
STUDENT = ("al1001", "Ana Robledo Vidal")
SIGNS = {"✓": "passed", "✗": "failed", "·": "pending", "?": "unknown"}

Receive = Callable[..., Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Run:
    """What came of one notebook in one session.

    Attributes
    ----------
    lab, lang, kind : str
        ``kind`` is "stubs" or "answers".
    notebook : NotebookNode
        With its outputs.
    marks, of : float
        Of the checks that showed ✓, and of all.
    first_cell, seconds : float
        Wall time of the first cell and of the notebook.
    problems : list of str
    """

    lab: str
    lang: str
    kind: str
    notebook: NotebookNode
    marks: float
    of: float
    first_cell: float
    seconds: float
    problems: list[str]


def serve(course: Course, public: Path, remote: Path) -> dict[str, str]:
    """Publish the bundle into a local git remote.

    Returns
    -------
    dict
        Environment in which git fetches that remote for the course's address on GitHub.
    """
    bundle.publish(course, public)

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(public), *arguments], check=True)

    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    git("add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    git(*author, "commit", "--quiet", "--message", "The student bundle")
    git("tag", course.tag)
    git("push", "--quiet", "--tags", remote.as_uri(), "HEAD:refs/heads/main")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{remote.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{course.repository}.git",
    }


def sessions(course: Course, folder: Path, remote: dict[str, str]) -> Iterator[Run]:
    """Yield the run of every notebook, as released and with answers."""
    for info in course.labs:
        lab = read_lab(course, info.name)
        keys = load_keys(course, info.name)
        assert keys is not None  # or the bundle would not have been published
        for lang in LANGUAGES:
            path = folder / "public" / "notebooks" / lang / f"{info.name}.ipynb"
            stubs = nbformat.read(path, as_version=4)
            instructor = instructor_notebook(lab, lang, course)
            cells = solutions(instructor) | written_answers(instructor)
            answers = filled(stubs, cells | {"identity": identity_cell((STUDENT,))})
            theirs = additions.with_additions(answers, drive=has_content())
            for kind, notebook in (("stubs", stubs), ("answers", theirs)):
                yield one_session(folder, remote, kind, notebook, keys)


def one_session(
    folder: Path, remote: dict[str, str], kind: str, notebook: NotebookNode, keys: KeyFile
) -> Run:
    """Open a notebook on a machine as Colab starts it, with an empty folder, and run its cells."""
    lab, lang = notebook.metadata.dl.lab, notebook.metadata.dl.lang
    place = folder / f"{lab}-{lang}-{kind}"
    for name in ("content", "downloads"):
        (place / name).mkdir(parents=True)
    (place / "page.ipynb").write_text(json.dumps(as_colab_saves(notebook)))
    with fresh_session() as python:
        before = versions(python)
        started = time.monotonic()
        try:
            ran, first_cell = asyncio.run(execute(notebook, python, place, remote))
        except (CellTimeoutError, DeadKernelError) as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            return Run(
                lab, lang, kind, notebook, 0, keys.marks, 0, time.monotonic() - started, [line]
            )
        seconds = time.monotonic() - started
        after = versions(python)
    shown = verdicts(ran, keys)
    problems = problems_of(ran, shown, keys, "passed" if kind == "answers" else "pending")
    problems += additions.not_shown(ran)
    if after != before:
        problems.append(f"the session changed {before} to {after}")
    if first_cell > FIRST_CELL_SECONDS:
        problems.append(f"the first cell took {first_cell:.1f} s, more than {FIRST_CELL_SECONDS} s")
    problems += handing_in_problems(place, lab, expected=kind == "answers")
    marks = sum(check.marks for check in keys.checks if shown.get(check.label) == "passed")
    return Run(lab, lang, kind, ran, marks, keys.marks, first_cell, seconds, problems)


def handing_in_problems(place: Path, lab: str, *, expected: bool) -> list[str]:
    """Return what is wrong with the files that ``tick.hand_in()`` made: one or, of stubs, none.

    Where Drive can be mounted, it was when the notebook had answers, and keeps the file.
    """
    work = "content/drive/MyDrive/dl-work" if expected and has_content() else "content/dl-work"
    made = {path.name: path.read_bytes() for path in place.glob(f"{work}/{lab}/handed_in/*.ipynb")}
    came = {path.name: path.read_bytes() for path in place.glob("downloads/*")}
    problems = []
    if len(made) != expected:
        problems.append(f"tick.hand_in() made {len(made)} files in {work}")
    if came != made:
        problems.append(f"tick.hand_in() made {sorted(made)}, and {sorted(came)} came down")
    return problems


async def execute(
    notebook: NotebookNode, python: Path, place: Path, remote: dict[str, str]
) -> tuple[NotebookNode, float]:
    """Return a notebook executed at a place by another interpreter, and its first cell's time.

    Cells that fail do not stop it.
    """
    content, specs = place / "content", place / "kernels"
    kernel = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {
        "argv": [*at_content(content), *kernel],
        "display_name": "Colab",
        "language": "python",
    }
    (specs / "colab").mkdir(parents=True)
    (specs / "colab" / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="colab", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs)])
    )
    times: dict[int, float] = {}

    def begin(cell: NotebookNode, cell_index: int) -> None:
        times[cell_index] = time.monotonic()

    def end(cell: NotebookNode, cell_index: int, execute_reply: object) -> None:
        times[cell_index] = time.monotonic() - times[cell_index]

    def look_again_and_again(notebook: NotebookNode) -> None:
        client.kc.shell_channel.get_msg = in_slices(client.kc.shell_channel.get_msg)

    client = NotebookClient(
        nbformat.from_dict(notebook),
        km=manager,
        timeout=CELL_SECONDS,
        allow_errors=True,
        on_notebook_start=look_again_and_again,
        on_cell_execute=begin,
        on_cell_executed=end,
        resources={"metadata": {"path": str(content)}},
    )
    try:
        ran = await client.async_execute(
            env=environment(python, place) | remote,
            stderr=subprocess.DEVNULL,  # what the kernel says to its terminal, not to the notebook
        )
    finally:
        if client.kc is not None:
            client.kc.stop_channels()
        await manager.shutdown_kernel(now=True)
    return ran, times[additions.position_of_setup(ran)]


def in_slices(receive: Receive) -> Receive:
    """Return a function that waits for a message as `receive` does, but looks every few seconds.

    nbclient answers a widget on the socket on which it waits for a reply. To send can use up what
    tells an asynchronous socket that something came, which then lies there unseen for ever.
    """

    async def patient(timeout: float | None = None) -> dict[str, Any]:
        ends = time.monotonic() + (math.inf if timeout is None else timeout)
        while True:
            left = ends - time.monotonic()
            try:
                return await receive(timeout=max(min(left, SLICE_SECONDS), 0))
            except queue.Empty:
                if left <= SLICE_SECONDS:
                    raise

    return patient


def verdicts(notebook: NotebookNode, keys: KeyFile) -> dict[str, str]:
    """Return what the notebook shows of each check, by label."""
    lang = notebook.metadata.dl.lang
    lines = [
        line
        for cell in notebook.cells
        if cell.metadata.get("dl", {}).get("role") == "check"
        for output in cell.outputs
        for line in output.get("data", {}).get("text/plain", "").splitlines()
    ]
    return {
        check.label: verdict
        for check in keys.checks
        for sign, verdict in SIGNS.items()
        if any(line.startswith(f"{sign} {check.title.get(lang, check.label)}:") for line in lines)
    }


def problems_of(
    notebook: NotebookNode, shown: dict[str, str], keys: KeyFile, expected: str
) -> list[str]:
    """Return a line on the cells that failed, and one on each verdict that was not expected."""
    failed = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    first = first_error(notebook)
    problems = [f"{len(failed)} cells failed; {first.text('en')}"] if first else []
    other: dict[str, list[str]] = {}
    for check in keys.checks:
        other.setdefault(shown.get(check.label, "nothing"), []).append(check.label)
    other.pop(expected, None)
    return problems + [
        f"{len(labels)} checks show {verdict}, not {expected}; the first is {labels[0]!r}"
        for verdict, labels in other.items()
    ]
