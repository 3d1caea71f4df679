"""A question's rubric, changed while people mark: first shown, then done."""

from http import HTTPStatus

from starlette.responses import Response

from grading.course.config import LANGUAGES
from grading.judging.rubric import TOP, ZERO, Item, Rubric
from grading.marking import rubrics
from grading.marking.answers import refusal
from grading.messages import Reason
from grading.service.policy import Refused
from grading.service.web.marking.desk import Desk, desk_here, number, page, to
from grading.service.web.site import Site, Visit


def rubric_page(site: Site, visit: Visit) -> Response:
    """Show a question's rubric, to be changed."""
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
    return _rubric_page(site, visit, desk, desk.rubric)


def change_rubric(site: Site, visit: Visit) -> Response:
    """Show what a changed rubric does, then do it."""
    if visit.person.sections:
        raise Refused(HTTPStatus.FORBIDDEN, Reason("service.rubric_of_all"))
    with site.database.writing() as session:
        desk = desk_here(session, site, visit)
        wanted = _typed_rubric(visit, desk.rubric)
        rubrics.check(wanted, desk.asked.most)
        if visit.text("version") != str(desk.version):
            raise refusal("rubric_overtaken")
        if not visit.text("apply"):
            found = rubrics.effects(desk.rubric, wanted, desk.found)
            return _rubric_page(site, visit, desk, wanted, found)
        shown = {
            student: number(after)
            for student, key in desk.keys.items()
            if (after := visit.text(f"after-{key}"))
        }
        place = desk.info.name, desk.asked.cell
        rubrics.change(
            session, *place, desk.version, wanted, desk.asked.most, shown, visit.person.id
        )
    return to(site, f"{desk.path}/rubric")


def _rubric_page(
    site: Site,
    visit: Visit,
    desk: Desk,
    wanted: Rubric,
    found: list[rubrics.Effect] | None = None,
) -> Response:
    return page(
        site,
        "marking_rubric.html",
        visit,
        title=desk.asked.name,
        desk=desk,
        rubric=wanted,
        languages=LANGUAGES,
        effects=found,
        new=rubrics.new_key(wanted),
        key=lambda one: desk.keys[one.student],
    )


def _typed_rubric(visit: Visit, before: Rubric) -> Rubric:
    """Return the rubric of a form; items without any text go."""
    known = [item.key for item in before.items]
    typed = [field.removeprefix("points-") for field in visit.form if field.startswith("points-")]
    items = []
    for key in typed:
        words = {
            lang: text for lang in LANGUAGES if (text := visit.text(f"text-{lang}-{key}").strip())
        }
        if words and (key in known or key.isdecimal()):
            points = number(visit.text(f"points-{key}") or "0")
            items.append(Item(key[:8], points, words))
    start = TOP if visit.text("start") == TOP else ZERO
    return Rubric(start, tuple(items))
