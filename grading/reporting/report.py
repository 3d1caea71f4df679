"""What instructors read about a lab: a table in the terminal and one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from grading.course.config import Course
from grading.files import write_atomically
from grading.judging.results import ATTENTION, FAILED, GRADED
from grading.messages import message
from grading.reporting.histogram import TALL, bars
from grading.reporting.outline import Outline, named, place_of, read_outline
from grading.reporting.pages import rendered
from grading.reporting.standings import (
    MISSING,
    ClassView,
    Overview,
    Standing,
    history_lines,
    lost_lines,
    number,
    other_lines,
    written_lines,
)

# Each status has a sign, its words in the [report] strings, and a style in the terminal.
SIGNS = {GRADED: "✓", ATTENTION: "!", FAILED: "✗", MISSING: "–"}
WORDS = {GRADED: "graded", ATTENTION: "attention", FAILED: "failed", MISSING: "missing"}
STYLES = {GRADED: "green", ATTENTION: "yellow", FAILED: "red", MISSING: "dim"}
ID_WIDTH = 20  # characters; a longer id is folded
LINE_LIMIT = 300  # characters of a reason in the terminal; the page has it whole


def table(view: ClassView, lang: str) -> RenderableType:
    """Return the marks of a lab for the terminal.

    One row a student; beneath it the flags and the lost marks, one line each with the reason.
    """
    cells = [_cells(row, lang) for row in view.rows]
    header = [message("report.id", lang), message("report.marks", lang), "%"]
    header.append(message("report.status", lang))
    names = [message("report.student", lang), *(row.name or row.student for row in view.rows)]
    lines = [[name, *texts] for name, texts in zip(names, [header, *cells], strict=True)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    parts: list[RenderableType] = [_Line(names[0], header, widths, "bold"), Rule(style="dim")]
    for row, texts in zip(view.rows, cells, strict=True):
        parts.append(_Line(row.name or row.student, texts, widths, STYLES[row.status]))
        parts += [_Beneath("!", flag, "yellow") for flag in row.flags]
        parts += [_Beneath("✗", line.removeprefix("✗ "), "red") for line in lost_lines(row, lang)]
        for line in written_lines(row, lang):
            parts.append(_Beneath(line[0], line[2:], "red" if line[0] == "✗" else "green"))
        parts += [_Beneath("±", line, "magenta") for line in other_lines(row, lang)]
        parts += [_Beneath("↺", line, "dim") for line in history_lines(row, lang)]
        if row.waiting:
            parts.append(_Beneath("…", message("report.waiting", lang), "cyan"))
    parts += [Rule(style="dim"), Text(_summary(view.overview, lang))]
    return Group(*parts)


def _cells(row: Standing, lang: str) -> list[str]:
    """Return what stands right of the name: id, marks, percentage, status."""
    sign = SIGNS[row.status]
    return [row.student, marks(row), percentage(row.percent), f"{sign} {status(row, lang)}"]


@dataclass(frozen=True)
class _Line:
    """A line of the table: within the width of a terminal, one whole line elsewhere.

    In a terminal the name takes the width that the rest leaves.
    """

    name: str
    texts: Sequence[str]
    widths: Sequence[int]
    status_style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = list(self.widths)
        if options.is_terminal:
            widths[1] = min(widths[1], ID_WIDTH)
        grid = Table.grid(expand=options.is_terminal, padding=(0, 2, 0, 0))
        grid.add_column(ratio=1, overflow="fold")
        for width, numeric in zip(widths[1:], (False, True, True, False), strict=True):
            grid.add_column(width=width, justify="right" if numeric else "left", overflow="fold")
        grid.add_row(*map(Text, (self.name, *self.texts), ("bold", "", "", "", self.status_style)))
        if options.is_terminal:
            yield grid
        else:
            grid.columns[0].width = widths[0]
            room = sum(widths) + 2 * len(widths)
            yield from console.render(grid, options.update(width=room, max_width=room))


@dataclass(frozen=True)
class _Beneath:
    """A line beneath a row: folded under itself in a terminal, one whole line elsewhere."""

    sign: str
    line: str
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not options.is_terminal:
            yield Text(f"    {self.sign} {self.line}", no_wrap=True, overflow="ignore")
            return
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1, style=self.style)
        grid.add_column(overflow="fold")
        long = len(self.line) > LINE_LIMIT
        grid.add_row(self.sign, Text(self.line[: LINE_LIMIT - 1] + "…" if long else self.line))
        yield Padding(grid, (0, 0, 0, 4))


def _summary(numbers: Overview, lang: str) -> str:
    parts = [message("report.submissions", lang, count=numbers.submissions)]
    if numbers.missing:
        parts.append(message("report.missing_count", lang, count=numbers.missing))
    if numbers.waiting:
        parts.append(message("report.waiting_count", lang, count=numbers.waiting))
    for which, spread in (("settled", numbers.final), ("pending", numbers.provisional)):
        for name, value in (("mean", spread.mean), ("median", spread.median)):
            if value is not None:
                about = f"{message(f'report.{name}', lang)} {percentage(value)}"
                parts.append(f"{about} ({message(f'report.{which}', lang)})")
    return " · ".join(parts)


def marks(row: Standing) -> str:
    """Return a row's marks as ``score/max``; a dash in place of a score that is missing."""
    score = "–" if row.score is None else number(row.score)
    return f"{score}/{number(row.max_score)}"


def percentage(value: float | None) -> str:
    """Return a percentage with at most one decimal; a dash for None."""
    return "–" if value is None else f"{value:.1f}".removesuffix(".0") + " %"


def status(row: Standing, lang: str) -> str:
    """Return a row's status in words."""
    return message(f"report.{WORDS[row.status]}", lang)


def write_html(course: Course, lab: str, view: ClassView) -> Path:
    """Write the lab's page to ``course/reports/<lab>/index.html`` and return its path."""
    path = course.home / "reports" / lab / "index.html"
    when = datetime.now().astimezone(course.zone)
    files = {row.student: _files(course.home, row.student, lab) for row in view.handed_in}
    text = page(course, lab, view, read_outline(course, lab), files, when)
    write_atomically(path, text.encode())
    return path


def _files(home: Path, student: str, lab: str) -> list[tuple[str, str]]:
    """Return what there is of a student's: what it is, and where it is from the lab's page."""
    return [
        (what, f"../../{quote(path.relative_to(home).as_posix())}")
        for what, folder, kind in (
            ("notebook", f"autograded/{student}/{lab}", "*.ipynb"),
            ("feedback", f"feedback/{student}/{lab}", "*.html"),
            ("course_page", "reports/students", f"{student}.html"),
        )
        for path in sorted((home / folder).glob(kind))
    ]


def page(
    course: Course,
    lab: str,
    view: ClassView,
    outline: Outline,
    files: Mapping[str, Sequence[tuple[str, str]]],
    when: datetime,
) -> str:
    """Return the lab's HTML page, in the course's language; nothing is loaded into it.

    Parameters
    ----------
    course, lab, view
    outline : Outline
        The names of the lab's exercises.
    files : mapping
        Of each student: ``notebook``, ``feedback`` or ``course_page``, and the address it is
        linked to.
    when : datetime
        When the page is made.
    """
    lang = course.language

    def words(key: str, **values: Any) -> str:
        return message(f"report.{key}", lang, **values)

    groups = list(view.sections.items())
    sections = [*groups, (words("all"), view.overview)] if groups else []
    return rendered(
        "report.html",
        styles=("report.css",),
        script="report.js",
        t=words,
        lang=lang,
        course=course,
        lab=lab,
        title=course.lab(lab).title.get(lang, lab),
        when=when,
        rows=view.rows,
        overview=view.overview,
        sections=sections,
        compared=_compared([numbers for _, numbers in sections], lang),
        histogram=bars(TALL, view.overview.final.bins, view.overview.provisional.bins),
        rates=sorted(view.rates + view.question_rates, key=lambda rate: rate.pass_rate),
        name=lambda cell: place_of(outline, cell).name,
        files=files,
        notes=view.notes,
        signs=SIGNS,
        style_names=WORDS,
        marks=marks,
        number=number,
        percentage=percentage,
        status=lambda row: status(row, lang),
        missing=MISSING,
        others=lambda row: _others(named(row, outline), lang),
    )


def _compared(sections: Sequence[Overview], lang: str) -> list[tuple[str, list[str]]]:
    """Return each number in which sections are compared: what it is, and theirs."""
    found = [
        (message("report.handed_in", lang), [str(one.submissions) for one in sections]),
        (message("report.missing_tile", lang), [str(one.missing) for one in sections]),
    ]
    finals = [one.final for one in sections]
    provisionals = [one.provisional for one in sections]
    for which, spreads in (("settled", finals), ("pending", provisionals)):
        if any(spread.mean is not None for spread in spreads):
            state = message(f"report.{which}", lang)
            for key, values in (
                ("mean_tile", [spread.mean for spread in spreads]),
                ("median_tile", [spread.median for spread in spreads]),
            ):
                title = f"{message(f'report.{key}', lang)}, {state}"
                found.append((title, [percentage(value) for value in values]))
    return found


def _others(row: Standing, lang: str) -> list[str]:
    return [*other_lines(row, lang), *history_lines(row, lang)]
