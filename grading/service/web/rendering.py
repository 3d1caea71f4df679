"""Pages from templates, in the look of the kit's other pages, and the script that some have."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from grading.messages import message
from grading.reporting import pages
from grading.reporting.standings import number, signed
from grading.service.web.site import Site, Visit

TEMPLATES = Path(__file__).parent / "templates"
STYLES = (
    pages.TEMPLATES / "report.css",
    pages.TEMPLATES / "feedback.css",
    TEMPLATES / "service.css",
)


def policy(ancestors: str = "'none'") -> str:
    """Return what pages may load and do, and who may frame them; a page that needs more adds it."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        f"base-uri 'none'; frame-ancestors {ancestors}"
    )


def rendered(
    site: Site,
    template: str,
    lang: str,
    visit: Visit | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """Return a page; whatever is no markup is escaped."""
    zone = site.course.zone
    html = pages.environment(TEMPLATES).get_template(template).render(
        **values,
        say=partial(_say, lang),
        lang=lang,
        course=site.course,
        path=site.path,
        person=visit.person if visit else None,
        csrf=visit.csrf if visit and visit.person.id else "",
        minute=lambda moment: f"{moment.astimezone(zone):%Y-%m-%d %H:%M}",
        clock=lambda moment: f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}",
        number=number,
        signed=signed,
    )  # fmt: skip
    return HTMLResponse(html, status, headers)


def style() -> str:
    """Return the style sheet of all pages."""
    return "".join(path.read_text(encoding="utf-8") for path in STYLES)


def script() -> str:
    """Return the script of the pages of marking."""
    return (TEMPLATES / "marking.js").read_text(encoding="utf-8")


def _say(lang: str, key: str, **values: Any) -> str:
    return message(f"service.{key}", lang, **values)
