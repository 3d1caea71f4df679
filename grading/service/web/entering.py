"""Letting somebody in who has proven who they are, however they did."""

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from grading.service.people import Person
from grading.service.web.site import Site, Visit


def entered(site: Site, visit: Visit, person: Person) -> Response:
    """Sign a person in, as whom they are now, and lead to where they were going."""
    before = visit.session.get("next", "")
    visit.session.clear()
    visit.session.update(id=person.id, revoked=site.revoked(person.id), role=person.role)
    home = site.path("/")
    is_here = isinstance(before, str) and before.startswith(home) and not before.startswith("//")
    return RedirectResponse(before if is_here else home, HTTPStatus.SEE_OTHER)
