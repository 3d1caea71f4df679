"""What is shown of a notebook beside its marks, without what tells whose it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup
from nbformat import NotebookNode

from grading.cells.metadata import grade_id, is_question
from grading.cells.reading import read_notebook
from grading.course.roster import Student
from grading.feedback.notebook import parts_of
from grading.marking import work
from grading.marking.answers import Answer
from grading.service.web.marking.desk import Desk
from grading.service.web.site import Site
from grading.service.written import answer_path, solution_path

ROOM = 3_000_000  # bytes of what is shown of one notebook
KEPT = 256  # answers with their pictures, read ahead or read again


@dataclass(frozen=True)
class Piece:
    """An answer in HTML, and the pictures above it."""

    answer: tuple[Markup, ...] = ()
    figures: tuple[Markup, ...] = ()


def piece(site: Site, one: Answer, lang: str) -> Piece:
    """Return an answer as it is shown."""
    path = answer_path(site.course, one)
    if not path.exists():
        return Piece()
    authors = _authors(site, one)
    return _read_piece(path, path.stat().st_mtime_ns, one.cell, lang, authors)


@lru_cache(maxsize=KEPT)
def _read_piece(
    path: Path, changed: int, cell: str, lang: str, authors: tuple[Student, ...]
) -> Piece:
    notebook = work.blind(read_notebook(path.read_bytes()), authors)
    found = work.cell_of(notebook, cell)
    return Piece(_html([found] if found else [], lang), _html(work.figures(notebook, cell), lang))


def notebook_of(site: Site, one: Answer) -> NotebookNode | None:
    """Return the notebook that an answer is in, None if it is not there."""
    path = answer_path(site.course, one)
    if not path.exists():
        return None
    return work.blind(read_notebook(path.read_bytes()), _authors(site, one))


def _authors(site: Site, one: Answer) -> tuple[Student, ...]:
    return tuple(site.people.roster.find(who) or Student(who, "") for who in one.students)


def text_of(site: Site, one: Answer) -> str:
    """Return the text of an answer, without what tells of its authors."""
    path = answer_path(site.course, one)
    text = _read_texts(path, path.stat().st_mtime_ns).get(one.cell, "") if path.exists() else ""
    return work.blind_text(text, _authors(site, one))


@lru_cache(maxsize=8_192)
def _read_texts(path: Path, changed: int) -> dict[str, str]:
    cells = read_notebook(path.read_bytes()).cells
    return {grade_id(one): one.source for one in cells if is_question(one)}


def _html(cells: Sequence[NotebookNode], lang: str) -> tuple[Markup, ...]:
    notebook = NotebookNode(cells=list(cells), metadata={}, nbformat=4, nbformat_minor=5)
    return tuple(one for part in parts_of(notebook, "", lang, ROOM) for one in part.cells)


@dataclass(frozen=True)
class Asking:
    """A question and its model answer, in HTML."""

    prompt: tuple[Markup, ...]
    model: tuple[Markup, ...]


def asks(site: Site, desk: Desk, lang: str) -> Asking:
    """Return a question and its model answer as they are shown."""
    path = solution_path(site.course, desk.info.name)
    if not path.exists():
        return Asking((), ())
    return _read_asking(path, path.stat().st_mtime_ns, desk.asked.cell, lang)


@lru_cache(maxsize=64)
def _read_asking(path: Path, changed: int, cell: str, lang: str) -> Asking:
    solution = read_notebook(path.read_bytes())
    prompt, found = work.prompt_of(solution, cell), work.cell_of(solution, cell)
    model = [NotebookNode(found, source=work.model_of(solution, cell))] if found else []
    return Asking(_html([prompt] if prompt else [], lang), _html(model, lang))
