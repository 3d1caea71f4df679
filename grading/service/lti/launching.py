"""What the launch of a link in an LMS says, and whether it may; pure.

The names are those of LTI 1.3 Core, of Assignment and Grade Services 2.0, and of Names and Role
Provisioning Services 2.0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grading.course.service import ELSEWHERE, GRADER, INSTRUCTOR, Platform
from grading.messages import in_one_line
from grading.service.people import STRANGER, STUDENT
from grading.service.proofs import NotProven

LTI = "https://purl.imsglobal.org/spec/lti/claim"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LONGEST = 255  # characters of an account, by the standard
MESSAGE, VERSION = "LtiResourceLinkRequest", "1.3.0"


@dataclass(frozen=True)
class Launch:
    """Who opened a link of an LMS, where.

    Attributes
    ----------
    account : str
        The person's id in the LMS.
    ids : tuple of str
        The person's ids at the university.
    email : str
    role : str
        That of the LMS, as ours are called.
    context, title : str
        The LMS's course.
    line_items, members : str
        Where it takes marks and says who is in the course; empty if it does not.
    """

    account: str
    ids: tuple[str, ...]
    email: str
    role: str
    context: str
    title: str
    line_items: str
    members: str


def launch_of(claims: Mapping[str, Any], platform: Platform) -> Launch:
    """Return the launch that the claims of a proven token are of.

    Raises
    ------
    NotProven
        If something of it is missing, or it is for another deployment.
    """
    _must(claims.get(f"{LTI}/message_type") == MESSAGE, "is no launch of a resource link")
    _must(claims.get(f"{LTI}/version") == VERSION, f"is not of version {VERSION}")
    deployment = _text(claims, f"{LTI}/deployment_id")
    _must(
        deployment in platform.deployments,
        f"is of the deployment {deployment!r}; expected one of {', '.join(platform.deployments)}",
    )
    link, context = _table(claims, f"{LTI}/resource_link"), _table(claims, f"{LTI}/context")
    _must(bool(_text(link, "id")), "names no resource link")
    _must(bool(_text(context, "id")), "names no context, so no course")
    _must(len(claims["sub"]) <= LONGEST, f"has an account of more than {LONGEST} characters")
    _must(isinstance(claims.get(f"{LTI}/roles"), list), "has no roles")
    lis = _table(claims, f"{LTI}/lis")
    marks = _table(claims, "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint")
    names = _table(claims, "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice")
    return Launch(
        claims["sub"],
        (_text(lis, "person_sourcedid"),),
        "" if claims.get("email_verified") is False else _text(claims, "email"),
        role_of(claims[f"{LTI}/roles"]),
        _text(context, "id"),
        in_one_line(_text(context, "title"))[:100],
        _address(marks, "lineitems"),
        _address(names, "context_memberships_url"),
    )


def role_of(roles: Iterable[Any]) -> str:
    """Return what somebody may be at most, by the roles in the LMS's course.

    An assistant may be named an instructor, too, and is none. Roles in the institution say nothing.

    Examples
    --------
    >>> role_of(["Learner"]), role_of([f"{MEMBERSHIP}#Instructor"])
    ('student', 'instructor')
    >>> role_of([f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}/Instructor#TeachingAssistant"])
    'grader'
    """
    found = {
        one.removeprefix(MEMBERSHIP).rpartition("#")[2] if one.startswith(MEMBERSHIP) else one
        for one in roles
        if isinstance(one, str)
    }
    if "TeachingAssistant" in found:
        return GRADER
    if "Instructor" in found:
        return INSTRUCTOR
    return STUDENT if "Learner" in found else STRANGER


def _must(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise NotProven(f"the launch {otherwise}")


def _table(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = claims.get(name)
    return found if isinstance(found, dict) else {}


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    return found if isinstance(found, str) and len(found) <= 1000 else ""


def _address(claims: Mapping[str, Any], name: str) -> str:
    found = _text(claims, name)
    return found if ELSEWHERE.accepts(found) else ""
