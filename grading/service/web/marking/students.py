"""What students see of the marks of their written answers, and ask about them."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import Response

from grading.judging.rubric import Rubric
from grading.marking import asking, rubrics
from grading.marking.answers import answers, of_student, refusal
from grading.messages import Reason
from grading.service.policy import Refused
from grading.service.web.marking.desk import lab_here, page, title_of, to
from grading.service.web.site import Site, Visit


def own_marks(site: Site, visit: Visit) -> Response:
    """Show a student the marks of the written answers, and what was asked about them."""
    info, asked = lab_here(site, visit)
    student = visit.person.id
    days = site.course.service.ask_days
    with site.database.reading() as session:
        end = asking.until(session, info.name, days)
        if end is None:
            raise Refused(HTTPStatus.NOT_FOUND, Reason("marking.marks_not_shown"))
        questions = {
            one.cell: one for one in asking.questions(session, info.name) if one.student == student
        }
        rows = [
            (one, found, rubric)
            for one in asked
            if (found := of_student(answers(session, info.name, one.cell), student))
            for rubric in [(rubrics.kept(session, info.name, one.cell) or (Rubric(), 0))[0]]
        ]
    return page(
        site,
        "marking_own.html",
        visit,
        title=title_of(info, visit),
        info=info,
        rows=rows,
        questions=questions,
        end=end,
        may_ask=datetime.now(UTC) <= end,
    )


def ask(site: Site, visit: Visit) -> Response:
    """Take a student's question about a mark."""
    info, _ = lab_here(site, visit)
    now, days = datetime.now(UTC), site.course.service.ask_days
    with site.database.writing() as session:
        cell = visit.path["cell"]
        found = of_student(answers(session, info.name, cell), visit.person.id)
        if found is None:
            raise refusal("not_shown")
        asking.ask(session, found, visit.person.id, visit.text("question"), days, now)
    return to(site, f"/labs/{info.name}/marks")
