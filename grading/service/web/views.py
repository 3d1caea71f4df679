"""The pages: of students, of those who sign a notebook in, and of instructors."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import sqlalchemy as sa
from starlette.responses import FileResponse, RedirectResponse, Response

from grading.course.config import LabInfo
from grading.course.extensions import read_extensions
from grading.course.service import REASONS
from grading.marking import asking
from grading.messages import Reason
from grading.reporting.standings import Standing
from grading.service import queue, store
from grading.service.counting import counting
from grading.service.database import stamp
from grading.service.lti import sending
from grading.service.people import STAFF, STUDENT, Person
from grading.service.policy import Refused
from grading.service.queue import HandIn
from grading.service.standing import Stand
from grading.service.tables import pauses, workers
from grading.service.web import devices, showing
from grading.service.web.api import visible
from grading.service.web.entering import entered
from grading.service.web.rendering import rendered
from grading.service.web.site import Site, Visit
from grading.service.written import is_released

log = logging.getLogger(__name__)
UP = timedelta(minutes=1)  # a worker that was seen since is up
NOTEBOOK = "application/x-ipynb+json"
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


# --- signing in ----------------------------------------------------------------------------------


def sign_in_page(site: Site, visit: Visit) -> Response:
    """Show how to sign in."""
    return rendered(
        site,
        "sign_in.html",
        visit.lang,
        visit,
        by_university=site.oidc is not None,
        by_lms=bool(site.platforms),
    )


def sign_in(site: Site, visit: Visit) -> Response:
    """Sign in whoever has a personal link."""
    seal = site.seals.of_link(visit.path["token"])
    person = site.people.find(seal.id) if seal and site.stands(seal) else None
    if person is None:
        raise Refused(HTTPStatus.FORBIDDEN, Reason("service.link_expired"))
    return entered(site, visit, person)


def sign_out(site: Site, visit: Visit) -> Response:
    """Sign out."""
    visit.session.clear()
    return RedirectResponse(site.path("/sign-in"), HTTPStatus.SEE_OTHER)


def device_page(site: Site, visit: Visit) -> Response:
    """Ask whether the notebook that shows a code is one's own."""
    typed = visit.query.get("code", "")[:40]
    code = devices.written(typed) if typed else ""
    return rendered(site, "device.html", visit.lang, visit, code=code, outcome="")


def decide_device(site: Site, visit: Visit) -> Response:
    """Let a notebook in, or refuse it."""
    denied = visit.text("decision") != "allow"
    with site.database.writing() as session:
        code, person = visit.text("code")[:40], visit.person.id
        found = devices.decide(session, code, person, denied, datetime.now(UTC))
    if not found:
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.no_code"))
    outcome = "device_denied" if denied else "device_allowed"
    return rendered(site, "device.html", visit.lang, visit, code="", outcome=outcome)


# --- students -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """An attempt as a student sees it in a list; ``result`` as `showing.result` gives it."""

    handin: HandIn
    result: dict[str, object] | None
    counts: bool


@dataclass(frozen=True)
class Lab:
    """A lab as a student sees it."""

    info: LabInfo
    title: str
    due: datetime | None
    attempts: Sequence[Shown]
    left: int | None
    is_paused: bool
    shows_written: bool
    final: Standing | None


def start(site: Site, visit: Visit) -> Response:
    """Show a student's labs; staff are sent to the course."""
    if visit.person.role != STUDENT:
        return RedirectResponse(site.path("/course"), HTTPStatus.SEE_OTHER)
    published, late = site.published(), site.course.late
    needs_stand = published or (late and late.days)
    stand = site.standings.recent() if needs_stand else None
    labs = [
        _lab(site, visit, info, published, stand)
        for info in site.course.labs
        if is_released(site.course, info.name)
    ]
    return rendered(
        site,
        "start.html",
        visit.lang,
        visit,
        labs=labs,
        late_days=stand and stand.late_days_left(visit.person.id),
        has_marks=bool(published),
    )


def _lab(
    site: Site, visit: Visit, info: LabInfo, published: Collection[str], stand: Stand | None
) -> Lab:
    student = visit.person.id
    with site.database.reading() as session:
        handins = [one for one in queue.of_students(session, info.name, [student]) if one.attempt]
        is_paused = bool(session.scalar(sa.select(pauses.c.lab).where(pauses.c.lab == info.name)))
        shows_written = asking.shown_since(session, info.name) is not None
    counted = counting(
        handins, student, info.service.counts, site.course.late, site.course.zone or UTC
    )
    now = datetime.now(UTC)
    own = sum(one.student == student for one in handins)
    return Lab(
        info,
        info.title.get(visit.lang, info.name),
        info.due and read_extensions(site.course).get((student, info.name), info.due),
        [
            Shown(
                one, showing.result(one, showing.amount(one, info, published, now)), one == counted
            )
            for one in reversed(handins)
        ],
        None if info.service.most is None else max(info.service.most - own, 0),
        is_paused,
        shows_written,
        stand.row(info.name, student) if stand and info.name in published else None,
    )


def upload(site: Site, visit: Visit) -> Response:
    """Take in a notebook that was chosen on the page."""
    assert visit.person.student is not None  # the door lets only students through
    now = datetime.now(UTC)
    receipt = site.intake.take(visit.person.student, visit.path["lab"], visit.body, now)
    page = site.path(f"/attempts/{receipt.handin.id}")
    return RedirectResponse(page, HTTPStatus.SEE_OTHER)


def attempt(site: Site, visit: Visit) -> Response:
    """Show an attempt; while it waits the page asks again by itself."""
    with site.database.reading() as session:
        handin = visible(site, visit, session)
        place = queue.place(session, handin)
    much = _amount(site, visit, handin)
    return rendered(
        site,
        "attempt.html",
        visit.lang,
        visit,
        handin=handin,
        title=site.course.lab(handin.lab).title.get(visit.lang, handin.lab),
        place=place,
        detail=showing.detail(handin, much, visit.lang),
        result=showing.result(handin, much),
        lost_first=showing.lost_first,
        page=_page_of(site, handin) if much == REASONS else None,
        waits=handin.state in (queue.QUEUED, queue.GRADING),
    )


def attempt_page(site: Site, visit: Visit) -> Response:
    """Return the page that the worker made of an attempt, in which nothing may run."""
    handin = _visible(site, visit)
    path = _page_of(site, handin) if _amount(site, visit, handin) == REASONS else None
    if path is None:
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
    headers = {"Content-Security-Policy": SANDBOX}
    return FileResponse(path, media_type="text/html; charset=utf-8", headers=headers)


def notebook(site: Site, visit: Visit) -> Response:
    """Return what was received, as a file to keep."""
    handin = _visible(site, visit)
    path = store.received_path(site.course.home, handin.student, handin.lab, handin.sha256)
    if not path.exists():
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
    name = f"{handin.lab}_{handin.student}_{handin.attempt}.ipynb"
    return FileResponse(path, media_type=NOTEBOOK, filename=name)


def _visible(site: Site, visit: Visit) -> HandIn:
    with site.database.reading() as session:
        return visible(site, visit, session)


def _amount(site: Site, visit: Visit, handin: HandIn) -> str:
    """Return how much is shown to this reader: staff see all."""
    if visit.person.role in STAFF:
        return REASONS
    info = site.course.lab(handin.lab)
    return showing.amount(handin, info, site.published(), datetime.now(UTC))


def _page_of(site: Site, handin: HandIn) -> Path | None:
    path = store.page_path(site.course.home, handin.student, handin.lab, handin.attempt)
    return path if handin.state == queue.GRADED and path.exists() else None


# --- instructors ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overview:
    """A lab in a line: how many of the class handed in, and what waits."""

    info: LabInfo
    title: str
    students: int
    waiting: int
    is_paused: bool
    is_released: bool
    is_published: bool


@dataclass(frozen=True)
class Row:
    """A student's line of a lab: attempts, and the last of them."""

    person: Person
    attempts: int
    last: HandIn | None


def dashboard(site: Site, visit: Visit) -> Response:
    """Show the course: its labs, the queue, what needs somebody, and the workers."""
    now = datetime.now(UTC)
    with site.database.reading() as session:
        waiting = queue.waiting(session)
        handed_in = queue.handed_in(session)
        students = {one.id for one in site.people.seen_by(visit.person)}
        paused = set(session.scalars(sa.select(pauses.c.lab)))
        troubled = queue.troubled(session)
        up = session.execute(sa.select(workers).order_by(workers.c.name)).all()
        sendings = sending.state(session) if site.sender else []
    published = site.published()
    labs = [
        Overview(
            info,
            info.title.get(visit.lang, info.name),
            len(handed_in.get(info.name, set()) & students),
            waiting.get(info.name, 0),
            info.name in paused,
            is_released(site.course, info.name),
            info.name in published,
        )
        for info in site.course.labs
    ]
    return rendered(
        site,
        "course.html",
        visit.lang,
        visit,
        labs=labs,
        students=len(students),
        troubled=[one for one in troubled if site.people.sees(visit.person, one.students)],
        sendings=[one for one in sendings if one.lab in published],
        workers=[
            (one.name, one.doing, seen, now - seen < UP)
            for one in up
            for seen in [datetime.fromisoformat(one.seen)]
        ],
    )


def lab(site: Site, visit: Visit) -> Response:
    """Show who of the class handed a lab in."""
    info = known_lab(site, visit)
    with site.database.reading() as session:
        handins = [one for one in queue.of_lab(session, info.name) if one.attempt]
    by_student: dict[str, list[HandIn]] = {}
    for one in handins:
        by_student.setdefault(one.student, []).append(one)
    rows = []
    for student in site.people.seen_by(visit.person):
        mine = by_student.get(student.id, [])
        person = Person(student.id, STUDENT, student)
        rows.append(Row(person, len(mine), mine[-1] if mine else None))
    title = info.title.get(visit.lang, info.name)
    return rendered(site, "lab.html", visit.lang, visit, lab=info.name, title=title, rows=rows)


def student(site: Site, visit: Visit) -> Response:
    """Show all that a student sent, what was refused included, with its flags."""
    person = site.people.find(visit.path["student"])
    if not (person and person.student and site.people.sees(visit.person, [person.id])):
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
    with site.database.reading() as session:
        handins = queue.of_student(session, person.id)
    return rendered(site, "student.html", visit.lang, visit, who=person, handins=handins[::-1])


def pause(site: Site, visit: Visit) -> Response:
    """Take no hand-ins of a lab any more, or take them again."""
    info = known_lab(site, visit)
    what = "paused" if visit.text("paused") == "yes" else "resumed"
    log.info("%s: hand-ins are %s by %s", info.name, what, visit.person.id)
    with site.database.writing() as session:
        session.execute(sa.delete(pauses).where(pauses.c.lab == info.name))
        if what == "paused":
            about = {"who": visit.person.id, "at": stamp(datetime.now(UTC))}
            session.execute(sa.insert(pauses).values(lab=info.name, **about))
    return RedirectResponse(site.path("/course"), HTTPStatus.SEE_OTHER)


def again(site: Site, visit: Visit) -> Response:
    """Queue once more what had failed."""
    with site.database.writing() as session:
        found = queue.again(session, visit.path["id"])
    if not found:
        raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
    log.info("%s is queued again by %s", visit.path["id"], visit.person.id)
    return RedirectResponse(site.path("/course"), HTTPStatus.SEE_OTHER)


def known_lab(site: Site, visit: Visit) -> LabInfo:
    """Return the lab of a path."""
    for info in site.course.labs:
        if info.name == visit.path["lab"]:
            return info
    raise Refused(HTTPStatus.NOT_FOUND, Reason("service.not_there"))
