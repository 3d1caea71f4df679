"""Release a lab through nbgrader's own command."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat

from grading.authoring import instructor_notebook
from grading.authoring.building import read_lab
from grading.course.config import Course
from grading.files import write_atomically
from grading.gradebook.marks import Marks
from grading.gradebook.nbgrader_plugin import CONFIG_FILE, nbgrader_api, succeed


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
        succeed(
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
