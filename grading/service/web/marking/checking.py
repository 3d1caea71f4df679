"""A student's question about the marks of an exercise's checks: all that one decides by."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session
from starlette.responses import Response

from grading.marking import asking, checks
from grading.marking.answers import gone, refusal
from grading.marking.checks import Checked
from grading.reporting.outline import place_of, read_outline
from grading.service.web.marking.desk import (
    MOST_OTHERS,
    key_for,
    lab_here,
    number,
    page,
    student_here,
    to,
)
from grading.service.web.marking.pieces import blind_for, work_of_checks
from grading.service.web.site import Site, Visit


def check_page(site: Site, visit: Visit) -> Response:
    """Show the work, what the judge says of it, who gave what, and how others fared."""
    with site.database.reading() as session:
        one = _checked(session, site, visit)
        cell = checks.checks(session, one.lab, one.cell)
        told = checks.history(session, one)
        asked = [
            question
            for question in asking.questions(session, one.lab)
            if question.cell == one.cell and question.student in one.students
        ]
    others = [
        other
        for other in cell
        if other.student != one.student
        and one.shares(other)
        and site.people.sees(visit.person, other.students)
    ]
    return page(
        site,
        "marking_check.html",
        visit,
        title=place_of(read_outline(site.course, one.lab), one.cell).name,
        one=one,
        questions=asked,
        work=work_of_checks(site, one, visit.lang),
        reason=lambda text: blind_for(site, one.students, text),
        history=told,
        others=[(other, key_of(site, other)) for other in others[:MOST_OTHERS]],
        count=len(others),
    )


def decide_check(site: Site, visit: Visit) -> Response:
    """Keep or change the marks of a check, and answer the student who asked, with the reason."""
    who, now = visit.person.id, datetime.now(UTC)
    with site.database.writing() as session:
        one = _checked(session, site, visit)
        marks, reason = number(visit.text("marks")), visit.text("reason")
        if visit.text("seen") != f"{one.marks:g}":
            raise refusal("check_overtaken", marks=f"{one.marks:g}")
        checks.give(session, one, marks, who, reason.strip())
        session.flush()
        asking.decide(session, _checked(session, site, visit), reason, who, now)
    return to(site, f"/marking/{one.lab}")


def key_of(site: Site, one: Checked) -> str:
    """Return the name under which pages know a submission at a check."""
    return key_for(site, one.lab, one.cell, one.student)


def _checked(session: Session, site: Site, visit: Visit) -> Checked:
    """Return the checks of a path, or raise `NotMarked`."""
    info, _ = lab_here(site, visit)
    student = student_here(session, site, visit, info.name)
    for one in checks.checks_of(session, info.name, student):
        if one.cell == visit.path["cell"] and site.people.sees(visit.person, one.students):
            return one
    raise gone()
