"""What hand-ins have in common: a table in the terminal, and a page for people who decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.table import Table

from grading.course.config import Course
from grading.files import write_atomically
from grading.messages import message
from grading.reporting.pages import rendered
from grading.similarity.compare import HandIn, Pair, Side
from grading.similarity.pieces import CODE, TEXT

AROUND = 2  # lines shown before and after those that are shared


class Line(NamedTuple):
    """A line of a cell: its number, None where lines are left out, and whether it is shared."""

    number: int | None
    text: str
    is_shared: bool


@dataclass(frozen=True)
class Comparison:
    """The pairs of a lab that people are to look at.

    Attributes
    ----------
    pairs : sequence of Pair
    compared, earlier : int
        How many hand-ins of this term and of earlier ones were compared.
    names : mapping of str to str
        The students' names by their id.
    notes : sequence of str
        What was left out.
    """

    pairs: Sequence[Pair]
    compared: int
    earlier: int
    names: Mapping[str, str]
    notes: Sequence[str] = ()

    @property
    def hand_ins(self) -> int:
        """How many hand-ins there are in all."""
        return self.compared + self.earlier

    def who(self, hand_in: HandIn) -> str:
        """Return whose a hand-in is, and of which earlier term."""
        people = " + ".join(self._person(student, hand_in.term) for student in hand_in.students)
        return f"{people} · {hand_in.term}" if hand_in.term else people

    def _person(self, student: str, term: str) -> str:
        name = "" if term else self.names.get(student, "")
        return f"{name} ({student})" if name else student


def table(comparison: Comparison, lang: str) -> RenderableType:
    """Return the pairs for the terminal, a line each."""
    found = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for key in ("rank", "one", "other"):
        found.add_column(message(f"similar.{key}", lang), overflow="fold")
    for key in ("statements", "words", "holders"):
        found.add_column(message(f"similar.{key}", lang), justify="right")
    for rank, pair in enumerate(comparison.pairs, start=1):
        found.add_row(
            str(rank),
            *map(comparison.who, pair.hand_ins),
            str(pair.units(CODE)),
            str(pair.units(TEXT)),
            message("similar.of", lang, count=pair.holders, total=comparison.hand_ins),
        )
    return found


def write_html(course: Course, lab: str, comparison: Comparison) -> Path:
    """Write the page ``course/reports/<lab>/similar.html`` and return its path."""
    path = course.home / "reports" / lab / "similar.html"
    content = page(course, lab, comparison, datetime.now().astimezone(course.zone))
    write_atomically(path, content.encode())
    return path


def page(course: Course, lab: str, comparison: Comparison, when: datetime) -> str:
    """Return the page, in the course's language."""
    lang = course.language

    def words(key: str, **values: Any) -> str:
        return message(f"similar.{key}", lang, **values)

    return rendered(
        "similar.html",
        styles=("report.css", "similar.css"),
        script="report.js",
        say=words,
        lang=lang,
        course=course,
        lab=lab,
        title=course.lab(lab).title.get(lang, lab),
        when=when,
        comparison=comparison,
        lines=lines,
        code=CODE,
        text=TEXT,
    )


def lines(side: Side) -> list[Line]:
    """Return the lines of a piece that are shared, with some around them; gaps are one line."""
    found: list[Line] = []
    for number, text in enumerate(side.piece.source.split("\n")):
        if any(near in side.lines for near in range(number - AROUND, number + AROUND + 1)):
            found.append(Line(number + 1, text, number in side.lines))
        elif not found or found[-1].number is not None:
            found.append(Line(None, "…", False))
    return found
