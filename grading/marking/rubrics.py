"""The rubrics of a course, copied once from the labs' sources, and changed while people mark."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from grading.authoring.building import paths, read_lab
from grading.authoring.rubrics import read_rubrics
from grading.course.config import Course
from grading.gradebook.changes import AnySession
from grading.gradebook.marking import rubrics
from grading.judging.record import TOLERANCE
from grading.judging.rubric import Item, Rubric, clamped, mistake
from grading.marking.answers import Answer, Given, answers, refusal
from grading.marking.saving import write

CHANGED = "the rubric was changed"


@dataclass(frozen=True)
class Effect:
    """What a changed rubric makes of an answer's marks."""

    answer: Answer
    after: Given


def kept(session: AnySession, lab: str, cell: str) -> tuple[Rubric, int] | None:
    """Return a question's rubric and its version, None if it was not copied yet."""
    where = (rubrics.c.lab == lab, rubrics.c.cell == cell)
    row = session.execute(sa.select(rubrics).where(*where)).one_or_none()
    return None if row is None else (_read(row.rubric), row.version)


def of_source(course: Course, lab: str) -> Mapping[str, Rubric]:
    """Return the rubrics in a lab's source; none where the course has no source of it.

    Raises
    ------
    UserError
        If the source or a rubric is not right.
    """
    is_there = lab in course.lab_names and paths(course, lab).source.exists()
    return read_rubrics(read_lab(course, lab)) if is_there else {}


def copy(session: AnySession, lab: str, cells: Iterable[str], found: Mapping[str, Rubric]) -> None:
    """Keep the rubrics of questions that have none yet; without one in the source, an empty one."""
    for cell in cells:
        if kept(session, lab, cell) is None:
            rubric = _written(found.get(cell, Rubric()))
            values = {"lab": lab, "cell": cell, "rubric": rubric, "version": 1}
            session.execute(sa.insert(rubrics).values(values))


def effects(before: Rubric, after: Rubric, found: Iterable[Answer]) -> list[Effect]:
    """Return which answers have other marks by a changed rubric; pure.

    What a person added to the rubric's marks, or took off them, stays. Marks that were given
    elsewhere follow no rubric.
    """
    keys = {item.key for item in after.items}
    changed = []
    for one in found:
        if one.given.marks is None or not one.given.by_rubric:
            continue
        items = tuple(key for key in one.given.items if key in keys)
        added = one.given.adjustment(before, one.most)
        marks = clamped(after.marks(items, one.most) + added, one.most)
        if abs(marks - one.given.marks) > TOLERANCE or items != one.given.items:
            changed.append(Effect(one, Given(marks, one.given.comment, items, by_rubric=True)))
    return changed


def change(
    session: AnySession,
    lab: str,
    cell: str,
    version: int,
    rubric: Rubric,
    most: float,
    shown: Mapping[str, float],
    who: str,
) -> None:
    """Put a rubric in the place of the one there was, and re-mark by it.

    Parameters
    ----------
    session
        In a transaction in which nobody else writes.
    lab, cell : str
    version : int
        Of the rubric that the person changed.
    rubric : Rubric
    most : float
        The question's marks.
    shown : mapping of str to float
        The marks that the person was shown, by student.
    who : str

    Raises
    ------
    NotMarked
        If it is not right, somebody else changed it meanwhile, or others marked so that the
        marks are not those that were shown.
    """
    check(rubric, most)
    before = kept(session, lab, cell)
    if before is None or before[1] != version:
        raise refusal("rubric_overtaken")
    found = effects(before[0], rubric, answers(session, lab, cell))
    if {one.answer.student: one.after.marks for one in found} != shown:
        raise refusal("effect_overtaken")
    batch = secrets.token_hex(16)
    for one in found:
        write(session, one.answer, one.after, who, batch, undoes=batch, why=CHANGED)
    session.execute(
        sa.update(rubrics)
        .where(rubrics.c.lab == lab, rubrics.c.cell == cell)
        .values(rubric=_written(rubric), version=version + 1)
    )


def check(rubric: Rubric, most: float) -> None:
    """Raise `NotMarked` if a question of ``most`` marks cannot have a rubric."""
    if any(not any(text.strip() for text in item.words.values()) for item in rubric.items):
        raise refusal("no_words")
    if mistake(rubric.start, [item.points for item in rubric.items], most):
        raise refusal("rubric_wrong", most=f"{most:g}")


def new_key(rubric: Rubric) -> str:
    """Return a key that no item of a rubric has."""
    return str(1 + max((int(item.key) for item in rubric.items), default=0))


def _written(rubric: Rubric) -> str:
    return json.dumps(asdict(rubric), ensure_ascii=False)


def _read(text: str) -> Rubric:
    found = json.loads(text)
    return Rubric(found["start"], tuple(Item(**item) for item in found["items"]))
