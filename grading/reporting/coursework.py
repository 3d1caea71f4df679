"""Where the students of a course stand: pure, from the labs' classes to one mark each."""

import math
import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

from grading.course.config import Course, ExamInfo, LabInfo
from grading.course.coursemark import (
    CourseMark,
    Earned,
    Line,
    Part,
    State,
    course_mark,
    near,
    share_needed,
    to_come,
    with_share,
)
from grading.course.extensions import Extensions
from grading.course.roster import Roster
from grading.course.scales import Scale, exact, scale_of
from grading.judging.record import ByHand
from grading.judging.results import FAILED
from grading.messages import Reason
from grading.reporting.standings import (
    BINS,
    MISSING,
    ClassView,
    Standing,
    by_group,
    number,
    plain,
    share,
    standings,
)


@dataclass(frozen=True)
class Given:
    """What a course's mark depends on beside the labs' classes.

    Attributes
    ----------
    excused : mapping
        The reason, by student and part.
    exams : mapping
        The marks by exam and student; None for an exam that has none yet.
    extensions : Extensions
    collected : collection
        Student and lab of what was handed in, graded or not.
    maxima : mapping of str to float
        Marks of the labs that were released.
    now : datetime
    """

    now: datetime
    excused: Mapping[tuple[str, str], str] = field(default_factory=dict)
    exams: Mapping[str, Mapping[str, Fraction] | None] = field(default_factory=dict)
    extensions: Extensions = field(default_factory=dict)
    collected: Collection[tuple[str, str]] = ()
    maxima: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A part in a student's row: what becomes of it, its marks, and what people did to them."""

    line: Line
    score: float | None
    maximum: float | None
    by_hand: tuple[ByHand, ...] = ()

    @property
    def percent(self) -> float | None:
        """The share of its marks in percent; None without marks."""
        if self.line.earned.state in (State.MARKED, State.WAITING):
            return share(float(self.line.earned.share))
        return None


@dataclass(frozen=True)
class Target:
    """A mark to aim at, and the share of the marks to come with which it is reached.

    ``share`` is 0 if it is reached whatever comes, None if it cannot be any more.
    """

    mark: Fraction
    name: str | Reason
    share: Fraction | None


@dataclass(frozen=True)
class Outlook:
    """What is to come for a student: the parts with their marks, and what they may bring.

    ``best`` is the mark with all of them.
    """

    parts: tuple[tuple[Part, float | None], ...]
    targets: tuple[Target, ...]
    best: Fraction | None


@dataclass(frozen=True)
class CourseRow:
    """A student's row; ``behind`` says why somebody should have a look."""

    student: str
    name: str
    email: str
    group: str
    entries: tuple[Entry, ...]
    mark: CourseMark
    behind: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Spread:
    """Some percentages in a few numbers; the standard deviation is that of a sample."""

    count: int
    mean: float | None
    median: float | None
    deviation: float | None
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """A group of the roster, or the whole class; ``parts`` has a `Spread` for each part."""

    name: str
    students: int
    parts: tuple[Spread, ...]
    marks: Spread
    passing: int


@dataclass(frozen=True)
class CourseView:
    """The course, computed once for all that show it.

    Attributes
    ----------
    parts : tuple of Part
    titles : tuple of str
        What the parts are called, in the course's language.
    scale : Scale
    rows : tuple of CourseRow
        By surname.
    whole : Section
    sections : tuple of Section
        Empty if there are not two of them.
    unlisted : tuple of str
        Who has marks and is not in the roster.
    """

    parts: tuple[Part, ...]
    titles: tuple[str, ...]
    scale: Scale
    rows: tuple[CourseRow, ...]
    whole: Section
    sections: tuple[Section, ...]
    unlisted: tuple[str, ...] = ()

    @property
    def final(self) -> int:
        """How many marks are final."""
        return sum(row.mark.is_final for row in self.rows)

    @property
    def behind(self) -> tuple[CourseRow, ...]:
        """The rows of those who fall behind."""
        return tuple(row for row in self.rows if row.behind)


def parts_of(course: Course) -> tuple[Part, ...]:
    """Return the labs and exams of a course."""
    return tuple(
        Part(
            info.name,
            exact(info.weight),
            exact(info.minimum) / 100,
            info.bonus,
            may_be_dropped=isinstance(info, LabInfo),
        )
        for info in course.parts
    )


def course_view(
    course: Course, roster: Roster, classes: Mapping[str, ClassView], given: Given
) -> CourseView:
    """Return where everybody stands.

    Parameters
    ----------
    course : Course
    roster : Roster
    classes : mapping of str to ClassView
        By lab.
    given : Given
    """
    parts, scale, lang = parts_of(course), scale_of(course.mark), course.language
    labs = {lab: {row.student: row for row in view.rows} for lab, view in classes.items()}
    rows = []
    for about in standings((), roster, course.zone, lang):
        mine = {lab: labs[lab][about.student] for lab in labs if about.student in labs[lab]}
        earned = _earned(course, about.student, mine, classes, given)
        mark = course_mark(parts, earned, scale, course.mark.drop)
        entries = tuple(_entry(course, line, about.student, mine, given) for line in mark.lines)
        who = about.student, about.name, about.email, about.group
        rows.append(CourseRow(*who, entries, mark, tuple(_behind(course, mark, scale))))
    return CourseView(
        parts,
        tuple(info.title.get(lang, info.name) for info in course.parts),
        scale,
        tuple(rows),
        _section("", rows, scale),
        tuple(_section(name, members, scale) for name, members in by_group(rows).items()),
        tuple(dict.fromkeys(student for view in classes.values() for student in view.unlisted)),
    )


def outlook(course: Course, row: CourseRow, given: Given) -> Outlook:
    """Return what a student needs in what is to come, by the rules of the mark itself."""
    parts, scale, drop = parts_of(course), scale_of(course.mark), course.mark.drop
    earned = {line.part.name: line.earned for line in row.mark.lines}
    most = with_share(parts, earned, Fraction(1))
    return Outlook(
        tuple((part, _maximum(course, part.name, given)) for part in to_come(parts, earned)),
        tuple(
            Target(mark, name, share_needed(parts, earned, scale, drop, mark))
            for mark, name in scale.targets
        ),
        course_mark(parts, most, scale, drop).mark,
    )


def marks_needed(target: Target, maximum: float) -> float:
    """Return the marks of a part that a share comes to, up to the next hundredth."""
    return math.ceil((target.share or 0) * exact(maximum) * 100) / 100


def _maximum(course: Course, part: str, given: Given) -> float | None:
    exams = {exam.name: exam.maximum for exam in course.exams}
    return exams.get(part) or given.maxima.get(part)


def _earned(
    course: Course,
    student: str,
    mine: Mapping[str, Standing],
    classes: Mapping[str, ClassView],
    given: Given,
) -> dict[str, Earned]:
    """Return what a student has in each part."""
    earned = {}
    for info in course.parts:
        if why := given.excused.get((student, info.name)):
            earned[info.name] = Earned(State.EXCUSED, why=plain(why))
        elif isinstance(info, ExamInfo):
            earned[info.name] = _of_exam(info, student, given)
        else:
            is_open = not classes[info.name].handed_in or _may_come(info, student, given)
            row = mine[info.name]
            earned[info.name] = _of_lab(row, is_open, course.mark.beyond_maximum)
    return earned


def _of_exam(exam: ExamInfo, student: str, given: Given) -> Earned:
    marks = given.exams.get(exam.name)
    if marks is None:
        return Earned(State.NOT_YET)
    if student not in marks:
        return Earned(State.MISSING)
    return Earned(State.MARKED, marks[student] / exact(exam.maximum))


def _of_lab(row: Standing, is_open: bool, beyond: bool) -> Earned:
    if row.status == MISSING:
        return Earned(State.NOT_YET if is_open else State.MISSING)
    if row.score is None or not row.max_score:
        return Earned(State.NOT_YET)
    part = near(row.score) / near(row.max_score)
    waits = row.waiting or row.status == FAILED
    state = State.WAITING if waits else State.MARKED
    return Earned(state, part if beyond else min(part, Fraction(1)))


def _may_come(lab: LabInfo, student: str, given: Given) -> bool:
    """Whether a lab that is not graded is still to be: it was handed in, or may be in time."""
    if (student, lab.name) in given.collected:
        return True
    return lab.due is not None and given.now <= given.extensions.get((student, lab.name), lab.due)


def _entry(
    course: Course, line: Line, student: str, mine: Mapping[str, Standing], given: Given
) -> Entry:
    name, has_marks = line.part.name, line.earned.state in (State.MARKED, State.WAITING)
    if name in mine:
        row = mine[name]
        most = row.max_score or given.maxima.get(name)
        return Entry(line, row.score if has_marks else None, most, row.by_hand)
    marks = (given.exams.get(name) or {}).get(student)
    score = float(marks) if has_marks and marks is not None else None
    return Entry(line, score, _maximum(course, name, given))


def _behind(course: Course, mark: CourseMark, scale: Scale) -> Iterator[Reason]:
    """Yield why somebody falls behind: two labs in a row missing, or a mark that does not pass."""
    labs = [
        line
        for line in mark.lines
        if line.part.name in course.lab_names
        and not line.part.bonus
        and line.earned.state is not State.EXCUSED
    ]
    missing = (State.MISSING, State.MISSING)
    for one, other in pairwise(labs):
        if (one.earned.state, other.earned.state) == missing:
            titles = [
                course.lab(line.part.name).title.get(course.language, line.part.name)
                for line in (one, other)
            ]
            yield Reason("course_mark.behind_missing", {"one": titles[0], "other": titles[1]})
            break
    if mark.mark is not None and mark.mark < scale.pass_mark:
        about = {"mark": number(float(mark.mark)), "needed": number(float(scale.pass_mark))}
        yield Reason("course_mark.behind_below", about)


def _section(name: str, rows: Sequence[CourseRow], scale: Scale) -> Section:
    marks = [row.mark.mark for row in rows if row.mark.mark is not None]
    columns = zip(*(row.entries for row in rows), strict=True)
    return Section(
        name,
        len(rows),
        tuple(
            _spread(entry.percent for entry in column if entry.percent is not None)
            for column in columns
        ),
        _spread(float(100 * mark / scale.maximum) for mark in marks),
        sum(mark >= scale.pass_mark for mark in marks),
    )


def _spread(percents: Iterable[float]) -> Spread:
    values = list(percents)
    bins = [0] * BINS
    for value in values:
        bins[min(max(math.floor(value / 100 * BINS), 0), BINS - 1)] += 1
    return Spread(
        len(values),
        statistics.fmean(values) if values else None,
        statistics.median(values) if values else None,
        statistics.stdev(values) if len(values) > 1 else None,
        tuple(bins),
    )
