"""Where the students of a lab stand, and what the class did: pure, from results to numbers.

Reports and exports both start here, so that they show the same marks for the same student. What a
submission could have put into a text (a label, a reason, a flag) is made harmless here, once.
"""

import math
import re
import statistics
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from grading.course.roster import Roster, Student
from grading.judging.results import GRADED, CheckMark, Result
from grading.messages import message

MISSING = "missing"
BINS = 10
LONG_RUN = 3  # checks in a row lost for one reason, which are told in one line
Totals = Mapping[str, tuple[float, float, bool]]

# They would let a text show its letters in another order than it has them (Unicode UAX 9).
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Standing:
    """One student's row.

    Attributes
    ----------
    student, name, email, group : str
        Name, address and group are empty for a student who is not in the roster.
    status : str
        Of the result; ``missing`` if nothing was handed in.
    score : float or None
        The gradebook's total: checks, written questions and penalties; None if missing.
    max_score : float
    waiting : bool
        Written questions still wait for a person: the score is provisional.
    flags : tuple of str
    checks : tuple of CheckMark
        Empty for a submission that could not be run.
    """

    student: str
    name: str
    email: str
    group: str
    status: str
    score: float | None
    max_score: float
    waiting: bool = False
    flags: tuple[str, ...] = ()
    checks: tuple[CheckMark, ...] = ()

    @property
    def percent(self) -> float | None:
        """Score in percent of the maximum; None without a score or a maximum."""
        return (
            None if self.score is None or not self.max_score else share(self.score / self.max_score)
        )

    @property
    def lost(self) -> tuple[CheckMark, ...]:
        """The checks that did not earn all their marks."""
        return tuple(check for check in self.checks if not _full(check))


@dataclass(frozen=True)
class CheckRate:
    """How the class did in one check.

    Attributes
    ----------
    cell, label : str
    title : str
        What people read in place of the label.
    max : float
    students : int
        Students whose submission ran, so that the check has an outcome.
    full, partly : int
        Students with all of its marks, and with some.
    mean : float
        Mean marks.
    """

    cell: str
    label: str
    title: str
    max: float
    students: int
    full: int
    partly: int
    mean: float

    @property
    def pass_rate(self) -> float:
        """Percentage of students with all the marks."""
        return share(self.full / self.students)


@dataclass(frozen=True)
class Overview:
    """The class in a few numbers; mean, median and bins are of those who handed in.

    Attributes
    ----------
    submissions, missing, waiting : int
        Students who handed in, who did not, and whose score is provisional.
    max_score : float
    mean, median : float or None
        Percent of the marks; None without submissions.
    bins : tuple of int
        Students by percentage, in ten steps; 100 % belongs to the last.
    """

    submissions: int
    missing: int
    waiting: int
    max_score: float
    mean: float | None
    median: float | None
    bins: tuple[int, ...]


@dataclass(frozen=True)
class ClassView:
    """A lab's class, computed once for all that show it: the table, the page and the exports.

    Attributes
    ----------
    rows : tuple of Standing
        By name.
    overview : Overview
    rates : tuple of CheckRate
        In the order of the lab.
    notes : tuple of str
        How runs differed from a fully sandboxed one.
    """

    rows: tuple[Standing, ...]
    overview: Overview
    rates: tuple[CheckRate, ...]
    notes: tuple[str, ...]

    @property
    def handed_in(self) -> tuple[Standing, ...]:
        """The rows of those who handed something in."""
        return tuple(row for row in self.rows if row.status != MISSING)

    @property
    def missing(self) -> tuple[Standing, ...]:
        """The rows of those who did not."""
        return tuple(row for row in self.rows if row.status == MISSING)


def class_view(
    results: Iterable[Result], roster: Roster | None = None, totals: Totals | None = None
) -> ClassView:
    """Return the class of a lab; the parameters are those of `standings`."""
    graded = list(results)
    rows = tuple(standings(graded, roster, totals))
    notes = dict.fromkeys(plain(note) for result in graded for note in result.notes)
    return ClassView(rows, overview(rows), tuple(check_rates(rows)), tuple(notes))


def standings(
    results: Iterable[Result], roster: Roster | None = None, totals: Totals | None = None
) -> list[Standing]:
    """Return one row for every student of the roster or with a submission, by name.

    Parameters
    ----------
    results : iterable of Result
    roster : Roster, optional
        Gives names; without it nobody is known to be missing.
    totals : mapping, optional
        (score, max score, waits for a person) by student, as `Marks.totals` returns it; without
        it the scores are those of the checks.
    """
    listed = {student.id: student for student in roster.students} if roster else {}
    by_student = {result.student: result for result in results}
    totals = totals or {}
    rows = [
        _standing(listed.get(student, Student(student, "")), by_student.get(student), totals)
        for student in {**listed, **by_student, **totals}
    ]
    highest = max((row.max_score for row in rows), default=0.0)
    rows = [replace(row, max_score=highest) if row.status == MISSING else row for row in rows]
    return sorted(rows, key=lambda row: (_alphabetical(row.name or row.student), row.student))


def _standing(student: Student, result: Result | None, totals: Totals) -> Standing:
    about = plain(student.id), plain(student.name), plain(student.email), plain(student.group)
    total = totals.get(student.id)
    if result is None and total is None:
        return Standing(*about, status=MISSING, score=None, max_score=0.0)
    if total is None:
        assert result is not None
        total = result.score, result.max_score, False
    score, max_score, waiting = total
    if result is None:
        return Standing(*about, GRADED, score, max_score, waiting)
    flags = tuple(plain(flag) for flag in result.flags)
    checks = tuple(
        replace(
            check,
            cell=plain(check.cell),
            label=plain(check.label),
            reason=plain(check.reason),
            title=plain(check.title),
        )
        for check in result.checks
    )
    return Standing(*about, result.status, score, max_score, waiting, flags, checks)


def overview(rows: Sequence[Standing]) -> Overview:
    """Return the class in a few numbers."""
    handed_in = [row for row in rows if row.status != MISSING]
    percents = [row.percent for row in handed_in if row.percent is not None]
    bins = [0] * BINS
    for percent in percents:
        bins[min(max(math.floor(percent / 100 * BINS), 0), BINS - 1)] += 1
    return Overview(
        submissions=len(handed_in),
        missing=len(rows) - len(handed_in),
        waiting=sum(row.waiting for row in rows),
        max_score=max((row.max_score for row in rows), default=0.0),
        mean=statistics.fmean(percents) if percents else None,
        median=statistics.median(percents) if percents else None,
        bins=tuple(bins),
    )


def check_rates(rows: Iterable[Standing]) -> list[CheckRate]:
    """Return how the class did in each check, in the order of the lab."""
    outcomes: dict[tuple[str, str], list[CheckMark]] = {}
    for row in sorted(rows, key=lambda row: -len(row.checks)):
        for check in row.checks:
            outcomes.setdefault((check.cell, check.label), []).append(check)
    return [
        CheckRate(
            cell=cell,
            label=label,
            title=checks[0].title,
            max=checks[0].max,
            students=len(checks),
            full=sum(_full(check) for check in checks),
            partly=sum(check.marks > _TOLERANCE and not _full(check) for check in checks),
            mean=statistics.fmean(check.marks for check in checks),
        )
        for (cell, label), checks in outcomes.items()
    ]


def lost_lines(row: Standing, lang: str) -> list[str]:
    """Return why marks were lost, a line for each check; long runs with one reason are one line."""
    lines = []
    for _, group in groupby(row.lost, key=lambda check: check.reason):
        run = list(group)
        if len(run) < LONG_RUN:
            lines += [_lost(check.title, [check], lang) for check in run]
        else:
            lines.append(_lost(f"{run[0].title} … {run[-1].title} ({len(run)})", run, lang))
    return lines


def _lost(title: str, run: Sequence[CheckMark], lang: str) -> str:
    return message(
        "judged.lost",
        lang,
        label=title,
        earned=number(sum(check.marks for check in run)),
        marks=number(sum(check.max for check in run)),
        why=run[0].reason,
    ).rstrip(": ")


def number(value: float) -> str:
    """Return marks with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def share(fraction: float) -> float:
    """Return a fraction in percent, to one decimal, so that only all of it reads as 100."""
    percent = round(100 * fraction, 1)
    return 99.9 if percent == 100 and fraction < 1 - _TOLERANCE else percent


def plain(text: str) -> str:
    """Return a text as one line that shows what it holds.

    Control characters (a terminal would obey them), lone surrogates (no file can hold them) and
    marks that reorder letters become ``�``; runs of white space become one space.
    """
    visible = _BIDI_CONTROLS.sub("�", " ".join(text.split()))
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cs") else char for char in visible)


def _full(check: CheckMark) -> bool:
    return check.marks >= check.max - _TOLERANCE


def _alphabetical(name: str) -> str:
    """Return what a name sorts by: accents and case do not move it."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in letters if not unicodedata.combining(char))
