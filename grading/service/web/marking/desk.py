"""What the pages of marking share: the question, its rubric, its answers without names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from math import isfinite
from typing import Any

from sqlalchemy.orm import Session
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from grading.course.config import LabInfo
from grading.course.roster import Roster, Student, group_names
from grading.errors import UserError
from grading.judging.rubric import Rubric
from grading.marking import allocation, rubrics, saving
from grading.marking.answers import Answer, Given, answer_of, answers, gone, graded, refusal
from grading.messages import Reason, message
from grading.service.policy import Refused
from grading.service.web.rendering import policy, rendered
from grading.service.web.site import Site, Visit
from grading.service.written import Asked, is_released, questions

SCRIPTS = {"Content-Security-Policy": f"{policy()}; script-src 'self'"}
MOST_OTHERS = 12  # answers or checks that fared the same, to which one is led


@dataclass(frozen=True)
class Desk:
    """All that one marks a question with.

    Attributes
    ----------
    info : LabInfo
    asked : Asked
    rubric : Rubric
    version : int
        Of the rubric.
    found : list of Answer
        In an order that is the same for all, and tells nothing.
    keys : mapping of str to str
        By student, the names under which pages know their answers.
    mine : frozenset of str
        Students whose answers this person may mark, as they are allocated.
    """

    info: LabInfo
    asked: Asked
    rubric: Rubric
    version: int
    found: list[Answer]
    keys: Mapping[str, str]
    mine: frozenset[str]

    @property
    def path(self) -> str:
        """Where its pages are."""
        return f"/marking/{self.info.name}/{self.asked.cell}"

    @property
    def left(self) -> list[Answer]:
        """What this person has to mark; blank ones are confirmed all at once."""
        return [
            one
            for one in self.found
            if one.student in self.mine and not one.is_marked and not one.is_blank
        ]


def page(
    site: Site,
    template: str,
    visit: Visit,
    status: int = HTTPStatus.OK,
    background: BackgroundTask | None = None,
    **values: Any,
) -> Response:
    """Return a page of marking; of scripts only our own runs in it."""

    def tell(key: str, **about: Any) -> str:
        return message(f"marking.{key}", visit.lang, **about)

    response = rendered(site, template, visit.lang, visit, status, SCRIPTS, tell=tell, **values)
    response.background = background
    return response


def to(site: Site, path: str) -> Response:
    """Send a reader to a page."""
    return RedirectResponse(site.path(path), HTTPStatus.SEE_OTHER)


def title_of(info: LabInfo, visit: Visit) -> str:
    """Return what a lab is called in the language of a reader."""
    return info.title.get(visit.lang, info.name)


def number(text: str) -> float:
    """Return a number that somebody typed, or raise `NotMarked`."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        raise refusal("no_marks") from None
    if not isfinite(found):
        raise refusal("no_marks")
    return found


def given_in(visit: Visit) -> Given:
    """Return what a form gives: items and a comment."""
    items = [field.removeprefix("item-") for field in visit.form if field.startswith("item-")]
    return Given(comment=visit.text("comment").replace("\r\n", "\n"), items=tuple(items))


def adjustment_in(visit: Visit) -> float:
    """Return what a form adds to the rubric's marks, or takes off them."""
    return number(visit.text("adjustment") or "0")


def groups_of(student: Student) -> tuple[str, ...]:
    """Return the sections that a student is in."""
    return group_names(student.group)


def sections_of(roster: Roster, one: Answer) -> set[str]:
    """Return the sections of those whose answer it is."""
    known = [roster.find(student) for student in one.students]
    return {group for student in known if student for group in groups_of(student)}


def key_for(site: Site, lab: str, cell: str, student: str) -> str:
    """Return the name under which pages know a student's answer."""
    return site.seals.pseudonym(lab, cell, student)


def lab_here(site: Site, visit: Visit) -> tuple[LabInfo, list[Asked]]:
    """Return the lab of a path, and its questions as they were released."""
    for info in site.course.labs:
        if info.name == visit.path["lab"] and is_released(site.course, info.name):
            return info, questions(site.course, info.name)
    raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))


def copy_rubrics(site: Site, info: LabInfo, asked: Sequence[Asked]) -> str:
    """Keep a lab's rubrics as its source has them, once; return what is wrong with these."""
    cells = [one.cell for one in asked]
    with site.database.reading() as session:
        if all(rubrics.kept(session, info.name, cell) for cell in cells):
            return ""
    try:
        found = rubrics.of_source(site.course, info.name)
    except UserError as error:
        return error.text(site.course.language)
    with site.database.writing() as session:
        rubrics.copy(session, info.name, cells, found)
    return ""


def asked_here(site: Site, visit: Visit) -> tuple[LabInfo, Asked]:
    """Return the lab and the question of a path, or raise `NotMarked` if it is gone by now."""
    info, asked = lab_here(site, visit)
    for one in asked:
        if one.cell == visit.path["cell"]:
            return info, one
    raise gone()


def desk_here(session: Session, site: Site, visit: Visit) -> Desk:
    """Return what the question of a path is marked with."""
    return desk_of(session, site, visit, *asked_here(site, visit))


def desk_of(session: Session, site: Site, visit: Visit, info: LabInfo, asked: Asked) -> Desk:
    """Return what a question is marked with."""
    lab, cell = info.name, asked.cell
    found = answers_here(session, site, visit, lab, cell)
    keys = {one.student: key_for(site, lab, cell, one.student) for one in found}
    found.sort(key=lambda one: keys[one.student])
    known = allocation.rules(session, lab)
    staff = {one.id for one in site.people.staff}
    me, roster = {allocation.ANY, visit.person.id}, site.people.roster
    mine = [
        one.student
        for one in found
        if not known or allocation.whose(known, staff, one, sections_of(roster, one)) in me
    ]
    rubric, version = rubric_of(session, lab, cell)
    return Desk(info, asked, rubric, version, found, keys, frozenset(mine))


def answers_here(session: Session, site: Site, visit: Visit, lab: str, cell: str) -> list[Answer]:
    """Return the answers to a question that this person may see."""
    found = answers(session, lab, cell)
    return [one for one in found if site.people.sees(visit.person, one.students)]


def student_here(session: Session, site: Site, visit: Visit, lab: str) -> str:
    """Return whose work a path is about, or raise `NotMarked`."""
    for student in graded(session, lab):
        if key_for(site, lab, visit.path["cell"], student) == visit.path["key"]:
            return student
    raise gone()


def rubric_of(session: Session, lab: str, cell: str) -> tuple[Rubric, int]:
    """Return a question's rubric and its version; an empty one where none was copied."""
    return rubrics.kept(session, lab, cell) or (Rubric(), 0)


def answer_here(session: Session, site: Site, visit: Visit) -> Answer:
    """Return the answer of a path as it is now, or raise `NotMarked`."""
    info, asked = asked_here(site, visit)
    student = student_here(session, site, visit, info.name)
    one = answer_of(session, info.name, asked.cell, student)
    if one is None or not site.people.sees(visit.person, one.students):
        raise gone()
    return one


def chosen(visit: Visit, desk: Desk) -> Answer:
    """Return the answer of a path, or raise `NotMarked`."""
    for one in desk.found:
        if desk.keys[one.student] == visit.path["key"]:
            return one
    raise gone()


def following(left: Sequence[Answer], key: str, desk: Desk, held: Collection[str]) -> Answer | None:
    """Return what follows an answer of those that are left, from the beginning after the last."""
    free = [one for one in left if one.student not in held and desk.keys[one.student] != key]
    later = (one for one in free if desk.keys[one.student] > key)
    return next(later, free[0] if free else None)


def same(found: Sequence[Answer], one: Answer) -> list[Answer]:
    """Return the other answers of the same text that nobody marked."""
    return [
        other
        for other in found
        if other.text == one.text and other.student != one.student and not other.is_marked
    ]


def give(session: Session, lab: str, cell: str, seen: Mapping[str, str], visit: Visit) -> None:
    """Save what somebody gave these answers by a form; see `saving.save`."""
    given, adjustment = given_in(visit), adjustment_in(visit)
    rubric = rubric_of(session, lab, cell)
    saving.save(session, lab, cell, rubric, seen, given, adjustment, visit.person.id)
