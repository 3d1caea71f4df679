"""The answers to a question as they stand: whose they are, and what people gave them."""

import hashlib
import json
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from nbgrader.api import BaseCell, Comment, Grade, Notebook, SubmittedAssignment

from grading.errors import UserError
from grading.gradebook import changes, stored
from grading.gradebook.changes import AnySession
from grading.gradebook.marking import markings
from grading.gradebook.people import teams
from grading.judging.results import Result
from grading.judging.rubric import Rubric
from grading.messages import Reason


class NotMarked(UserError):
    """What a person gave is not kept, and why."""


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

    @classmethod
    def of_json(cls, text: str) -> "Given":
        """Return what was stored."""
        found = json.loads(text)
        return cls(**found | {"items": tuple(found["items"])})


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
    def is_marked(self) -> bool:
        """Whether no person has to look at it."""
        return self.given.marks is not None

    def seen(self, version: int) -> str:
        """Return a digest of all that a person sees who marks by this version of the rubric."""
        content = [self.text, self.given.to_json(), version]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def answers(session: AnySession, lab: str, cell: str) -> list[Answer]:
    """Return the answers to a question, one for all who handed it in together."""
    rows = _rows(session, lab, cell)
    results = _results(session, lab, {row.student for row in rows})
    together = {student: team for team in teams(results.values()) for student in team}
    last = _last(session, lab, cell)
    comments = _comments(session, lab, cell)
    found = []
    for row in rows:
        team = together.get(row.student, (row.student,))
        result = results.get(row.student)
        if row.student != team[0] or result is None:
            continue
        text = result.read(row.notebook, cell)
        waits = row.needs_manual_grade or row.manual_score is None
        given = Given(None if waits else float(row.manual_score), comments.get(row.student, ""))
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


def _results(session: AnySession, lab: str, students: Container[str]) -> dict[str, Result]:
    """Return the results of these students; they are read once, as few change between two pages."""
    query = sa.select(stored.table.c.student, stored.table.c.result)
    rows = session.execute(query.where(stored.table.c.lab == lab))
    return {student: _read(text) for student, text in rows if student in students}


_read = lru_cache(maxsize=4_096)(stored.read)


def _rows(session: AnySession, lab: str, cell: str) -> Sequence[Any]:
    return session.execute(
        changes.placed(Grade, lab)
        .where(BaseCell.name == cell)
        .with_only_columns(
            SubmittedAssignment.student_id.label("student"),
            Notebook.name.label("notebook"),
            Grade.manual_score,
            Grade.needs_manual_grade,
            Grade.max_score,
        )
        .order_by(SubmittedAssignment.student_id)
    ).all()


def _comments(session: AnySession, lab: str, cell: str) -> dict[str, str]:
    """Return the comments by student: nbgrader's are of another row for the same cell."""
    query = changes.placed(Comment, lab).where(BaseCell.name == cell)
    about = SubmittedAssignment.student_id, Comment.manual_comment
    return {
        student: text or "" for student, text in session.execute(query.with_only_columns(*about))
    }


def _last(session: AnySession, lab: str, cell: str) -> dict[str, Any]:
    query = sa.select(markings).where(markings.c.lab == lab, markings.c.cell == cell)
    return {row.student: row for row in session.execute(query.order_by(markings.c.id))}


def refusal(key: str, **values: object) -> NotMarked:
    """Return why something is not kept: a sentence of ``marking``."""
    return NotMarked(Reason(f"marking.{key}", values))
