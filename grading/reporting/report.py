"""What instructors read about a lab: a table in the terminal and one self-contained HTML page."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from grading.course.config import Course
from grading.course.roster import Roster
from grading.files import write_atomically
from grading.judging.results import ATTENTION, FAILED, GRADED, Result
from grading.messages import message
from grading.reporting.standings import (
    MISSING,
    Standing,
    Totals,
    check_rates,
    lost_lines,
    number,
    overview,
    plain,
    standings,
)

TEMPLATES = Path(__file__).parent / "templates"

# Each status has a sign, its words in the [report] strings, and a style in the terminal.
SIGNS = {GRADED: "✓", ATTENTION: "!", FAILED: "✗", MISSING: "–"}
WORDS = {GRADED: "graded", ATTENTION: "attention", FAILED: "failed", MISSING: "missing"}
STYLES = {GRADED: "green", ATTENTION: "yellow", FAILED: "red", MISSING: "dim"}
HISTOGRAM_HEIGHT = 110  # pixels
ID_WIDTH = 20  # characters; a longer id is folded
LINE_LIMIT = 300  # characters of a reason in the terminal; the page has it whole


def table(
    results: Iterable[Result],
    lang: str,
    roster: Roster | None = None,
    totals: Totals | None = None,
) -> RenderableType:
    """Return the marks of a lab for the terminal.

    One row a student; beneath it the flags and the lost marks, one line each with the reason.

    Parameters
    ----------
    results : iterable of Result
    lang : {"es", "en"}
    roster : Roster, optional
        Gives names, and says who is missing.
    totals : mapping, optional
        Totals of the gradebook, see `grading.reporting.standings.standings`.
    """
    rows = standings(results, roster, totals)
    cells = [_cells(row, lang) for row in rows]
    header = [message("report.id", lang), message("report.marks", lang), "%"]
    header.append(message("report.status", lang))
    widths = [max(map(cell_len, column)) for column in zip(header, *cells, strict=True)]
    widths[0] = min(widths[0], ID_WIDTH)
    parts: list[RenderableType] = [
        _line(message("report.student", lang), header, widths, "bold"),
        Rule(style="dim"),
    ]
    for row, texts in zip(rows, cells, strict=True):
        parts.append(_line(row.name or row.student, texts, widths, STYLES[row.status]))
        parts += [_beneath("!", flag, "yellow") for flag in row.flags]
        parts += [_beneath("✗", line.removeprefix("✗ "), "red") for line in lost_lines(row, lang)]
        if row.waiting:
            parts.append(_beneath("…", message("report.waiting", lang), "cyan"))
    parts += [Rule(style="dim"), Text(_summary(rows, lang))]
    return Group(*parts)


def _cells(row: Standing, lang: str) -> list[str]:
    """Return what stands right of the name: id, marks, percentage, status."""
    sign = SIGNS[row.status]
    return [row.student, marks(row), percentage(row.percent), f"{sign} {status(row, lang)}"]


def _line(name: str, texts: Sequence[str], widths: Sequence[int], status_style: str) -> Table:
    """Return one line of the table; the name takes the width that the rest leaves."""
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(ratio=1, overflow="fold")
    for width, numeric in zip(widths, (False, True, True, False), strict=True):
        grid.add_column(width=width, justify="right" if numeric else "left", overflow="fold")
    styles = ("bold", "", "", "", status_style)
    grid.add_row(*map(Text, (name, *texts), styles))
    return grid


def _beneath(sign: str, line: str, style: str) -> Padding:
    shown = line if len(line) <= LINE_LIMIT else line[: LINE_LIMIT - 1] + "…"
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1, style=style)
    grid.add_column(overflow="fold")
    grid.add_row(sign, Text(shown))
    return Padding(grid, (0, 0, 0, 4))


def _summary(rows: Sequence[Standing], lang: str) -> str:
    numbers = overview(rows)
    parts = [message("report.submissions", lang, count=numbers.submissions)]
    if numbers.missing:
        parts.append(message("report.missing_count", lang, count=numbers.missing))
    if numbers.waiting:
        parts.append(message("report.waiting_count", lang, count=numbers.waiting))
    for name, value in (("mean", numbers.mean), ("median", numbers.median)):
        if value is not None:
            parts.append(f"{message(f'report.{name}', lang)} {percentage(value)}")
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


def write_html(
    course: Course,
    lab: str,
    results: Iterable[Result],
    roster: Roster | None,
    totals: Totals,
) -> Path:
    """Write the lab's page to ``course/reports/<lab>/index.html`` and return its path.

    Parameters
    ----------
    course, lab, results, roster
    totals : mapping
        Totals of the gradebook, see `grading.reporting.standings.standings`.
    """
    graded = list(results)
    rows = standings(graded, roster, totals)
    notes = list(dict.fromkeys(note for result in graded for note in result.notes))
    path = course.home / "reports" / lab / "index.html"
    write_atomically(path, page(course, lab, rows, notes, datetime.now().astimezone()).encode())
    return path


def page(
    course: Course, lab: str, rows: Sequence[Standing], notes: Sequence[str], when: datetime
) -> str:
    """Return the lab's HTML page, in the course's language; it refers to nothing outside it."""
    lang = course.language

    def words(key: str, **values: Any) -> str:
        return message(f"report.{key}", lang, **values)

    css, script = (
        (TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js")
    )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = overview(rows)
    return environment.get_template("report.html").render(
        t=words,
        lang=lang,
        course=course,
        lab=lab,
        title=course.lab(lab).title.get(lang, lab),
        when=when,
        rows=rows,
        overview=numbers,
        histogram=_histogram(numbers.bins),
        rates=sorted(check_rates(rows), key=lambda rate: rate.pass_rate),
        notes=[plain(note) for note in notes],
        signs=SIGNS,
        style_names=WORDS,
        marks=marks,
        number=number,
        percentage=percentage,
        status=lambda row: status(row, lang),
        missing=MISSING,
        css=Markup(css),
        script=Markup(script),
        policy=_policy(css, script),
    )


def _histogram(bins: Sequence[int]) -> list[dict[str, int]]:
    """Return each bar of the histogram: its range in percent, count, and height in pixels."""
    step, highest = 100 // len(bins), max(*bins, 1)
    return [
        {
            "low": place * step,
            "high": (place + 1) * step,
            "count": count,
            "height": round(HISTOGRAM_HEIGHT * count / highest),
        }
        for place, count in enumerate(bins)
    ]


def _policy(css: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this style, this script and nothing else."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {source(css)}; script-src {source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
