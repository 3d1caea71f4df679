"""What a person gives is written as nbgrader's mark and comment, with what it was made of."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from nbgrader.api import Assignment, SubmittedAssignment

from grading.gradebook import changes
from grading.gradebook.changes import AnySession, Value
from grading.gradebook.database import hold
from grading.gradebook.marking import markings
from grading.judging.rubric import Rubric, clamped
from grading.marking.answers import Answer, Given, answers_of, gone, refusal

FARTHEST = 1_000.0  # marks by which one may adjust
LONGEST = 10_000  # characters of a comment


class Overtaken(Exception):
    """Somebody else marked first; ``answer`` is what stands now."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


def save(
    session: AnySession,
    lab: str,
    cell: str,
    rubric: tuple[Rubric, int],
    seen: Mapping[str, str],
    wanted: Given,
    adjustment: float,
    who: str,
) -> None:
    """Give answers what a person chose, all of them or none.

    Parameters
    ----------
    session
        In a transaction in which nobody else writes.
    lab, cell : str
    rubric : (Rubric, int)
        The one that stands, and its version.
    seen : mapping
        By student, the `Answer.seen` of what the person saw.
    wanted : Given
        Its marks are computed here.
    adjustment : float
    who : str

    Raises
    ------
    Overtaken
        If an answer or what it was given is no longer what the person saw.
    NotMarked
        If an answer is no longer there, or what it is given cannot be.
    """
    items, version = rubric
    check(items, wanted, adjustment)
    chosen = _chosen(session, lab, cell, seen)
    for one in chosen:
        if one.seen(version) != seen[one.student]:
            raise Overtaken(one)
    batch = secrets.token_hex(16)
    for one in chosen:
        write(session, one, marked(items, wanted, adjustment, one.most), who, batch)


def check(rubric: Rubric, wanted: Given, adjustment: float) -> None:
    """Raise `NotMarked` if no answer can be given this."""
    if set(wanted.items) - {item.key for item in rubric.items}:
        raise refusal("no_item")
    if not abs(adjustment) <= FARTHEST:
        raise refusal("no_marks")
    if len(wanted.comment) > LONGEST:
        raise refusal("too_long", count=LONGEST)


def marked(rubric: Rubric, wanted: Given, adjustment: float, most: float) -> Given:
    """Return what is given with its marks, of a question of ``most``."""
    marks = clamped(rubric.marks(wanted.items, most) + adjustment, most)
    return Given(marks, wanted.comment.strip(), wanted.items, by_rubric=True)


def undo(session: AnySession, lab: str, cell: str, who: str) -> Sequence[Answer]:
    """Take back what a person saved last, and return the answers that it was of.

    Raises
    ------
    Overtaken
        If somebody else marked one of them since.
    NotMarked
        If there is nothing to take back, or an answer is no longer there.
    """
    mine = (markings.c.lab == lab, markings.c.cell == cell, markings.c.who == who)
    undone = sa.select(markings.c.undoes).where(*mine, markings.c.undoes != "")
    batch = session.scalar(
        sa.select(markings.c.batch)
        .where(*mine, markings.c.undoes == "", markings.c.batch.not_in(undone))
        .order_by(markings.c.id.desc())
        .limit(1)
    )
    if batch is None:
        raise refusal("nothing_to_undo")
    rows = session.execute(sa.select(markings).where(markings.c.batch == batch)).all()
    by_student = {row.student: row for row in rows}
    chosen = _chosen(session, lab, cell, by_student)
    for one in chosen:
        row = by_student[one.student]
        if (one.text, one.given) != (row.text, Given.of_json(row.after)):
            raise Overtaken(one)
    for one in chosen:
        before = Given.of_json(by_student[one.student].before)
        write(session, one, before, who, undoes=batch)
    return chosen


def write(
    session: AnySession,
    answer: Answer,
    given: Given,
    who: str,
    batch: str = "",
    undoes: str = "",
    why: str = "",
) -> None:
    """Write what an answer is given, for all whose it is, and note it.

    What is saved as one ``batch`` is undone at once.
    """
    batch = batch or secrets.token_hex(16)
    for student in answer.students:
        changes.find_unnoted(session, answer.lab, student)
        place = (student, answer.notebook, answer.cell)
        values: tuple[tuple[str, Value, Value], ...] = (
            ("manual_score", answer.given.marks, given.marks),
            ("manual_comment", answer.given.comment or None, given.comment or None),
        )
        for field, old, new in values:
            changes.put(session, answer.lab, (*place, field), new)
            if old != new:
                changes.note(session, answer.lab, (*place, field), old, new, who, why)
        session.execute(
            sa.insert(markings).values(
                lab=answer.lab,
                cell=answer.cell,
                student=student,
                text=answer.text,
                who=who,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
                batch=batch,
                before=answer.given.to_json(),
                after=given.to_json(),
                undoes=undoes,
            )
        )


def history(session: AnySession, lab: str, cell: str, student: str) -> list[tuple[str, str, Given]]:
    """Return who gave an answer what and when, oldest first."""
    where = (markings.c.lab == lab, markings.c.cell == cell, markings.c.student == student)
    rows = session.execute(sa.select(markings).where(*where).order_by(markings.c.id))
    return [(row.who, row.at, Given.of_json(row.after)) for row in rows]


def _chosen(session: AnySession, lab: str, cell: str, students: Collection[str]) -> list[Answer]:
    """Return these students' answers, which nobody else can mark until this transaction ends."""
    submissions = (
        sa.select(SubmittedAssignment.id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name == lab, SubmittedAssignment.student_id.in_(list(students)))
    )
    for submission in session.scalars(submissions).all():
        hold(session, submission)
    chosen = answers_of(session, lab, cell, students)
    if not chosen or None in chosen:
        raise gone()
    return [one for one in chosen if one is not None]
