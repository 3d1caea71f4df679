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
from grading.marking.answers import Answer, Given, answer_of, refusal
from grading.messages import message
from grading.service.web.marking.desk import (
    MOST_OTHERS,
    adjustment_in,
    answer_here,
    answers_here,
    asked_here,
    chosen,
    desk_here,
    following,
    give,
    given_in,
    key_for,
    page,
    rubric_of,
    same,
    to,
)
from grading.service.web.marking.pieces import ROOM, asks, notebook_of, piece
from grading.service.web.site import Site, Visit

MOST_COMMENTS = 200


def begin(site: Site, visit: Visit) -> Response:
    """Go to the next answer to mark, or back to the lab where there is none."""
    return _next(site, visit, visit.query.get("after", ""), bool(visit.query.get("second")))


def answer(site: Site, visit: Visit) -> Response:
    """Show an answer, with all that one marks it with."""
    return answer_page(site, visit)


def save(site: Site, visit: Visit) -> Response:
    """Keep what somebody gave, and go on; where somebody else was first, show what they gave."""
    is_second = visit.text("second") == "1"
    coming = None
    try:
        with site.database.writing() as session:
            one = answer_here(session, site, visit)
            if is_second:
                _save_second(session, one, visit)
            else:
                coming = opened.coming(session, one, visit.person.id, datetime.now(UTC))
                seen = {one.student: visit.text("seen")}
                if visit.text("together"):
                    _, version = rubric_of(session, one.lab, one.cell)
                    others = same(answers_here(session, site, visit, one.lab, one.cell), one)
                    seen |= {other.student: other.seen(version) for other in others}
                give(session, one.lab, one.cell, seen, visit)
                opened.close(session, one, visit.person.id)
            waits = coming and answer_of(session, one.lab, one.cell, coming)
    except saving.Overtaken as overtaken:
        return answer_page(site, visit, overtaken.answer)
    if waits and not waits.is_marked:
        key = key_for(site, waits.lab, waits.cell, waits.student)
        return to(site, f"/marking/{waits.lab}/{waits.cell}/{key}")
    return _next(site, visit, visit.path["key"], is_second)


def _next(site: Site, visit: Visit, after: str, is_second: bool) -> Response:
    """Go to the answer that follows, of those that nobody else has open, and open it."""
    who, now = visit.person.id, datetime.now(UTC)
    with site.database.writing() as session:  # so that no two are led to the same one
        desk = desk_here(session, site, visit)
        place = desk.info.name, desk.asked.cell
        left = desk.left
        if is_second:
            twice = seconds.twice(session, *place)
            left = seconds.to_mark(desk.found, twice, site.course.service.second, who)
        held = opened.by_others(session, *place, who, now)
        coming = following(left, after, desk, held)
        if coming is not None:
            opened.opened(session, coming, "", who, now)
    if coming is None:
        return to(site, f"/marking/{desk.info.name}")
    key = desk.keys[coming.student]
    return to(site, f"{desk.path}/{key}{'?second=1' if is_second else ''}")


def undo(site: Site, visit: Visit) -> Response:
    """Take back what this person saved last, and show it."""
    try:
        with site.database.writing() as session:
            info, asked = asked_here(site, visit)
            first, *_ = saving.undo(session, info.name, asked.cell, visit.person.id)
    except saving.Overtaken:
        raise refusal("undo_overtaken") from None
    key = key_for(site, info.name, asked.cell, first.student)
    return to(site, f"/marking/{info.name}/{asked.cell}/{key}")


def whose(site: Site, visit: Visit) -> Response:
    """Say whose an answer is, and note who asked."""
    with site.database.writing() as session:
        one = answer_here(session, site, visit)
        place = {"lab": one.lab, "cell": one.cell, "student": one.student}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        session.execute(sa.insert(looks).values(**place, who=visit.person.id, at=at))
    return answer_page(site, visit, reveals=True)


def decide(site: Site, visit: Visit) -> Response:
    """Answer a student's question about a mark, which stands as it is now."""
    with site.database.writing() as session:
        one = answer_here(session, site, visit)
        now = datetime.now(UTC)
        asking.decide(session, one, visit.text("reason"), visit.person.id, now)
    return to(site, f"/marking/{one.lab}")


def whole(site: Site, visit: Visit) -> Response:
    """Show the rest of the notebook that an answer is in."""
    _, asked = asked_here(site, visit)
    with site.database.reading() as session:
        one = answer_here(session, site, visit)
    found = notebook_of(site, one)
    say = message("feedback.beginning", visit.lang)
    parts = parts_of(found, say, visit.lang, ROOM) if found else []
    back = f"/marking/{one.lab}/{one.cell}/{visit.path['key']}"
    return page(site, "marking_work.html", visit, title=asked.name, parts=parts, back=back)


def answer_page(
    site: Site, visit: Visit, overtaken: Answer | None = None, reveals: bool = False
) -> Response:
    """Return the page of an answer; after a save that came too late, with what others gave."""
    is_second = "1" in (visit.query.get("second"), visit.text("second"))
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
        one = chosen(visit, desk)
        suggestion = suggesting.kept(session, one.lab, one.cell, one.student).get(
            (one.student, one.text)
        )
        told = [] if is_second else saving.history(session, one.lab, one.cell, one.student)
        questions = [
            question
            for question in asking.questions(session, one.lab)
            if question.cell == one.cell and question.student in one.students and not is_second
        ]
        who, now = visit.person.id, datetime.now(UTC)
        held = opened.by_others(session, one.lab, one.cell, who, now)
    coming = None if is_second else following(desk.left, visit.path["key"], desk, held)
    with site.database.writing() as session:
        taken_by = opened.opened(session, one, coming.student if coming else "", who, now)
    shown = Given() if is_second else one.given
    adjustment = shown.adjustment(desk.rubric, one.most)
    if overtaken is not None:  # what was typed stays, beside what stands
        shown, adjustment = given_in(visit), adjustment_in(visit)
    elif visit.query.get("take") and suggestion:
        shown, adjustment = Given(comment=shown.comment, items=suggestion.items), 0.0
    order = [other for other in desk.found if other.student in desk.mine]
    keys = [desk.keys[other.student] for other in order]
    earlier = [key for key in keys if key < visit.path["key"]]
    return page(
        site,
        "marking_answer.html",
        visit,
        status=HTTPStatus.CONFLICT if overtaken else HTTPStatus.OK,
        background=BackgroundTask(piece, site, coming, visit.lang) if coming else None,
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
        same=[] if is_second else same(desk.found, one),
        others={
            item.key: [
                desk.keys[other.student]
                for other in desk.found
                if item.key in other.given.items and other != one
            ]
            for item in desk.rubric.items
            if questions
        },
        few=MOST_OTHERS,
        comments=_comments(desk.found),
        marked=sum(other.is_marked for other in order),
        count=len(order),
        before=earlier[-1] if earlier else "",
        students=[site.people.find(who) for who in one.students] if reveals else [],
        names=lambda people: ", ".join(one.name for one in people if one),
        moment=datetime.fromisoformat,
        marks_now=desk.rubric.marks(shown.items, one.most) + adjustment,
    )


def _save_second(session: Session, one: Answer, visit: Visit) -> None:
    rubric, _ = rubric_of(session, one.lab, one.cell)
    given, adjustment = given_in(visit), adjustment_in(visit)
    saving.check(rubric, given, adjustment)
    given = saving.marked(rubric, given, adjustment, one.most)
    seconds.keep(session, one, given, visit.person.id)


def _comments(found: Iterable[Answer]) -> list[str]:
    """Return the comments that were given, the most used first."""
    counts: dict[str, int] = {}
    for one in found:
        if one.given.comment:
            counts[one.given.comment] = counts.get(one.given.comment, 0) + 1
    return sorted(counts, key=lambda text: (-counts[text], text))[:MOST_COMMENTS]
