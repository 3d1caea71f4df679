"""Pages of what counts and who sees it: grading again, publishing, reports, and the log of it."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

import sqlalchemy as sa
from starlette.responses import HTMLResponse, RedirectResponse, Response

from grading.course.service import BEST
from grading.messages import Reason
from grading.reporting import course_report, report
from grading.reporting.outline import read_outline
from grading.reporting.standings import narrowed
from grading.service import audit, queue, regrading, store
from grading.service.counting import counting
from grading.service.policy import Refused
from grading.service.queue import HandIn
from grading.service.tables import published
from grading.service.web.rendering import rendered
from grading.service.web.site import Site, Visit
from grading.service.web.views import SANDBOX, known_lab

log = logging.getLogger(__name__)


def regrade_page(site: Site, visit: Visit) -> Response:
    """Show what grading a lab again would change, a line a hand-in."""
    info = known_lab(site, visit)
    with site.database.reading() as session:
        proposals = [
            one
            for one in regrading.proposals(session, info.name)
            if site.people.sees(visit.person, one.before.students)
        ]
        handins = queue.of_lab(session, info.name)
    waits = sum(one.again.state in (queue.QUEUED, queue.GRADING) for one in proposals)
    cells = {check.cell for one in handins if one.result for check in one.result.checks}
    return rendered(
        site,
        "regrade.html",
        visit.lang,
        visit,
        lab=info.name,
        title=info.title.get(visit.lang, info.name),
        proposals=sorted(proposals, key=lambda one: one.gain),
        waits=waits,
        gains=sum(one.gain > 0 for one in proposals),
        losses=sum(one.gain < 0 for one in proposals),
        cells=sorted(cells),
    )


def regrade(site: Site, visit: Visit) -> Response:
    """Grade a lab again: what counts of it, for one check or for all."""
    info = known_lab(site, visit)
    cell = visit.text("cell")
    with site.database.writing() as session:
        handins = [one for one in queue.of_lab(session, info.name) if one.attempt]
        known = {check.cell for one in handins if one.result for check in one.result.checks}
        if cell and cell not in known:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, Reason("service.no_check"))
        count = regrading.ask(session, _that_count(site, info.name, handins), cell)
    log.info("%s: %d are graded again for %s", info.name, count, visit.person.id)
    return _to_regrade(site, info.name)


def _that_count(site: Site, lab: str, handins: Sequence[HandIn]) -> list[HandIn]:
    """Return the hand-ins that count for somebody, or where the best does, all that may come to."""
    course, rules = site.course, site.course.lab(lab).service
    if rules.counts == BEST:
        return list(handins)
    students = {student for one in handins for student in one.students}
    counted = [
        counting(handins, student, rules.counts, course.late, course.zone or UTC)
        for student in sorted(students)
    ]
    return list({one.id: one for one in counted if one}.values())


def regrade_one(site: Site, visit: Visit) -> Response:
    """Grade one hand-in again."""
    with site.database.writing() as session:
        handin = queue.by_id(session, visit.path["id"])
        if handin is None or handin.state != queue.GRADED:
            raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
        regrading.ask(session, [handin], "")
    log.info("%s is graded again for %s", handin.id, visit.person.id)
    return _to_regrade(site, handin.lab)


def publish_regrade(site: Site, visit: Visit) -> Response:
    """Have what was graded again count; a worker brings it where it belongs."""
    info = known_lab(site, visit)
    with site.database.writing() as session:
        regrading.publish(session, info.name, visit.person.id, datetime.now(UTC))
    log.info("%s: what was graded again counts, says %s", info.name, visit.person.id)
    return _to_regrade(site, info.name)


def discard_regrade(site: Site, visit: Visit) -> Response:
    """Throw away what was graded again."""
    info = known_lab(site, visit)
    with site.database.writing() as session:
        thrown = regrading.discard(session, info.name)
    for one in thrown:
        store.again_path(site.course.home, one).unlink(missing_ok=True)
    log.info("%s: what was graded again is thrown away by %s", info.name, visit.person.id)
    return _to_regrade(site, info.name)


def publish(site: Site, visit: Visit) -> Response:
    """Show students a lab's marks, or no longer."""
    info = known_lab(site, visit)
    is_shown = visit.text("shown") == "yes"
    with site.database.writing() as session:
        session.execute(sa.delete(published).where(published.c.lab == info.name))
        if is_shown:
            session.execute(sa.insert(published).values(lab=info.name))
        action = audit.PUBLISHED if is_shown else audit.WITHDRAWN
        audit.note(session, datetime.now(UTC), visit.person.id, action, info.name)
    return RedirectResponse(site.path("/course"), HTTPStatus.SEE_OTHER)


def lab_report(site: Site, visit: Visit) -> Response:
    """Return a lab's report as it is now, in which nothing may run."""
    info = known_lab(site, visit)
    course = replace(site.course, language=visit.lang)
    view = site.standings.now().classes[info.name]
    if visit.person.sections:
        view = narrowed(view, {one.id for one in site.people.seen_by(visit.person)})
    when = datetime.now(UTC).astimezone(course.zone)
    outline = read_outline(course, info.name)
    return _framed(report.page(course, info.name, view, outline, {}, when))


def marks(site: Site, visit: Visit) -> Response:
    """Return a student's own page of the course: what counts, and what is needed to come."""
    assert visit.person.student is not None  # the door lets only students through
    course = replace(site.course, language=visit.lang)
    stand = site.standings.recent()
    view = stand.of(visit.person.student, site.published(), visit.lang)
    when = stand.given.now.astimezone(course.zone)
    (row,) = view.rows
    return _framed(course_report.student_page(course, view, row, stand.given, when))


def audit_log(site: Site, visit: Visit) -> Response:
    """Show who changed marks."""
    with site.database.reading() as session:
        entries = [
            one
            for one in audit.log(session, site.course.lab_names)
            if not one.student or site.people.sees(visit.person, [one.student])
        ]
    return rendered(site, "audit.html", visit.lang, visit, entries=entries)


def _framed(html: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": SANDBOX})


def _to_regrade(site: Site, lab: str) -> Response:
    return RedirectResponse(site.path(f"/course/{lab}/regrade"), HTTPStatus.SEE_OTHER)
