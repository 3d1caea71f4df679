"""The page that a student reads: what was lost and why, then every mark, then the notebook."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from nbformat import NotebookNode

from grading.cells.metadata import grade_id
from grading.course.config import Course
from grading.feedback.notebook import anchor, parts_of
from grading.judging.record import TOLERANCE, Written
from grading.judging.results import FAILED, CheckMark
from grading.messages import message
from grading.reporting.outline import Outline, named, place_of
from grading.reporting.pages import rendered
from grading.reporting.report import percentage
from grading.reporting.standings import Standing, history_lines, number, other_lines

MOST = 290_000  # bytes of a page, which is mailed to many; what is left out takes some lines more


@dataclass(frozen=True)
class Exercise:
    """What an exercise or a question earned.

    Attributes
    ----------
    section, name, cell : str
        ``cell`` is the first of those that earn its marks.
    checks : tuple of (CheckMark, str)
        Each with what its author says to look at, ``""`` if that is nothing.
    answer : Written or None
        What a person marks.
    """

    section: str
    name: str
    cell: str
    checks: tuple[tuple[CheckMark, str], ...] = ()
    answer: Written | None = None

    @property
    def max(self) -> float:
        """Its marks."""
        return self.answer.max if self.answer else sum(check.max for check, _ in self.checks)

    @property
    def marks(self) -> float | None:
        """What it earned; None while a person has yet to read it."""
        return self.answer.marks if self.answer else sum(check.marks for check, _ in self.checks)

    @property
    def outcome(self) -> str:
        """``earned`` (all of it), ``partly``, ``lost`` or ``waiting``."""
        if self.marks is None:
            return "waiting"
        if self.marks >= self.max - TOLERANCE:
            return "earned"
        return "partly" if self.marks > TOLERANCE else "lost"

    @property
    def lost(self) -> tuple[tuple[CheckMark, str], ...]:
        """The checks that did not earn all their marks."""
        return tuple(pair for pair in self.checks if pair[0].marks < pair[0].max - TOLERANCE)


def exercises(row: Standing, outline: Outline) -> list[Exercise]:
    """Return what a student earned, by exercise and question, in the order of the lab."""
    order = {cell: place for place, cell in enumerate(outline)}
    marks: list[CheckMark | Written] = [*row.checks, *row.written]
    marks.sort(key=lambda item: order.get(item.cell, len(order)))
    found = []
    for (section, name, is_written), run in groupby(marks, key=lambda item: _group(item, outline)):
        items = list(run)
        if is_written:
            found += [
                Exercise(section, name, item.cell, answer=item)
                for item in items
                if isinstance(item, Written)
            ]
        else:
            checks = tuple(
                (item, place_of(outline, item.cell).hints.get(item.label, ""))
                for item in items
                if isinstance(item, CheckMark)
            )
            found.append(Exercise(section, name, items[0].cell, checks))
    return found


def _group(item: CheckMark | Written, outline: Outline) -> tuple[str, str, bool]:
    place = place_of(outline, item.cell)
    return place.section, place.name, isinstance(item, Written)


def page(
    course: Course,
    lab: str,
    row: Standing,
    outline: Outline,
    notebook: NotebookNode | None,
    when: datetime,
) -> str:
    """Return a student's page; it refers to nothing outside it, and nothing in it runs.

    Parameters
    ----------
    course, lab
    row : Standing
    outline : Outline
        Of the lab's release.
    notebook : NotebookNode or None
        As it was executed and stored; None if what was handed in is none.
    when : datetime
        When the page is made.
    """
    lang = course.language

    def words(key: str, **values: Any) -> str:
        return message(f"feedback.{key}", lang, **values)

    title = course.lab(lab).title.get(lang, lab)
    work, told = exercises(row, outline), named(row, outline)
    about = dict(
        say=words,
        lang=lang,
        course=course,
        lab=lab,
        title=title,
        when=when,
        row=row,
        unread=row.flags if row.status == FAILED else (),  # others are for the instructor
        sections=[(name, list(run)) for name, run in groupby(work, key=lambda one: one.section)],
        lost=[one for one in work if one.lost],
        written=[one for one in work if one.answer],
        others=[*other_lines(told, lang), *history_lines(told, lang)],
        cells={grade_id(cell) for cell in notebook.cells} if notebook else set(),
        anchor=anchor,
        number=number,
        percentage=percentage,
        signs={"earned": "✓", "partly": "◐", "lost": "✗", "waiting": "…"},
    )
    without = _rendered(parts=[], **about)
    if notebook is None:
        return without
    room = MOST - len(without.encode(errors="replace"))
    return _rendered(parts=parts_of(notebook, words("beginning"), lang, room), **about)


def _rendered(**values: Any) -> str:
    return rendered(
        "feedback.html",
        styles=("report.css", "feedback.css"),
        allows="img-src data:; style-src-attr 'unsafe-inline'",
        **values,
    )
