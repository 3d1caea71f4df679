"""A lab's page: how far its marking has come, who does what, what is to settle."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy.orm import Session
from starlette.responses import Response

from grading.marking import allocation, asking, saving, seconds, suggesting
from grading.marking.answers import of_student, refusal
from grading.messages import Reason
from grading.reporting.outline import place_of, read_outline
from grading.service.policy import Refused
from grading.service.web.marking.desk import (
    Desk,
    answer_here,
    copy_rubrics,
    desk_of,
    groups_of,
    key_for,
    lab_here,
    number,
    page,
    sections_of,
    title_of,
    to,
)
from grading.service.web.site import Site, Visit


def lab(site: Site, visit: Visit) -> Response:
    """Show how far the marking of a lab has come, and who does what."""
    info, asked = lab_here(site, visit)
    wrong = copy_rubrics(site, info, asked)
    with site.database.reading() as session:
        known = allocation.rules(session, info.name)
        desks = [desk_of(session, site, visit, info, one) for one in asked]
        rows = [_row(session, site, visit, desk) for desk in desks]
        people = _people(site, known, desks)
        questions = [
            one
            for one in asking.questions(session, info.name)
            if site.people.sees(visit.person, [one.student])
        ]
        since = asking.shown_since(session, info.name)
    by_cell = {desk.asked.cell: desk for desk in desks}
    return page(
        site,
        "marking_lab.html",
        visit,
        title=title_of(info, visit),
        info=info,
        wrong=wrong,
        rows=rows,
        people=people,
        rules=known,
        names={one.cell: one.name for one in asked},
        staff=sorted(one.id for one in site.people.staff),
        sections=sorted({one for who in site.people.roster.students for one in groups_of(who)}),
        asked=[(one, *_place(site, info.name, one, by_cell)) for one in questions],
        since=since,
        percent=site.course.service.second,
    )


def _place(
    site: Site, lab: str, asked: asking.Question, by_cell: Mapping[str, Desk]
) -> tuple[str, str]:
    """Return what is called what a student asked about, and where it is."""
    key = key_for(site, lab, asked.cell, asked.student)
    if (desk := by_cell.get(asked.cell)) is None:
        name = place_of(read_outline(site.course, lab), asked.cell).name
        return name, f"/marking/{lab}/checks/{asked.cell}/{key}"
    answer = of_student(desk.found, asked.student)
    return desk.asked.name, f"{desk.path}/{desk.keys[answer.student] if answer else key}"


def _row(session: Session, site: Site, visit: Visit, desk: Desk) -> dict[str, Any]:
    """Return what a lab's page says of a question."""
    name, cell = desk.info.name, desk.asked.cell
    seen = {one.student for one in desk.found}
    twice = [one for one in seconds.twice(session, name, cell) if one.student in seen]
    percent = site.course.service.second
    suggested = suggesting.kept(session, name, cell)
    compared = [
        (desk.rubric.marks(suggestion.items, one.most), one.given.marks)
        for one in desk.found
        if one.given.marks is not None and (suggestion := suggested.get((one.student, one.text)))
    ]
    return {
        "asked": desk.asked,
        "path": desk.path,
        "count": len(desk.found),
        "marked": sum(one.is_marked for one in desk.found),
        "left": len(desk.left),
        "twice": len(twice),
        "second": len(seconds.to_mark(desk.found, twice, percent, visit.person.id)),
        "kappa": seconds.agreement([_both(one) for one in twice]),
        "suggested": seconds.agreement(compared),
        "to_settle": [
            (one, key_for(site, name, cell, one.student))
            for one in twice
            if one.differs and not one.is_settled
        ],
    }


def _both(one: seconds.Twice) -> tuple[float, float]:
    return one.first.marks or 0.0, one.second.marks or 0.0


def _people(
    site: Site, known: Sequence[allocation.Rule], desks: Iterable[Desk]
) -> dict[str, allocation.Progress]:
    staff = {one.id for one in site.people.staff}
    roster = site.people.roster
    return allocation.progress(
        (one, allocation.whose(known, staff, one, sections_of(roster, one)))
        for desk in desks
        for one in desk.found
    )


def allocate(site: Site, visit: Visit) -> Response:
    """Keep a rule of who marks what."""
    info, asked = lab_here(site, visit)
    rule = allocation.Rule(
        visit.text("who"),
        visit.text("cell"),
        visit.text("section")[:128],
        number(visit.text("share") or "0"),
    )
    known = {one.id for one in site.people.staff}
    cells = {allocation.ANY, *(one.cell for one in asked)}
    with site.database.writing() as session:
        known |= {
            one.who for one in allocation.rules(session, info.name)
        }  # who left can be removed
        if rule.who not in known or rule.cell not in cells or not 0 <= rule.share <= 1000:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, Reason("service.no_form"))
        allocation.put(session, info.name, rule)
    return to(site, f"/marking/{info.name}")


def show(site: Site, visit: Visit) -> Response:
    """Let students see the marks of a lab's written answers."""
    info, _ = lab_here(site, visit)
    with site.database.writing() as session:
        asking.show(session, info.name, visit.person.id, datetime.now(UTC))
    return to(site, f"/marking/{info.name}")


def settle(site: Site, visit: Visit) -> Response:
    """Decide between two markings of an answer."""
    with site.database.writing() as session:
        one = answer_here(session, site, visit)
        twice = seconds.twice(session, one.lab, one.cell)
        found = next((both for both in twice if both.student == one.student), None)
        if found is None or found.text != one.text:
            raise refusal("gone")
        if visit.text("take") == "second":
            saving.write(session, one, found.second, visit.person.id, why=seconds.SETTLED)
        seconds.settle(session, one.lab, one.cell, one.student)
    return to(site, f"/marking/{one.lab}")
