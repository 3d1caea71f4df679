"""Where the written questions of a lab and their answers lie, as files."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from grading.cells.metadata import grade_id, is_question
from grading.cells.reading import read_notebook
from grading.collect.submitted import Place
from grading.course.config import Course
from grading.marking.answers import Answer
from grading.reporting.outline import outline_of, place_of


@dataclass(frozen=True)
class Asked:
    """A question as the release asks it."""

    cell: str
    name: str
    most: float


def is_released(course: Course, lab: str) -> bool:
    """Whether students have a lab."""
    return course.release_path(lab).exists()


def solution_path(course: Course, lab: str) -> Path:
    """Return where a lab is with its model answers, as it was released."""
    return course.home / "source" / lab / f"{lab}.ipynb"


def answer_path(course: Course, one: Answer) -> Path:
    """Return where the executed notebook is that an answer is in."""
    return kept_path(course, one.student, one.lab, one.notebook)


def kept_path(course: Course, student: str, lab: str, notebook: str) -> Path:
    """Return where the executed notebook of a submission is."""
    return course.home / "autograded" / student / lab / f"{notebook}.ipynb"


def handed_in_path(course: Course, one: Answer) -> Path:
    """Return where the notebook is as it was handed in, with the pictures that its authors saw."""
    return Place(course.home, one.student, one.lab).notebook


def questions(course: Course, lab: str) -> list[Asked]:
    """Return the written questions of a lab that was released."""
    path = course.release_path(lab)
    return _questions(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _questions(path: Path, changed: int) -> list[Asked]:
    release = read_notebook(path.read_bytes())
    outline = outline_of(release)
    return [
        Asked(cell, place_of(outline, cell).name, float(one.metadata["nbgrader"]["points"]))
        for one in release.cells
        if is_question(one)
        for cell in [grade_id(one)]
    ]
