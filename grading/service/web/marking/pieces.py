"""What is shown of a notebook beside its marks, without what tells whose it is."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup
from nbformat import NotebookNode, from_dict
from nbformat.v4.rwbase import rejoin_lines

from grading.cells.metadata import grade_id, is_question
from grading.cells.reading import read_notebook
from grading.course.roster import Student
from grading.errors import UserError
from grading.feedback.notebook import parts_of
from grading.feedback.pictures import bare
from grading.marking import work
from grading.marking.answers import Answer
from grading.marking.checks import Checked
from grading.service.web.marking.desk import Desk
from grading.service.web.site import Site
from grading.service.written import answer_path, handed_in_path, kept_path, solution_path

ROOM = 3_000_000  # bytes of what is shown of one notebook
KEPT = 256  # answers with their pictures, read ahead or read again


@dataclass(frozen=True)
class Piece:
    """An answer in HTML, and the pictures above it."""

    answer: tuple[Markup, ...] = ()
    figures: tuple[Markup, ...] = ()


def piece(site: Site, one: Answer, lang: str) -> Piece:
    """Return an answer as it is shown."""
    kept, handed_in = answer_path(site.course, one), handed_in_path(site.course, one)
    if not kept.exists():
        return Piece()
    return _read_piece(
        kept,
        _stamp(kept),
        handed_in,
        _stamp(handed_in),
        one.cell,
        lang,
        _authors(site, one.students),
    )


@lru_cache(maxsize=KEPT)
def _read_piece(
    kept: Path,
    changed: int,
    handed_in: Path,
    changed_too: int,
    cell: str,
    lang: str,
    authors: tuple[Student, ...],
) -> Piece:
    answer = _whole(one for one in _kept_cells(kept) if grade_id(one) == cell)
    seen = _as_handed_in(handed_in)
    figures = work.figures(seen, cell) if seen else []
    return Piece(_html(_blind(answer, authors), lang), _html(_blind(figures, authors), lang))


def notebook_of(site: Site, one: Answer) -> NotebookNode | None:
    """Return the notebook that an answer is in, None if it is not there."""
    found = _as_handed_in(handed_in_path(site.course, one))
    return work.blind(found, _authors(site, one.students)) if found else None


def work_of_checks(site: Site, one: Checked, lang: str) -> tuple[Markup, ...]:
    """Return what an exercise's checks looked at, as it was graded: all since the checks before."""
    path = kept_path(site.course, one.student, one.lab, one.notebook)
    if not path.exists():
        return ()
    cells = work.of_checks(_kept_cells(path), one.cell)
    return _html(_blind(_whole(cells), _authors(site, one.students)), lang)


def blind_for(site: Site, students: Iterable[str], text: str) -> str:
    """Return a text without what tells of these students."""
    return work.blind_text(text, _authors(site, students))


def _authors(site: Site, students: Iterable[str]) -> tuple[Student, ...]:
    roster = site.people.roster
    return tuple(roster.find(who) or Student(who, "") for who in students)


def text_of(site: Site, one: Answer) -> str:
    """Return the text of an answer, without what tells of its authors."""
    path = answer_path(site.course, one)
    text = _read_texts(path, _stamp(path)).get(one.cell, "") if path.exists() else ""
    return blind_for(site, one.students, text)


@lru_cache(maxsize=8_192)
def _read_texts(path: Path, changed: int) -> dict[str, str]:
    return {grade_id(one): one.source for one in _whole(filter(is_question, _kept_cells(path)))}


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _kept_cells(path: Path) -> list[NotebookNode]:
    """Return the cells of a notebook that grading kept, so that it is valid; see `_whole`."""
    return [NotebookNode(one) for one in json.loads(path.read_bytes())["cells"]]


def _whole(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Return cells of a file as they are used: to do that to a few takes no time."""
    return list(rejoin_lines(from_dict(NotebookNode(cells=list(cells)))).cells)


def _as_handed_in(path: Path) -> NotebookNode | None:
    """Return a notebook with all that its authors saw: a graded one has its pictures in words."""
    try:
        return read_notebook(path.read_bytes())
    except (OSError, UserError):  # it was taken away, or something else put there by hand
        return None


def _blind(cells: Iterable[NotebookNode], authors: Iterable[Student]) -> list[NotebookNode]:
    return list(work.blind(NotebookNode(cells=list(cells)), authors).cells)


def _html(cells: Sequence[NotebookNode], lang: str) -> tuple[Markup, ...]:
    notebook = NotebookNode(cells=list(cells), metadata={}, nbformat=4, nbformat_minor=5)
    return tuple(one for part in parts_of(notebook, "", lang, ROOM, bare) for one in part.cells)


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
