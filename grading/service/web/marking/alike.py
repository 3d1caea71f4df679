"""Answers that are blank, or nearly the same, marked at once."""

from starlette.responses import Response

from grading.marking import grouping, saving
from grading.marking.answers import Given, refusal
from grading.service.web.marking.desk import (
    desk_here,
    give,
    page,
    to,
)
from grading.service.web.marking.pieces import text_of
from grading.service.web.site import Site, Visit


def alike(site: Site, visit: Visit) -> Response:
    """Show blank answers, and those that are nearly the same, to be marked at once."""
    with site.database.reading() as session:
        desk = desk_here(session, site, visit)
    open_ = [one for one in desk.found if not one.is_marked and one.student in desk.mine]
    texts = {one.student: text_of(site, one) for one in open_ if not one.is_blank}
    by_student = {one.student: one for one in open_}
    groups = [[by_student[name] for name in names] for names in grouping.groups(texts)]
    return page(
        site,
        "marking_groups.html",
        visit,
        title=desk.asked.name,
        desk=desk,
        blank=[one for one in open_ if one.is_blank],
        groups=groups,
        texts=texts,
        nothing=Given(),
        one_most=desk.asked.most,
        key=lambda one: desk.keys[one.student],
    )


def save_alike(site: Site, visit: Visit) -> Response:
    """Give all the answers that were ticked the same."""
    try:
        with site.database.writing() as session:
            desk = desk_here(session, site, visit)
            keys = {key: student for student, key in desk.keys.items()}
            seen = {
                keys[key]: visit.text(field)
                for field in visit.form
                if (key := field.removeprefix("key-")) in keys
            }
            if not seen:
                raise refusal("gone")
            give(session, desk.info.name, desk.asked.cell, seen, visit)
    except saving.Overtaken:
        raise refusal("overtaken_text") from None
    return to(site, f"{desk.path}/alike")
