"""Notebooks of the labs as they look after a session in the quick profile, for pages and pictures.

An executed notebook is kept under ``build/executed``, by a digest of the notebook and of the code
that it imports: who builds the site again waits only for the labs that changed.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from grading.authoring import render
from grading.course.config import Course
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.files import write_atomically
from grading.judging.assess import first_error
from grading.places import KEYS, KIT
from grading.publishing.bundle import kit_files

KEPT = KIT / "build" / "executed"


def execute(course: Course, notebook: NotebookNode) -> NotebookNode:
    """Return a notebook of our own as it looks after a student's session in the quick profile."""

    async def work() -> NotebookNode:
        limits = replace(course.limits, memory_mb=16_384)
        async with Engine(limits, sandbox=False) as engine:
            execution = await engine.execute(notebook, env={"LAB_PROFILE": "quick"})
            return execution.notebook

    return asyncio.run(work())


def executed(
    course: Course,
    notebooks: dict[str, NotebookNode],
    say: Callable[[str], None],
    kept: Path = KEPT,
) -> dict[str, NotebookNode]:
    """Return notebooks, by name, as `execute` leaves them; those that were kept are not run again.

    Parameters
    ----------
    course : Course
    notebooks : dict
        The instructor's, by a name that can be a file's.
    say : callable
        Told, in a line, which notebook is run.
    kept : Path
        The folder of those that were run before.

    Raises
    ------
    UserError
        If a cell of one fails.
    """
    code = _digest(path.read_bytes() for path in (*kit_files(), *sorted(KEYS.glob("*.json"))))
    found = {}
    for number, (name, notebook) in enumerate(notebooks.items(), start=1):
        file = kept / f"{name}.{_digest([code, render(notebook).encode()]).hex()[:16]}.ipynb"
        if not file.exists():
            say(f"[{number}/{len(notebooks)}] running {name} (quick) …")
            done = execute(course, notebook)
            if error := first_error(done):
                raise UserError(f"{name}: the solution did not run through: {error.text('en')}")
            for old in kept.glob(f"{name}.*.ipynb"):
                old.unlink()
            write_atomically(file, render(done).encode())
        found[name] = nbformat.read(file, as_version=4)
    return found


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()
