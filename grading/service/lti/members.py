"""The members of an LMS's course as a roster, by which the course's own is compared; pure."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from grading.course.roster import COLUMNS, Roster, roster_of_lines
from grading.errors import UserError
from grading.service.lti.launching import role_of
from grading.service.people import STUDENT

TITLES = (*COLUMNS, "surname")


def students(members: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the members who are learners, and neither gone nor suspended."""
    return [
        one
        for one in members
        if one.get("status", "Active") == "Active" and role_of(one.get("roles") or ()) == STUDENT
    ]


def roster_of(learners: Iterable[Mapping[str, Any]], where: str) -> Roster:
    """Return learners as a roster: by the university's id, else by the e-mail address.

    Raises
    ------
    UserError
        If one of them has neither, or two have the same.
    """
    lines = [(number, _line(one)) for number, one in enumerate(learners, start=2)]
    for _, (id, name, *_) in lines:
        if not id:
            raise UserError(
                f"{where} tell neither id nor e-mail address of {name or 'somebody'}; expected one "
                "of the two: let the LMS share them with the tool"
            )
    return roster_of_lines(Path(where), [(1, list(TITLES)), *lines])


def _line(member: Mapping[str, Any]) -> list[str]:
    email, id = _text(member, "email"), _text(member, "lis_person_sourcedid")
    given, surname = _text(member, "given_name"), _text(member, "family_name")
    name = _text(member, "name") or f"{given} {surname}".strip()
    return [id or email, name, email, "", surname]


def _text(member: Mapping[str, Any], name: str) -> str:
    found = member.get(name)
    return found if isinstance(found, str) else ""
