"""Answers one after the other: shown, marked, undone, and whose they are."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus

import sqlalchemy as sa
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask
from starlette.responses import Response

from grading.feedback.notebook import parts_of
from grading.gradebook.marking import looks
from grading.marking import asking, opened, saving, seconds, suggesting
from grading.marking.answers import Answer, Given, refusal
from grading.messages import message
from grading.service.web.marking.desk import (
    Desk,
    chosen,
    desk_here,
    following,
    give,
    given_in,
    key_of,
    number,
    page,
    same,
    to,
)
from grading.service.web.marking.pieces import ROOM, asks, notebook_of, piece
from grading.service.web.site import Site, Visit

MOST_COMMENTS = 200


def begin(site: Site, visit: Visit) -> Response:
    """Go to the next answer to mark, or back to the lab where there is none."""
    now = datetime.now(UTC)
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
        if visit.query.get("second"):
            twice = seconds.twice(session, desk.info.name, desk.asked.cell)
            percent = site.course.service.second
            left = seconds.to_mark(desk.found, twice, percent, visit.person.id)
        else:
            left = desk.left
        held = opened.by_others(session, desk.info.name, desk.asked.cell, visit.person.id, now)
    coming = following(left, visit.query.get("after", ""), site, held)
    if coming is None:
        return to(site, f"/marking/{desk.info.name}")
    end = "?second=1" if visit.query.get("second") else ""
    return to(site, f"{desk.path}/{key_of(site, coming)}{end}")


def answer(site: Site, visit: Visit) -> Response:
    """Show an answer, with all that one marks it with."""
    return answer_page(site, visit)


def save(site: Site, visit: Visit) -> Response:
    """Keep what somebody gave, and go on; where somebody else was first, show what they gave."""
    given, adjustment = given_in(visit), number(visit.text("adjustment") or "0")
    is_second = visit.text("second") == "1"
    try:
        with site.database.writing() as session:
            desk = desk_here(session, site, visit)
            one = chosen(site, visit, desk)
            if is_second:
                _save_second(session, desk, one, given, adjustment, visit)
            else:
                seen = {one.student: visit.text("seen")}
                if visit.text("together"):
                    seen |= {other.student: other.seen(desk.version) for other in same(desk, one)}
                give(session, desk, seen, given, adjustment, visit)
    except saving.Overtaken as overtaken:
        return answer_page(site, visit, overtaken.answer)
    end = "&second=1" if is_second else ""
    return to(site, f"{desk.path}?after={key_of(site, one)}{end}")


def undo(site: Site, visit: Visit) -> Response:
    """Take back what this person saved last, and show it."""
    try:
        with site.database.writing() as session:
            desk = desk_here(session, site, visit)
            first, *_ = saving.undo(session, desk.info.name, desk.asked.cell, visit.person.id)
    except saving.Overtaken:
        raise refusal("undo_overtaken") from None
    return to(site, f"{desk.path}/{key_of(site, first)}")


def whose(site: Site, visit: Visit) -> Response:
    """Say whose an answer is, and note who asked."""
    with site.database.writing() as session:
        desk = desk_here(session, site, visit)
        one = chosen(site, visit, desk)
        place = {"lab": one.lab, "cell": one.cell, "student": one.student}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        session.execute(sa.insert(looks).values(**place, who=visit.person.id, at=at))
    return answer_page(site, visit, reveals=True)


def decide(site: Site, visit: Visit) -> Response:
    """Answer a student's question about a mark, which stands as it is now."""
    with site.database.writing() as session:
        desk = desk_here(session, site, visit)
        one = chosen(site, visit, desk)
        now = datetime.now(UTC)
        asking.decide(session, one, visit.text("reason"), visit.person.id, now)
    return to(site, f"/marking/{desk.info.name}")


def whole(site: Site, visit: Visit) -> Response:
    """Show the rest of the notebook that an answer is in."""
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
        one = chosen(site, visit, desk)
    found = notebook_of(site, one)
    say = message("feedback.beginning", visit.lang)
    parts = parts_of(found, say, visit.lang, ROOM) if found else []
    back = f"{desk.path}/{visit.path['key']}"
    return page(site, "marking_work.html", visit, title=desk.asked.name, parts=parts, back=back)


def answer_page(
    site: Site, visit: Visit, overtaken: Answer | None = None, reveals: bool = False
) -> Response:
    """Return the page of an answer; after a save that came too late, with what others gave."""
    now = datetime.now(UTC)
    is_second = "1" in (visit.query.get("second"), visit.text("second"))
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
        one = chosen(site, visit, desk)
        suggestion = suggesting.kept(session, one.lab, one.cell).get((one.student, one.text))
        told = [] if is_second else saving.history(session, one.lab, one.cell, one.student)
        questions = [
            question
            for question in asking.questions(session, one.lab)
            if question.cell == one.cell and question.student in one.students
        ]
    with site.database.writing() as session:
        taken_by = opened.opened(session, one, visit.person.id, now)
    shown = Given() if is_second else one.given
    adjustment = shown.adjustment(desk.rubric, one.most)
    if overtaken is not None:  # what was typed stays, beside what stands
        shown, adjustment = given_in(visit), number(visit.text("adjustment") or "0")
    elif visit.query.get("take") and suggestion:
        shown, adjustment = Given(comment=shown.comment, items=suggestion.items), 0.0
    order = [other for other in desk.found if other.student in desk.mine]
    keys = [key_of(site, other) for other in order]
    earlier = [key for key in keys if key < visit.path["key"]]
    coming = following(desk.left, visit.path["key"], site, {})
    ahead = BackgroundTask(piece, site, coming, visit.lang) if coming else None
    return page(
        site,
        "marking_answer.html",
        visit,
        status=HTTPStatus.CONFLICT if overtaken else HTTPStatus.OK,
        background=ahead,
        title=desk.asked.name,
        desk=desk,
        one=one,
        key=visit.path["key"],
        shown=shown,
        adjustment=adjustment,
        overtaken=overtaken,
        taken_by=taken_by,
        piece=piece(site, one, visit.lang),
        asks=asks(site, desk, visit.lang),
        suggestion=suggestion,
        history=told,
        questions=questions,
        is_second=is_second,
        same=[] if is_second else same(desk, one),
        others={
            item.key: sum(item.key in other.given.items for other in desk.found if other != one)
            for item in desk.rubric.items
        },
        comments=_comments(desk.found),
        marked=sum(other.is_marked for other in order),
        count=len(order),
        before=earlier[-1] if earlier else "",
        students=[site.people.find(who) for who in one.students] if reveals else [],
        names=lambda people: ", ".join(one.name for one in people if one),
        moment=datetime.fromisoformat,
        marks_now=desk.rubric.marks(shown.items, one.most) + adjustment,
    )


def _save_second(
    session: Session, desk: Desk, one: Answer, given: Given, adjustment: float, visit: Visit
) -> None:
    saving.check(desk.rubric, given, adjustment)
    given = saving.marked(desk.rubric, given, adjustment, one.most)
    seconds.keep(session, one, given, visit.person.id)


def _comments(found: Iterable[Answer]) -> list[str]:
    """Return the comments that were given, the most used first."""
    counts: dict[str, int] = {}
    for one in found:
        if one.given.comment:
            counts[one.given.comment] = counts.get(one.given.comment, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))[:MOST_COMMENTS]
