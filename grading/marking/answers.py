"""The answers to a question as they stand: whose they are, and what people gave them."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    SubmittedAssignment,
    SubmittedNotebook,
)

from grading.errors import UserError
from grading.gradebook import stored
from grading.gradebook.changes import AnySession
from grading.gradebook.marking import markings
from grading.gradebook.people import teams
from grading.judging.results import Result
from grading.judging.rubric import Rubric
from grading.messages import Reason


class NotMarked(UserError):
    """What a person gave is not kept, and why."""


class Gone(NotMarked):
    """There is no such question or answer, or none any more."""


@dataclass(frozen=True)
class Given:
    """What people gave an answer.

    Attributes
    ----------
    marks : float or None
        None while nobody gave any.
    comment : str
    items : tuple of str
        Keys of the rubric's items.
    by_rubric : bool
        Whether the marks were given here, so that they follow the rubric.
    """

    marks: float | None = None
    comment: str = ""
    items: tuple[str, ...] = ()
    by_rubric: bool = False

    def adjustment(self, rubric: Rubric, most: float) -> float:
        """Return what a person added to the rubric's marks, or took off them."""
        return 0.0 if self.marks is None else self.marks - rubric.marks(self.items, most)

    def to_json(self) -> str:
        """Return what is stored of it."""
        return json.dumps(asdict(self))

    @staticmethod
    @lru_cache(maxsize=8_192)
    def of_json(text: str) -> "Given":
        """Return what was stored."""
        found = json.loads(text)
        return Given(**found | {"items": tuple(found["items"])})


@dataclass(frozen=True)
class Answer:
    """An answer to a question.

    Attributes
    ----------
    lab, cell, notebook : str
    students : tuple of str
        Who handed it in together.
    text : str
        Digest of what is read.
    is_blank : bool
    most : float
        The question's marks.
    given : Given
    who : str
        Who gave it last; empty if that was not here.
    """

    lab: str
    cell: str
    notebook: str
    students: tuple[str, ...]
    text: str
    is_blank: bool
    most: float
    given: Given = Given()
    who: str = ""

    @property
    def student(self) -> str:
        """One of those whose it is."""
        return self.students[0]

    @property
    def marks(self) -> float | None:
        """What it has, None while nobody gave any."""
        return self.given.marks

    @property
    def is_marked(self) -> bool:
        """Whether no person has to look at it."""
        return self.given.marks is not None

    def seen(self, version: int) -> str:
        """Return a digest of all that a person sees who marks by this version of the rubric."""
        content = [self.text, self.given.to_json(), version]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def answers(session: AnySession, lab: str, cell: str) -> list[Answer]:
    """Return the answers to a question, one for all who handed it in together."""
    return _answers(session, lab, cell, read_results(session, lab))


def graded(session: AnySession, lab: str) -> list[str]:
    """Return the students of whom a lab was graded."""
    return list(session.scalars(sa.select(stored.table.c.student).where(stored.table.c.lab == lab)))


def answers_of(
    session: AnySession, lab: str, cell: str, students: Collection[str]
) -> list[Answer | None]:
    """Return the answer of each of these students, None if there is none; faster than all's."""
    known = read_results(session, lab, students)
    partners = {other for one in known.values() for other in one.team}.difference(students)
    if partners:
        known |= read_results(session, lab, partners)
    found = _answers(session, lab, cell, known, list(known))
    return [of_student(found, student) for student in students]


def answer_of(session: AnySession, lab: str, cell: str, student: str) -> Answer | None:
    """Return a student's answer, None if there is none."""
    (found,) = answers_of(session, lab, cell, [student])
    return found


def _answers(
    session: AnySession,
    lab: str,
    cell: str,
    results: Mapping[str, Result],
    students: Collection[str] | None = None,
) -> list[Answer]:
    rows = _rows(session, lab, cell, students)
    there = {row.student for row in rows}
    together = {
        student: team
        for team in teams(result for name, result in results.items() if name in there)
        for student in team
    }
    last = _last(session, lab, cell, students)
    found = []
    for row in rows:
        team = together.get(row.student, (row.student,))
        result = results.get(row.student)
        if row.student != team[0] or result is None:
            continue
        text = result.read(row.notebook, cell)
        waits = row.needs_manual_grade or row.manual_score is None
        given = Given(None if waits else float(row.manual_score), row.comment or "")
        who = ""
        if (mine := last.get(row.student)) and mine.text == text:
            before = Given.of_json(mine.after)
            # What was taken back, here or in Formgrader, is no answer by the rubric any more.
            by_rubric = before.by_rubric and given.marks is not None
            given = Given(given.marks, given.comment, before.items if by_rubric else (), by_rubric)
            who = mine.who if given == before else ""
        most = float(row.max_score or 0.0)
        is_blank = cell in result.unanswered
        found.append(Answer(lab, cell, row.notebook, team, text, is_blank, most, given, who))
    return found


def of_student(found: Sequence[Answer], student: str) -> Answer | None:
    """Return a student's answer, None if there is none."""
    return next((one for one in found if student in one.students), None)


def read_results(
    session: AnySession, lab: str, students: Collection[str] | None = None
) -> dict[str, Result]:
    """Return the results of a lab by student, or those of some; what did not change is kept."""
    query = sa.select(stored.table.c.student, stored.table.c.result)
    query = query.where(stored.table.c.lab == lab)
    if students is not None:
        query = query.where(stored.table.c.student.in_(students))
    return {student: _read(lab, student, text) for student, text in session.execute(query)}


def _read(lab: str, student: str, text: str) -> Result:
    known = _known.get((lab, student))
    if known is None or known[0] != text:
        known = _known[lab, student] = text, stored.read(text)
    return known[1]


_known: dict[tuple[str, str], tuple[str, Result]] = {}  # few change between two pages


def _rows(
    session: AnySession, lab: str, cell: str, students: Collection[str] | None
) -> Sequence[Any]:
    query = _asked().where(_LAB.c.name == lab, _GRADED.c.name == cell)
    if students is not None:
        query = query.where(_WHOSE.c.student_id.in_(students))
    return session.execute(query).all()


# nbgrader's comments are of another row for the same cell. In its classes' own words this takes
# three times as long, with which one waits for each answer.
_LAB, _NOTEBOOK, _WHOSE, _PLACE, _MARK, _NOTED, _GRADED, _MOST = (
    kind.__table__
    for kind in (
        *(Assignment, Notebook, SubmittedAssignment, SubmittedNotebook),
        *(Grade, Comment, BaseCell, GradeCell),
    )
)
_WRITTEN = _GRADED.alias()


@cache
def _asked() -> sa.Select[Any]:
    """Return the query of what nbgrader has of written answers."""
    return (
        sa.select(
            _WHOSE.c.student_id.label("student"),
            _NOTEBOOK.c.name.label("notebook"),
            _MARK.c.manual_score,
            _MARK.c.needs_manual_grade,
            _MOST.c.max_score,
            _NOTED.c.manual_comment.label("comment"),
        )
        .select_from(_LAB)
        .join(_NOTEBOOK, _NOTEBOOK.c.assignment_id == _LAB.c.id)
        .join(_GRADED, _GRADED.c.notebook_id == _NOTEBOOK.c.id)
        .join(_MOST, _MOST.c.id == _GRADED.c.id)
        .join(_MARK, _MARK.c.cell_id == _GRADED.c.id)
        .join(_PLACE, _PLACE.c.id == _MARK.c.notebook_id)
        .join(_WHOSE, _WHOSE.c.id == _PLACE.c.assignment_id)
        .outerjoin(
            _WRITTEN,
            (_WRITTEN.c.notebook_id == _GRADED.c.notebook_id)
            & (_WRITTEN.c.name == _GRADED.c.name)
            & (_WRITTEN.c.type == SolutionCell.__name__),
        )
        .outerjoin(
            _NOTED, (_NOTED.c.cell_id == _WRITTEN.c.id) & (_NOTED.c.notebook_id == _PLACE.c.id)
        )
        .order_by(_WHOSE.c.student_id)
    )


def _last(
    session: AnySession, lab: str, cell: str, students: Collection[str] | None
) -> dict[str, Any]:
    """Return what was given last here, by student."""
    newest = sa.select(sa.func.max(markings.c.id)).where(
        markings.c.lab == lab, markings.c.cell == cell
    )
    if students is not None:
        newest = newest.where(markings.c.student.in_(students))
    query = sa.select(markings.c.student, markings.c.text, markings.c.who, markings.c.after)
    rows = session.execute(query.where(markings.c.id.in_(newest.group_by(markings.c.student))))
    return {row.student: row for row in rows}


def gone() -> Gone:
    """Return that what somebody marks is not there, or not any more."""
    return Gone(Reason("marking.gone"))


def refusal(key: str, **values: object) -> NotMarked:
    """Return why something is not kept: a sentence of ``marking``."""
    return NotMarked(Reason(f"marking.{key}", values))
