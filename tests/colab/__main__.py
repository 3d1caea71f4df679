"""``make test-colab``: every student notebook, from its first cell, in a session like Colab's.

A virtual environment has what Colab preinstalls and no more. The student bundle is published and
pushed to a local git remote, to which the address in the notebooks leads. Each notebook is opened
in an empty folder, as released and with the answers of its source, each time with nothing
installed yet. One of them is then saved as Colab saves it, and graded beside its clean twin.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from grading.authoring import instructor_notebook
from grading.authoring.building import load_keys, read_lab
from grading.cells.reading import without_outputs
from grading.course.config import LANGUAGES, Course, load_course
from grading.engine.walls import outer
from grading.errors import UserError
from grading.judging.assess import first_error
from grading.publishing import bundle
from grading.session.keyfile import KeyFile
from tests.colab.style import as_colab_saves
from tests.example_class import filled, identity_cell, solutions, written_answers

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-colab"
WHEELS = ENVIRONMENT / "wheels"
REQUIREMENTS = ROOT / "grading" / "session_requirements.txt"
PINNED = ("torch", "numpy")
FIRST_CELL_SECONDS = 20  # the most that the first cell may take with nothing installed yet
CELL_SECONDS = 600
STUDENT, TWIN = ("al1001", "Ana Robledo Vidal"), ("al1002", "Bruno Castaño Gil")
SIGNS = {"✓": "passed", "✗": "failed", "·": "pending", "?": "unknown"}


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


def main() -> int:
    """Run the notebooks of the labs named on the command line, or of all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.colab", description=__doc__)
    parser.add_argument("labs", nargs="*", metavar="LAB", help="all labs by default")
    course = load_course(ROOT)
    names = parser.parse_args().labs or [lab.name for lab in course.labs]
    course = replace(course, labs=tuple(course.lab(name) for name in names))
    set_up()
    with tempfile.TemporaryDirectory(prefix="colab-") as folder:
        remote = serve(course, Path(folder) / "public", Path(folder) / "remote.git")
        runs = []
        for run in sessions(course, Path(folder), remote):
            said = "; ".join(run.problems) or f"{run.marks:g} marks"
            say(f"{run.lab} {run.lang} {run.kind}: {said} in {run.seconds:.0f} s")
            runs.append(run)
        problems = [f"{r.lab} {r.lang} {r.kind}: {line}" for r in runs for line in r.problems]
        problems += graded_alike(course, runs, Path(folder) / "course")
    Console(width=100).print(table(runs))
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


def say(line: str) -> None:
    print(line, flush=True)


# --- the machine -------------------------------------------------------------------------------


def set_up() -> None:
    """Make what the sessions start from, once: Colab's packages, and wheels of those it lacks.

    Sessions install from these wheels, as near to them as an index is to Colab.
    """
    base, done = ENVIRONMENT / "base", ENVIRONMENT / "made_for.txt"
    made_for = "\n".join(bundle.PREINSTALLED) + "\n\n" + REQUIREMENTS.read_text()
    if done.exists() and done.read_text() == made_for:
        return
    say(f"Setting up {ENVIRONMENT.name}: a few minutes the first time.")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", base], check=True)
    options = ["--quiet", "--disable-pip-version-check", "--constraint", ROOT / "constraints.txt"]
    pip = [base / "bin" / "python", "-m", "pip"]
    subprocess.run([*pip, "install", *options, *bundle.PREINSTALLED], check=True)
    wheels = ["--requirement", REQUIREMENTS, "--wheel-dir", WHEELS]
    subprocess.run([*pip, "wheel", *options, *wheels], check=True)
    done.write_text(made_for)


@contextmanager
def fresh_session() -> Iterator[Path]:
    """Lend the interpreter of a copy of the environment, for one session to install into.

    Its files are links to the originals: pip replaces files, it never writes into them.
    """
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT, prefix="session-") as folder:
        copy = Path(folder) / "venv"
        shutil.copytree(ENVIRONMENT / "base", copy, symlinks=True, copy_function=os.link)
        yield copy / "bin" / "python"


def versions(python: Path) -> dict[str, str]:
    """Return the versions of torch and numpy that an environment has."""
    code = f"from importlib.metadata import version as v; print(*map(v, {PINNED}))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return dict(zip(PINNED, done.stdout.split(), strict=True))


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


# --- the notebooks -----------------------------------------------------------------------------


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
            for kind, notebook in (("stubs", stubs), ("answers", answers)):
                yield one_session(folder, remote, kind, notebook, keys)


def one_session(
    folder: Path, remote: dict[str, str], kind: str, notebook: NotebookNode, keys: KeyFile
) -> Run:
    """Open a notebook in an empty folder of a machine as Colab starts it, and run its cells."""
    lab, lang = notebook.metadata.dl.lab, notebook.metadata.dl.lang
    content = folder / f"{lab}-{lang}-{kind}"
    content.mkdir()
    nbformat.write(notebook, content / f"{lab}.ipynb")
    with fresh_session() as python:
        before = versions(python)
        started = time.monotonic()
        try:
            ran, first_cell = asyncio.run(execute(notebook, python, content, remote))
        except (CellTimeoutError, DeadKernelError) as error:
            line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            return Run(
                lab, lang, kind, notebook, 0, keys.marks, 0, time.monotonic() - started, [line]
            )
        seconds = time.monotonic() - started
        after = versions(python)
    shown = verdicts(ran, keys)
    problems = problems_of(ran, shown, keys, "passed" if kind == "answers" else "pending")
    if after != before:
        problems.append(f"the session changed {before} to {after}")
    if first_cell > FIRST_CELL_SECONDS:
        problems.append(f"the first cell took {first_cell:.1f} s, more than {FIRST_CELL_SECONDS} s")
    handed_in = len(list(content.glob(f"dl-work/{lab}/handed_in/*.ipynb")))
    if handed_in != (kind == "answers"):
        problems.append(f"tick.hand_in() made {handed_in} files")
    marks = sum(check.marks for check in keys.checks if shown.get(check.label) == "passed")
    return Run(lab, lang, kind, ran, marks, keys.marks, first_cell, seconds, problems)


async def execute(
    notebook: NotebookNode, python: Path, folder: Path, remote: dict[str, str]
) -> tuple[NotebookNode, float]:
    """Return a notebook executed in ``folder`` by another interpreter, and its first cell's time.

    Cells that fail do not stop it.
    """
    specs = folder.parent / "kernels"
    spec = {
        "argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
    }
    (specs / "colab").mkdir(parents=True, exist_ok=True)
    (specs / "colab" / "kernel.json").write_text(json.dumps(spec))
    manager = AsyncKernelManager(
        kernel_name="colab", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs)])
    )
    times: dict[int, float] = {}

    def begin(cell: NotebookNode, cell_index: int) -> None:
        times[cell_index] = time.monotonic()

    def end(cell: NotebookNode, cell_index: int, execute_reply: object) -> None:
        times[cell_index] = time.monotonic() - times[cell_index]

    client = NotebookClient(
        nbformat.from_dict(notebook),
        km=manager,
        timeout=CELL_SECONDS,
        allow_errors=True,
        on_cell_execute=begin,
        on_cell_executed=end,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        ran = await client.async_execute(
            env=environment(python) | remote,
            stderr=subprocess.DEVNULL,  # what the kernel says to its terminal, not to the notebook
        )
    finally:
        await manager.shutdown_kernel(now=True)
    setup = next(i for i, cell in enumerate(ran.cells) if cell.cell_type == "code")
    return ran, times[setup]


def environment(python: Path) -> dict[str, str]:
    """Return the environment of a session: this process's without its own Python and settings."""
    own = ("DL_", "LAB_", "PYTHON", "VIRTUAL_ENV", "JPY_", "JUPYTER", "GIT_", "PIP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(WHEELS),
        "COLAB_RELEASE_TAG": "release-test",
        "LAB_PROFILE": "quick",
    }


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


# --- as Colab saves it -------------------------------------------------------------------------


def graded_alike(course: Course, runs: list[Run], home: Path) -> list[str]:
    """Grade one answered notebook as Colab saves it, and its clean twin; return what differs."""
    answered = [
        run
        for run in runs
        if run.kind == "answers" and run.lang == course.language and not run.problems
    ]
    if not answered:
        return ["no answered notebook is right, so none was graded as Colab saves it"]
    run = min(answered, key=lambda run: run.seconds)
    say(f"{run.lab} {run.lang}: grading it as Colab saves it, and its clean twin …")
    (home / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "notebooks" / "source", home / "notebooks" / "source")
    shutil.copy(ROOT / "course.toml", home)
    rows = (f"{student},{name},,\n" for student, name in (STUDENT, TWIN))
    (home / course.roster.name).write_text("student_id,name,email,group\n" + "".join(rows))
    twin = without_outputs(filled(run.notebook, {"identity": identity_cell((TWIN,))}))
    for (student, _), content in (
        (STUDENT, json.dumps(as_colab_saves(run.notebook))),
        (TWIN, nbformat.writes(twin)),
    ):
        path = home / "handed_in" / student / f"{run.lab}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    unprotected = ["--no-sandbox"] if outer.host().obstacle else []
    for step in (
        ["release", run.lab],
        ["collect", run.lab, "handed_in"],
        ["grade", run.lab, "--json", "marks.json", *unprotected],
    ):
        command = [sys.executable, "-m", "grading", *step]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True)
        if done.returncode:
            return [f"python -m grading {' '.join(step)}: {line}" for line in _last(done)]
    graded = json.loads((home / "marks.json").read_text())["submissions"]
    saved, clean = sorted(graded, key=lambda result: result["student"])
    return [
        f"{run.lab}: {key} is {saved[key]} as Colab saves it, {clean[key]} of its clean twin"
        for key in ("status", "score", "max_score", "flags", "checks")
        if saved[key] != clean[key]
    ]


def _last(done: subprocess.CompletedProcess[str]) -> list[str]:
    return (done.stderr or done.stdout).strip().splitlines()[-1:]


def table(runs: list[Run]) -> Table:
    """Return the runs as a table, one line a session."""
    shown = Table(box=None)
    for title in ("lab", "language", "notebook", "marks", "of", "first cell", "all", ""):
        shown.add_column(title, justify="right" if title in ("marks", "of") else "left")
    for run in runs:
        verdict = "failed" if run.problems else "as expected"
        times = f"{run.first_cell:.1f} s", f"{run.seconds:.1f} s"
        row = run.lab, run.lang, run.kind, f"{run.marks:g}", f"{run.of:g}", *times, verdict
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
