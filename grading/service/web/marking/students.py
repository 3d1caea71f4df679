"""What students see of the marks of their written answers, and ask about them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import Response

from grading.course.config import LabInfo
from grading.course.extensions import read_extensions
from grading.course.service import REASONS, RECEIVED
from grading.marking import asking, checks
from grading.marking.answers import answer_of, refusal
from grading.messages import Reason
from grading.reporting.outline import place_of, read_outline
from grading.service.policy import Refused, shows
from grading.service.web.marking.desk import lab_here, page, rubric_of, title_of, to
from grading.service.web.site import Site, Visit


def own_marks(site: Site, visit: Visit) -> Response:
    """Show a student the marks of answers and the checks that lost some, and what was asked."""
    info, asked = lab_here(site, visit)
    student, now = visit.person.id, datetime.now(UTC)
    with site.database.reading() as session:
        end = asking.until(session, info.name, site.course.service.ask_days)
        if end is None:
            raise Refused(HTTPStatus.NOT_FOUND, Reason("marking.marks_not_shown"))
        questions = asking.questions(session, info.name)
        rows = [
            (one, found, rubric_of(session, info.name, one.cell)[0])
            for one in asked
            if (found := answer_of(session, info.name, one.cell, student))
        ]
        checked = checks.checks_of(session, info.name, student)
    much = _amount(site, info, student, now)
    outline = read_outline(site.course, info.name)
    return page(
        site,
        "marking_own.html",
        visit,
        title=title_of(info, visit),
        info=info,
        rows=rows,
        checks=[
            (one, place_of(outline, one.cell).name)
            for one in checked
            if much != RECEIVED and (one.lost or _asked(questions, one))
        ],
        shows_reasons=much == REASONS,
        asked_of=lambda one: _asked(questions, one),
        end=end,
        may_ask=now <= end,
    )


def ask(site: Site, visit: Visit) -> Response:
    """Take a student's question about a mark."""
    info, asked = lab_here(site, visit)
    now, days = datetime.now(UTC), site.course.service.ask_days
    student, cell = visit.person.id, visit.path["cell"]
    with site.database.writing() as session:
        found: asking.Marked | None = None
        if cell in {one.cell for one in asked}:
            found = answer_of(session, info.name, cell, student)
        elif _amount(site, info, student, now) != RECEIVED:
            mine = checks.checks_of(session, info.name, student)
            found = next((one for one in mine if one.cell == cell and one.lost), None)
        if found is None:
            raise refusal("not_shown")
        asking.ask(session, found, student, visit.text("question"), days, now)
    return to(site, f"/labs/{info.name}/marks")


def _amount(site: Site, info: LabInfo, student: str, now: datetime) -> str:
    """Return how much of what the judge says a student is shown."""
    due = read_extensions(site.course).get((student, info.name), info.due)
    return shows(info.service, due, now, published=info.name in site.published())


def _asked(questions: Iterable[asking.Question], about: asking.Marked) -> asking.Question | None:
    """Return what one of those whose mark it is asked about it, None if nobody did."""
    return next(
        (one for one in questions if one.cell == about.cell and one.student in about.students),
        None,
    )
