"""Where the students of a lab stand, and what the class did: pure, from results to numbers.

Reports and exports both start here, so that they show the same marks for the same student. What a
submission could have put into a text (a label, a reason, a flag) is made harmless here, once.
"""

import math
import re
import statistics
import string
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from typing import Protocol, TypeVar

from grading.course.roster import Roster, Student, group_names
from grading.judging.record import TOLERANCE, Adjustment, ByHand, Change, Deduction, Record, Written
from grading.judging.results import GRADED, CheckMark, Result
from grading.messages import ID_LANGUAGE, message

MISSING = "missing"
BINS = 10
NAMED = 10  # of whom a warning names
LONG_RUN = 3  # checks in a row lost for one reason, which are told in one line

# They would let a text show its letters in another order than it has them (Unicode UAX 9).
_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BETWEEN_WORDS = " -‐‑–"
# Letters that Unicode does not take apart.
_MADE_OF = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th"}
)


class _InGroups(Protocol):
    @property
    def group(self) -> str: ...


Row = TypeVar("Row", bound=_InGroups)


@dataclass(frozen=True)
class Standing:
    """One student's row.

    Attributes
    ----------
    student, name, email, group : str
        Name, address and group are empty where there is no roster.
    status : str
        Of the result; ``missing`` if nothing was handed in.
    score : float or None
        The total of the record, to which all the parts below add up; None if missing.
    max_score : float
    waiting : bool
        Written questions still wait for a person: the score is provisional.
    flags : tuple of str
    checks : tuple of CheckMark
        Empty for a submission that could not be run.
    written, adjustments, deductions, by_hand
        What people and lateness add to the checks, and take from them.
    unanswered : tuple of str
        Cells of written answers that were left blank.
    history, overwritten : tuple of Change
        What people gave for answers that were replaced since, and what others changed.
    handed_in : datetime or None
        In the course's time zone.
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
    written: tuple[Written, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    deductions: tuple[Deduction, ...] = ()
    by_hand: tuple[ByHand, ...] = ()
    unanswered: tuple[str, ...] = ()
    history: tuple[Change, ...] = ()
    overwritten: tuple[Change, ...] = ()
    handed_in: datetime | None = None

    @property
    def raw(self) -> float | None:
        """The score before lateness and what was done to the total; None if missing."""
        if self.score is None:
            return None
        after = sum(item.marks for item in self.by_hand)
        return self.score - after + sum(item.marks for item in self.deductions)

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
    """How the class did in one check, or in one written question.

    Attributes
    ----------
    cell, label : str
    title : str
        What people read in place of the label.
    max : float
    students : int
        Students with an outcome: whose submission ran, or whose answer was marked.
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
class Spread:
    """How the totals of some students are spread.

    Attributes
    ----------
    mean, median : float or None
        Percent of the marks; None if they are nobody's.
    bins : tuple of int
        Students by percentage, in ten steps; 100 % belongs to the last.
    """

    mean: float | None
    median: float | None
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Overview:
    """The class in a few numbers.

    Attributes
    ----------
    submissions, missing, waiting : int
        Students who handed in, who did not, and whose score is provisional.
    max_score : float
    final, provisional : Spread
        Of the totals in which nothing waits for a person, and of the others.
    """

    submissions: int
    missing: int
    waiting: int
    max_score: float
    final: Spread
    provisional: Spread


@dataclass(frozen=True)
class ClassView:
    """A lab's class, computed once for all that show it: the table, the page and the exports.

    Attributes
    ----------
    rows : tuple of Standing
        By surname.
    overview : Overview
    rates, question_rates : tuple of CheckRate
        Of the checks, and of the written questions, in the order of the lab.
    notes : tuple of str
        How runs differed from a fully sandboxed one, with whose they were if not all did.
    unlisted : tuple of str
        Students with a submission who are not in the roster; they have no row.
    """

    rows: tuple[Standing, ...]
    overview: Overview
    rates: tuple[CheckRate, ...]
    notes: tuple[str, ...]
    unlisted: tuple[str, ...] = ()
    question_rates: tuple[CheckRate, ...] = ()

    @property
    def handed_in(self) -> tuple[Standing, ...]:
        """The rows of those who handed something in."""
        return tuple(row for row in self.rows if row.status != MISSING)

    @property
    def missing(self) -> tuple[Standing, ...]:
        """The rows of those who did not."""
        return tuple(row for row in self.rows if row.status == MISSING)

    @property
    def sections(self) -> dict[str, Overview]:
        """The groups of the roster by name; empty if there are not two of them."""
        return {name: overview(rows) for name, rows in by_group(self.rows).items()}


def class_view(
    records: Iterable[Record],
    roster: Roster | None = None,
    zone: tzinfo | None = UTC,
    lang: str = ID_LANGUAGE,
) -> ClassView:
    """Return the class of a lab; the parameters are those of `standings`."""
    known = list(records)
    rows = tuple(standings(known, roster, zone, lang))
    notes = _notes([record.result for record in known if record.result])
    listed = {row.student for row in rows}
    unlisted = tuple(
        student for record in known if (student := plain(record.student)) not in listed
    )
    return ClassView(
        rows,
        overview(rows),
        tuple(check_rates(rows)),
        tuple(notes),
        unlisted,
        tuple(question_rates(rows)),
    )


def narrowed(view: ClassView, students: Collection[str]) -> ClassView:
    """Return a class as if it had these students alone; its notes, which name others, are left."""
    rows = tuple(row for row in view.rows if row.student in students)
    return ClassView(
        rows,
        overview(rows),
        tuple(check_rates(rows)),
        notes=(),
        question_rates=tuple(question_rates(rows)),
    )


def _notes(results: Sequence[Result]) -> Iterator[str]:
    """Yield every note once, with the students whom it concerns if that is not all of them."""
    concerned: dict[str, list[str]] = {}
    for result in results:
        for note in result.notes:
            concerned.setdefault(plain(note), []).append(plain(result.student))
    for note, students in concerned.items():
        yield note if len(students) == len(results) else f"{note}: {', '.join(students)}"


def standings(
    records: Iterable[Record],
    roster: Roster | None = None,
    zone: tzinfo | None = UTC,
    lang: str = ID_LANGUAGE,
) -> list[Standing]:
    """Return one row for every student of the course, by surname.

    Parameters
    ----------
    records : iterable of Record
    roster : Roster, optional
        Says who is in the course; without it those are who have a record, and nobody is missing.
    zone : tzinfo or None
        The times are given in it; None is the machine's.
    lang : str
        By whose alphabet names are sorted.
    """
    by_student = {record.student: record for record in records}
    students = roster.students if roster else [Student(student, "") for student in by_student]
    rows = [_standing(student, by_student.get(student.id), zone) for student in students]
    highest = max((row.max_score for row in rows), default=0.0)
    rows = [replace(row, max_score=highest) if row.status == MISSING else row for row in rows]
    surnames = {plain(student.id): student.surname for student in students}
    return sorted(rows, key=lambda row: _by_surname(row, surnames.get(row.student, ""), lang))


def _standing(student: Student, record: Record | None, zone: tzinfo | None) -> Standing:
    about = plain(student.id), plain(student.name), plain(student.email), plain(student.group)
    if record is None:
        return Standing(*about, status=MISSING, score=None, max_score=0.0)
    result = record.result
    return Standing(
        *about,
        status=result.status if result else GRADED,
        score=record.score,
        max_score=record.max_score,
        waiting=record.waiting,
        flags=tuple(plain(flag) for flag in result.flags) if result else (),
        checks=tuple(
            replace(
                check,
                cell=plain(check.cell),
                label=plain(check.label),
                reason=plain(check.reason),
                title=plain(check.title),
            )
            for check in (result.checks if result else ())
        ),
        written=tuple(replace(item, comment=plain(item.comment)) for item in record.written),
        adjustments=tuple(
            replace(item, change=item.change and _local(item.change, zone))
            for item in record.adjustments
        ),
        deductions=record.deductions,
        by_hand=tuple(
            replace(item, why=plain(item.why), who=plain(item.who), when=plain(item.when))
            for item in record.by_hand
        ),
        unanswered=tuple(plain(cell) for cell in result.unanswered) if result else (),
        history=tuple(_local(change, zone) for change in record.history),
        overwritten=tuple(_local(change, zone) for change in record.overwritten),
        handed_in=record.handed_in and record.handed_in.astimezone(zone),
    )


def _local(change: Change, zone: tzinfo | None) -> Change:
    new = plain(change.new) if isinstance(change.new, str) else change.new
    return replace(
        change, new=new, who=plain(change.who), why=plain(change.why), at=change.at.astimezone(zone)
    )


def by_group(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each group of the roster, by name; nothing if there are not two groups."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        for name in group_names(row.group):
            found.setdefault(name, []).append(row)
    return dict(sorted(found.items())) if len(found) > 1 else {}


def overview(rows: Sequence[Standing]) -> Overview:
    """Return the class in a few numbers."""
    handed_in = [row for row in rows if row.status != MISSING]
    return Overview(
        submissions=len(handed_in),
        missing=len(rows) - len(handed_in),
        waiting=sum(row.waiting for row in rows),
        max_score=max((row.max_score for row in rows), default=0.0),
        final=_spread(row.percent for row in handed_in if not row.waiting),
        provisional=_spread(row.percent for row in handed_in if row.waiting),
    )


def _spread(found: Iterable[float | None]) -> Spread:
    percents = [percent for percent in found if percent is not None]
    bins = [0] * BINS
    for percent in percents:
        bins[min(max(math.floor(percent / 100 * BINS), 0), BINS - 1)] += 1
    return Spread(
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
    return [_rate(label, checks[0].title, checks) for (_, label), checks in outcomes.items()]


def question_rates(rows: Iterable[Standing]) -> list[CheckRate]:
    """Return how the class did in each written question that somebody has marked.

    Answers left blank have 0 marks from the beginning; they count once nobody else's waits, or
    somebody has marked one.
    """
    outcomes: dict[str, list[CheckMark]] = {}
    waiting, marked = set(), set()
    for row in rows:
        for one in row.written:
            if one.marks is None:
                waiting.add(one.cell)
                continue
            if one.cell not in row.unanswered:
                marked.add(one.cell)
            mark = CheckMark(one.cell, one.cell, one.marks, one.max, one.comment)
            outcomes.setdefault(one.cell, []).append(mark)
    untouched = waiting - marked
    return [_rate(cell, cell, marks) for cell, marks in outcomes.items() if cell not in untouched]


def _rate(label: str, title: str, marks: Sequence[CheckMark]) -> CheckRate:
    return CheckRate(
        cell=marks[0].cell,
        label=label,
        title=title,
        max=marks[0].max,
        students=len(marks),
        full=sum(_full(mark) for mark in marks),
        partly=sum(mark.marks > TOLERANCE and not _full(mark) for mark in marks),
        mean=statistics.fmean(mark.marks for mark in marks),
    )


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


def written_lines(row: Standing, lang: str) -> list[str]:
    """Return the written answers that a person has marked or said something of, a line each."""
    return [
        _mark_line(answer.cell, answer.marks, answer.max, answer.comment, lang)
        for answer in row.written
        if answer.marks is not None and (answer.comment or answer.marks < answer.max - TOLERANCE)
    ]


def other_lines(row: Standing, lang: str) -> list[str]:
    """Return what else makes the total what it is, a line each: people's changes, and lateness."""
    lines = []
    for item in row.adjustments:
        added = signed(item.marks)
        about = about_change(item.change, lang)
        lines.append(message("record.adjusted", lang, cell=item.cell, added=added, about=about))
    for off in row.deductions:
        line = message(
            "record.late_by_rule" if off.rule else "record.late",
            lang,
            late=duration(off.seconds_late),
            raw=number(row.raw or 0.0),
            marks=number(off.marks),
            final=number((row.raw or 0.0) - off.marks),
            rule=off.rule,
        )
        lines.append(line)
    return [*lines, *(by_hand_line(item, lang) for item in row.by_hand)]


def by_hand_line(item: ByHand, lang: str) -> str:
    """Return how a total was changed, by whom, when and why."""
    whom = ", ".join(filter(None, (item.who, item.when))) or message("record.unknown", lang)
    key = "by_hand" if abs(item.marks - item.asked) <= TOLERANCE else "by_hand_in_part"
    added, asked = signed(item.marks), signed(item.asked)
    return message(f"record.{key}", lang, added=added, asked=asked, about=f"{whom}: {item.why}")


def history_lines(row: Standing, lang: str) -> list[str]:
    """Return what people gave that does not stand any more, a line each."""

    def about(change: Change) -> dict[str, str]:
        given = change.new if isinstance(change.new, str) else number(change.new or 0.0)
        return {"cell": change.cell, "given": given, "about": about_change(change, lang)}

    return [
        *(message(f"replaced.{one.field}", lang, **about(one)) for one in row.history),
        *(message(f"overwritten.{one.field}", lang, **about(one)) for one in row.overwritten),
    ]


def about_change(change: Change | None, lang: str) -> str:
    """Return who changed a mark, when, and why, as far as that is known."""
    if change is None:
        return message("record.unknown", lang)
    who = change.who or message("record.unknown", lang)
    about = f"{who}, {change.at:%Y-%m-%d %H:%M %Z}"
    return f"{about}: {change.why}" if change.why else about


def duration(seconds: float) -> str:
    """Return a time in its two largest units, from minutes up.

    Examples
    --------
    >>> duration(30), duration(3 * 3600), duration(2 * 86400 + 3700)
    ('1 min', '3 h', '2 d 1 h')
    """
    minutes = max(1, round(seconds / 60))
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    return " ".join(f"{count} {unit}" for count, unit in [part for part in parts if part[0]][:2])


def _lost(title: str, run: Sequence[CheckMark], lang: str) -> str:
    earned, most = (sum(getattr(check, field) for check in run) for field in ("marks", "max"))
    return _mark_line(title, earned, most, run[0].reason, lang)


def _mark_line(title: str, earned: float, most: float, why: str, lang: str) -> str:
    key = "judged.lost" if earned < most - TOLERANCE else "judged.commented"
    about = {"label": title, "earned": number(earned), "marks": number(most), "why": why}
    return message(key, lang, **about).rstrip(": ")


def number(value: float) -> str:
    """Return marks with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def signed(marks: float) -> str:
    """Return marks that were added, with a plus, or taken off, with a minus.

    Examples
    --------
    >>> signed(1.5), signed(-2)
    ('+1.5', '−2')
    """
    return f"{'−' if marks < 0 else '+'}{number(abs(marks))}"


def listed(names: Iterable[str]) -> str:
    """Return names in a line; of many only the first.

    Examples
    --------
    >>> listed(["ana", "bo"])
    'ana, bo'
    """
    every = list(names)
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + more


def share(fraction: float) -> float:
    """Return a fraction in percent, to one decimal, so that only all of it reads as 100."""
    percent = round(100 * fraction, 1)
    return 99.9 if percent == 100 and fraction < 1 - TOLERANCE else percent


def plain(text: str) -> str:
    """Return a text as one line that shows what it holds.

    Control characters (a terminal would obey them), lone surrogates (no file can hold them) and
    marks that reorder letters become ``�``; runs of white space become one space.
    """
    visible = _BIDI_CONTROLS.sub("�", " ".join(text.split()))
    return "".join("�" if unicodedata.category(char) in ("Cc", "Cs") else char for char in visible)


def _full(check: CheckMark) -> bool:
    return check.marks >= check.max - TOLERANCE


def _by_surname(row: Standing, surname: str, lang: str) -> tuple[list[int], list[int], str]:
    """Return what a row is sorted by; a name without a known surname is taken as it is written."""
    name = row.name or row.student
    before, _, after = name.partition(",")
    first, second = (surname, name) if surname else (before, after)
    return collated(first, lang), collated(second, lang), row.student


def collated(text: str, lang: str) -> list[int]:
    """Return what a text is sorted by in a language: word by word, in its alphabet's order.

    Letters that the alphabet lacks, such as accented ones, count as those they are made of.

    Examples
    --------
    >>> sorted(["Ñu", "Oro", "Nube", "Álamo", "Alba"], key=lambda name: collated(name, "es"))
    ['Álamo', 'Alba', 'Nube', 'Ñu', 'Oro']
    """
    known = string.digits + message("language.alphabet", lang)
    places = {letter: place for place, letter in enumerate(known, start=1)}
    places |= dict.fromkeys(_BETWEEN_WORDS, 0)
    key = []
    for char in unicodedata.normalize("NFC", text.casefold()).strip():
        whole = char in places
        made_of = char if whole else unicodedata.normalize("NFKD", char.translate(_MADE_OF))
        for letter in made_of:
            if letter in places or letter.isalnum():
                key.append(places.get(letter, len(known) + ord(letter)))
    return key
