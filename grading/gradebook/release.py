"""Release a lab through nbgrader's own command."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course, remember_gradebook
from grading.files import write_atomically
from grading.gradebook.database import without_password
from grading.gradebook.former import keep_former
from grading.gradebook.marks import Marks
from grading.gradebook.nbgrader_plugin import nbgrader_api, settings_file, succeed
from grading.gradebook.settings import CONFIG_FILE


def release(course: Course, lab: str, db_url: str) -> Path:
    """Write the solution for nbgrader, generate the release and return its path.

    The course remembers ``db_url`` as its gradebook's, without a password, and ``course/`` gets an
    ``nbgrader_config.py``, so that ``nbgrader`` and Formgrader work in it. Where anything fails,
    the source and the release stay as they were. The release that this one replaces is kept, for
    the submissions of those who worked on it.
    """
    home = course.home
    notebook = instructor_notebook(read_lab(course, lab), course.language, course)
    if db_url == course.db_url:
        home.mkdir(parents=True, exist_ok=True)
    with Marks(db_url):
        pass  # a new gradebook is made here, where its tools are found
    path = home / "release" / lab / f"{lab}.ipynb"
    former = path.read_bytes() if path.exists() else b""
    with _kept_on_failure(home / "source" / lab), _kept_on_failure(path.parent):
        source = home / "source" / lab / f"{lab}.ipynb"
        write_atomically(source, nbformat.writes(notebook).encode())
        succeed(
            f"nbgrader could not release {lab}",
            nbgrader_api(home, db_url).generate_assignment,
            lab,
            force=True,
        )
    with Marks(db_url) as marks:
        marks.set_due_dates(course.labs)
    if former and former != path.read_bytes():
        keep_former(home, lab, former)
    remember_gradebook(home, without_password(db_url))
    _configure(home / CONFIG_FILE)
    return path


def _configure(path: Path) -> None:
    """Put the kit's settings into nbgrader's, and leave what else is there."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = settings_file(before)
    if after != before:
        write_atomically(path, after.encode())


@contextlib.contextmanager
def _kept_on_failure(folder: Path) -> Iterator[None]:
    """Put a folder back as it was if the block raises; nbgrader removes the old release first."""
    home = folder.parent.parent
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as safe:
        if folder.exists():
            shutil.copytree(folder, Path(safe, "kept"))
        try:
            yield
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            if Path(safe, "kept").exists():
                shutil.copytree(Path(safe, "kept"), folder)
            raise
