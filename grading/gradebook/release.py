"""Release a lab and write its feedback, through nbgrader's own commands."""

import contextlib
import io
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course
from grading.errors import UserError
from grading.files import write_atomically
from grading.gradebook.marks import Marks
from grading.gradebook.nbgrader_plugin import CONFIG_FILE, nbgrader_api


def release(course: Course, lab: str, db_url: str) -> Path:
    """Write the solution for nbgrader, generate the release and return its path.

    ``course/`` gets an ``nbgrader_config.py``, so that ``nbgrader`` and Formgrader work in it.
    """
    home = course.home
    notebook = instructor_notebook(read_lab(course, lab), course.language, course)
    source = home / "source" / lab / f"{lab}.ipynb"
    write_atomically(source, nbformat.writes(notebook).encode())
    with Marks(db_url):
        pass  # a new gradebook is made here, where its tools are found
    config = CONFIG_FILE.format(url=db_url)
    write_atomically(home / "nbgrader_config.py", config.encode())
    with _kept_on_failure(home / "release" / lab):
        _succeed(
            f"nbgrader could not release {lab}",
            nbgrader_api(home, db_url).generate_assignment,
            lab,
            force=True,
        )
    return home / "release" / lab / f"{lab}.ipynb"


@contextlib.contextmanager
def _kept_on_failure(folder: Path) -> Iterator[None]:
    """Put a folder back as it was if the block raises; nbgrader removes the old release first."""
    with tempfile.TemporaryDirectory(dir=folder.parent.parent) as safe:
        if folder.exists():
            shutil.copytree(folder, Path(safe, "kept"))
        try:
            yield
        except BaseException:
            if Path(safe, "kept").exists():
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(Path(safe, "kept"), folder)
            raise


def write_feedback(course: Course, lab: str, db_url: str) -> list[Path]:
    """Write an HTML page for every graded submission and return the pages' paths."""
    home = course.home
    graded = sorted((home / "autograded").glob(f"*/{lab}/{lab}.ipynb"))
    if not graded:
        raise UserError(f"nothing of {lab} is graded yet; run `python -m grading grade {lab}`")
    for path in graded:
        # nbgrader copies the submission's own files beside the page; there are none to copy.
        shutil.rmtree(home / "feedback" / path.parts[-3] / lab, ignore_errors=True)
    _succeed(
        f"nbgrader could not write the feedback of {lab}",
        nbgrader_api(home, db_url).generate_feedback,
        lab,
        force=True,
    )
    return sorted((home / "feedback").glob(f"*/{lab}/{lab}.html"))


def _succeed(what: str, command: Any, *arguments: Any, **options: Any) -> None:
    """Run one of nbgrader's commands quietly; on failure give its last line of log."""
    with contextlib.redirect_stderr(io.StringIO()):
        outcome = command(*arguments, **options)
    logging.getLogger("traitlets").handlers.clear()  # nbgrader leaves its handler behind
    if not outcome["success"]:
        log = [line.strip() for line in outcome.get("log", "").splitlines() if line.strip()]
        causes = [line for line in log if re.match(r"[\w.]+(Error|Exception): ", line)]
        raise UserError(f"{what}: {(causes or log or ['no reason given'])[0]}")
