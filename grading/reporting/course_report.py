"""The course's marks for people: a table in the terminal, a CSV file, a page, one a student."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from grading.course.config import Course
from grading.course.coursemark import CourseMark, State, Use
from grading.files import write_atomically
from grading.messages import Reason, message
from grading.reporting import export
from grading.reporting.coursework import (
    CourseRow,
    CourseView,
    Entry,
    Given,
    marks_needed,
    outlook,
)
from grading.reporting.histogram import SMALL, TALL, bars
from grading.reporting.pages import rendered
from grading.reporting.report import percentage
from grading.reporting.standings import ClassView, by_hand_line, number
from grading.reporting.tables import Rows, as_csv, as_xlsx

STYLES = ("report.css", "course.css")
# What is said of a part: what there is of it, if it is not plainly marked, and what it is used for.
STATES = {
    State.EXCUSED: "course_mark.state_excused",
    State.MISSING: "course_mark.state_missing",
    State.NOT_YET: "course_mark.state_not_yet",
    State.WAITING: "course_mark.state_waiting",
}
USES = {
    Use.COUNTS: "course_mark.use_counts",
    Use.ADDED: "course_mark.use_added",
    Use.DROPPED: "course_mark.use_dropped",
}
SIGNS = {State.MISSING: "–", State.NOT_YET: "…", State.EXCUSED: "×"}


def table(view: CourseView, lang: str) -> RenderableType:
    """Return the marks for the terminal: a line a student, then what the signs mean."""
    found = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    found.add_column(message("course_mark.student", lang), overflow="fold")
    found.add_column(message("course_mark.mark", lang), justify="right", no_wrap=True)
    if view.scale.grades:
        found.add_column(message("course_mark.grade", lang), overflow="fold")
    for place in range(len(view.parts)):
        found.add_column(str(place + 1), justify="right", no_wrap=True)
    found.add_column(message("course_mark.state", lang), overflow="fold")
    for row in view.rows:
        who = f"{row.name} ({row.student})" if row.name else row.student
        mark = [mark_text(row.mark.mark)]
        if view.scale.grades:
            mark.append(grade_text(row.mark, lang))
        cells = (Text(text) for text in (who, *mark, *map(_short, row.entries)))
        found.add_row(*cells, state_text(row.mark, lang), style="yellow" if row.behind else "")
    parts = " · ".join(f"{place} {title}" for place, title in enumerate(view.titles, start=1))
    lines = [Text(""), Text(parts), Text(message("course_mark.legend", lang), style="dim")]
    if view.behind:
        lines += [Text(""), Text(message("course_mark.behind", lang), style="bold")]
        for row in view.behind:
            lines.append(Text(f"! {row.name or row.student}: {behind_text(row, lang)}"))
    lines += [Text(""), Text(_summary(view, lang))]
    return Group(found, *lines)


def _short(entry: Entry) -> str:
    """Return what a student has in a part in a few characters; see the legend."""
    if entry.percent is None:
        text = SIGNS[entry.line.earned.state]
    else:
        text = f"{entry.percent:.0f}" + "…" * (entry.line.earned.state is State.WAITING)
    text += "±" * bool(entry.by_hand)
    if entry.line.use is Use.DROPPED:
        return f"({text})"
    return f"{text}!" if entry.line.is_below_minimum else text


def _summary(view: CourseView, lang: str) -> str:
    spread = view.whole.marks
    parts = [
        message("course_mark.students_count", lang, count=len(view.rows)),
        message("course_mark.final_count", lang, count=view.final),
        message("course_mark.passing_count", lang, count=view.whole.passing),
    ]
    for key, percent in (("mean", spread.mean), ("median", spread.median)):
        if percent is not None:
            name = message(f"report.{key}", lang)
            parts.append(f"{name} {on_scale(view, percent)}")
    return " · ".join(parts)


def mark_text(mark: Fraction | None) -> str:
    """Return a mark as it is written; a dash while there is none."""
    return "–" if mark is None else number(float(mark))


def grade_text(mark: CourseMark, lang: str) -> str:
    """Return what a mark is called."""
    return _said(mark.grade, lang)


def _said(name: str | Reason, lang: str) -> str:
    return name.text(lang) if isinstance(name, Reason) else name


def state_text(mark: CourseMark, lang: str) -> str:
    """Return whether a mark is final."""
    return message(f"course_mark.{'final' if mark.is_final else 'provisional'}", lang)


def on_scale(view: CourseView, percent: float | None) -> str:
    """Return a percentage of the scale as a mark."""
    return "–" if percent is None else number(percent * float(view.scale.maximum) / 100)


def behind_text(row: CourseRow, lang: str) -> str:
    """Return why a student falls behind."""
    return "; ".join(reason.text(lang) for reason in row.behind)


def marks_text(entry: Entry) -> str:
    """Return the marks of a part as ``score/maximum``, as far as there are any."""
    if entry.score is None:
        return "–" if entry.maximum is None else f"–/{number(entry.maximum)}"
    return f"{number(entry.score)}/{number(entry.maximum or 0.0)}"


def use_text(entry: Entry, lang: str) -> str:
    """Return what becomes of a part in the mark, and why."""
    line = entry.line
    keys = [STATES.get(line.earned.state), USES.get(line.use)]
    if line.is_below_minimum:
        keys.append("course_mark.below_minimum")
    about = {"why": line.earned.why, "minimum": number(float(100 * line.part.minimum))}
    return "; ".join(message(key, lang, **about) for key in keys if key)


def csv_rows(view: CourseView, lang: str) -> Rows:
    """Return everybody with the mark and what it is made of: a percentage and a note a part."""
    header = ["student_id", "name", "email", "group", "mark", "maximum", "grade", "percent"]
    parts = [title for part in view.parts for title in (part.name, f"{part.name}: note")]
    found: Rows = [[*header, "state", *parts, "behind"]]
    for row in view.rows:
        mark, share = row.mark.mark, row.mark.share
        cells = []
        for entry in row.entries:
            by_hand = [by_hand_line(item, lang) for item in entry.by_hand]
            cells += [entry.percent, "; ".join([use_text(entry, lang), *by_hand])]
        found.append(
            [
                *(row.student, row.name, row.email, row.group),
                None if mark is None else float(mark),
                float(view.scale.maximum),
                grade_text(row.mark, lang),
                None if share is None else float(100 * share),
                state_text(row.mark, lang),
                *cells,
                behind_text(row, lang),
            ]
        )
    return found


def statistics_rows(view: CourseView, lang: str) -> Rows:
    """Return how each part came out, for the class and for each group."""
    titles = ("part", "group", "with_marks", "mean", "median", "deviation")
    found: Rows = [[message(f"course_mark.{title}", lang) for title in titles]]
    for place, title in enumerate(view.titles):
        for section in (view.whole, *view.sections):
            spread = section.parts[place]
            name = section.name or message("course_mark.all", lang)
            numbers = (spread.mean, spread.median, spread.deviation)
            found.append([title, name, spread.count, *numbers])
    return found


def write_workbook(course: Course, view: CourseView, classes: Mapping[str, ClassView]) -> Path:
    """Write ``marks.xlsx`` beside the table: the course, its statistics, and a sheet a lab."""
    path, lang = course.home / "reports" / "marks.xlsx", course.language
    sheets = [
        (message("course_mark.course_sheet", lang), csv_rows(view, lang)),
        (message("course_mark.labs", lang), statistics_rows(view, lang)),
    ]
    for lab, of_lab in classes.items():
        title = course.lab(lab).title.get(lang, lab)
        sheets.append((title, export.csv_rows(of_lab, title, lang)))
    write_atomically(path, as_xlsx(sheets))
    return path


def write_course(course: Course, view: CourseView, given: Given) -> tuple[Path, Path, list[Path]]:
    """Write all of it below ``course/reports`` and return the paths: page, table, students' pages.

    Nothing is written before all of it is made.
    """
    reports = course.home / "reports"
    index, listed = reports / "index.html", reports / "marks.csv"
    when = given.now.astimezone(course.zone)
    files = {
        index: page(course, view, when).encode(),
        listed: as_csv(csv_rows(view, course.language)).encode("utf-8-sig"),
    }
    pages = {
        reports / "students" / f"{row.student}.html": student_page(
            course, view, row, given, when
        ).encode()
        for row in view.rows
    }
    for path, content in (files | pages).items():
        write_atomically(path, content)
    return index, listed, list(pages)


def page(course: Course, view: CourseView, when: datetime) -> str:
    """Return the page of the course, in its language; it refers to nothing outside it."""
    return rendered(
        "course.html",
        styles=STYLES,
        script="report.js",
        **_common(course, view, when),
        rows=view.rows,
        histogram=bars(TALL, view.whole.marks.bins),
        small_histogram=lambda spread: bars(SMALL, spread.bins),
        on_scale=lambda percent: on_scale(view, percent),
    )


def student_page(
    course: Course, view: CourseView, row: CourseRow, given: Given, when: datetime
) -> str:
    """Return a student's own page: what counts so far, and what is needed in what is to come."""
    return rendered(
        "student.html",
        styles=STYLES,
        **_common(course, view, when),
        row=row,
        outlook=outlook(course, row, given),
        title_of=dict(zip((part.name for part in view.parts), view.titles, strict=True)),
        marks_needed=marks_needed,
        target_name=lambda target: _said(target.name, course.language),
    )


def _common(course: Course, view: CourseView, when: datetime) -> dict[str, Any]:
    """Return what both pages are filled in with."""
    lang = course.language

    def words(key: str, **values: Any) -> str:
        return message(f"course_mark.{key}", lang, **values)

    def spoken(function: Callable[..., str]) -> Callable[..., str]:
        return lambda thing: function(thing, lang)

    return {
        "say": words,
        "lang": lang,
        "course": course,
        "view": view,
        "when": when,
        "number": number,
        "percentage": percentage,
        "mark_text": mark_text,
        "marks_text": marks_text,
        "grade_text": spoken(grade_text),
        "state_text": spoken(state_text),
        "use_text": spoken(use_text),
        "behind_text": spoken(behind_text),
        "by_hand_line": spoken(by_hand_line),
        "percent_of": lambda part: percentage(None if part is None else float(100 * part)),
        "rules": list(_rules(course, view, lang)),
    }


def _rules(course: Course, view: CourseView, lang: str) -> Iterator[str]:
    """Yield by which rules the mark is made, a line each."""
    scale = view.scale
    yield message(
        "course_mark.rule_scale",
        lang,
        maximum=mark_text(scale.maximum),
        passing=mark_text(scale.pass_mark),
        step=mark_text(scale.step),
    )
    if course.mark.drop:
        yield message("course_mark.rule_drop", lang, count=course.mark.drop)
    yield message("course_mark.rule_missing", lang)
    if any(part.minimum for part in view.parts):
        below = mark_text(scale.below_pass)
        yield message("course_mark.rule_minimum", lang, below=below)
    if any(part.bonus for part in view.parts):
        yield message("course_mark.rule_bonus", lang)
