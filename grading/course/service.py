"""What the service of a course allows: the tables ``[service]`` and ``[labs.service]``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any
from urllib.parse import urlsplit

from grading.course.tables import TABLE, Rule, is_number, one_of

UNLIMITED = "unlimited"
BEST, LAST = "best", "last"
REASONS, TICKS, RECEIVED = "reasons", "ticks", "received"
ASKED, PUBLISHED = "asked", "published"
GRADER, INSTRUCTOR = "grader", "instructor"
MEGABYTE = 10**6
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_HERE = r"localhost|127\.0\.0\.1|\[::1\]"  # where nobody listens in, so that a service can be tried
_SITE = rf"(?:https://(?:{_NAME}|\[[0-9A-Fa-f:]+\])|http://(?:{_HERE}))(?::\d{{1,5}})?"
_ADDRESS = re.compile(rf"{_SITE}(?:/[\w.~-]+)*")
_ELSEWHERE = re.compile(rf"{_SITE}(?:/[!-~]*)?")


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


ADDRESS = Rule(
    'an https:// address in quotes without a / at its end, such as "https://hand-in.example.org" '
    "(http:// for localhost alone)",
    _is_address,
)
ELSEWHERE = Rule(
    'an https:// address in quotes, such as "https://login.example.org/realms/uni" '
    "(http:// for localhost alone)",
    lambda value: (
        isinstance(value, str) and len(value) <= 500 and _ELSEWHERE.fullmatch(value) is not None
    ),
)
GIVEN = Rule(
    "1 to 255 characters in quotes, as whoever registered the service gave them",
    lambda value: isinstance(value, str) and re.fullmatch(r"[!-~]{1,255}", value) is not None,
)
GIVEN_EACH = Rule(
    'one or more in square brackets, each in quotes, such as ["1"]',
    lambda value: isinstance(value, list) and bool(value) and all(map(GIVEN.accepts, value)),
)
CLAIM = Rule(
    'the name of a claim in quotes, such as "preferred_username"',
    lambda value: isinstance(value, str) and re.fullmatch(r"[\w:/.-]{1,100}", value) is not None,
)
ATTEMPTS = Rule(
    f'a whole number from 1 to 1000, or "{UNLIMITED}"',
    lambda value: (
        value == UNLIMITED or (is_number(value) and isinstance(value, int) and 1 <= value <= 1000)
    ),
)
WAIT = Rule(
    "a number of minutes from 0 to 10080", lambda value: is_number(value) and 0 <= value <= 10080
)
DAYS = Rule("a number of days from 0 to 365", lambda value: is_number(value) and 0 <= value <= 365)
PERCENT = Rule("a percentage from 0 to 100", lambda value: is_number(value) and 0 <= value <= 100)
COMMAND = Rule(
    "a command line in quotes", lambda value: isinstance(value, str) and bool(value.strip())
)
COUNTS = one_of(LAST, BEST)
SHOWS = one_of(REASONS, TICKS, RECEIVED)
UPLOAD = Rule(
    "a number of megabytes above 0, up to 200",
    lambda value: is_number(value) and 0 < value <= 200,
)
SENDS = one_of(ASKED, PUBLISHED)
ROLE = one_of(GRADER, INSTRUCTOR)
SECTIONS = Rule(
    'groups of the roster in square brackets, each in quotes, such as ["A", "evening"]',
    lambda value: (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, str) and one.strip() and "," not in one for one in value)
    ),
)
STAFF_ID = Rule(
    "1 to 64 letters, digits and . _ @ - in quotes, such as an e-mail address",
    lambda value: isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9][\w.@-]{0,63}", value)),
    unique=True,
)


@dataclass(frozen=True)
class HandingIn:
    """How a lab may be handed in.

    ``attempts`` and ``wait`` (minutes between two) bound how often; ``counts`` says which attempt
    does; ``shows`` what a student sees of it before the lab is due, all of it being shown after.
    """

    attempts: Annotated[int | str, ATTEMPTS] = UNLIMITED
    wait: Annotated[float, WAIT] = 0.0
    counts: Annotated[str, COUNTS] = LAST
    shows: Annotated[str, SHOWS] = REASONS
    upload_mb: Annotated[float, UPLOAD] = 20.0

    @property
    def most(self) -> int | None:
        """The attempts there are, None if they are not limited."""
        return self.attempts if isinstance(self.attempts, int) else None

    @property
    def most_bytes(self) -> int:
        """The size of the largest notebook that is taken."""
        return int(self.upload_mb * MEGABYTE)


@dataclass(frozen=True)
class Staff:
    """Somebody who gives the course; a grader of some ``sections`` sees no other students."""

    id: Annotated[str, STAFF_ID]
    role: Annotated[str, ROLE] = INSTRUCTOR
    sections: Annotated[tuple[str, ...], SECTIONS] = ()


@dataclass(frozen=True)
class Oidc:
    """The university's sign-in, by OpenID Connect; the client's secret is in no file.

    ``id_claim`` names what of a token is the id of the roster; without it, or if that is nobody's,
    a verified e-mail address says who it is.
    """

    issuer: Annotated[str, ELSEWHERE]
    client_id: Annotated[str, GIVEN]
    id_claim: Annotated[str, CLAIM] = ""


@dataclass(frozen=True)
class Platform:
    """An LMS from which the course is opened, by LTI 1.3.

    ``context`` is the course's id there; nobody comes in as long as it is not given.
    ``authorization``, ``token`` and ``keys`` are its addresses, ``address`` where people see it if
    that is not its issuer.
    """

    issuer: Annotated[str, ELSEWHERE]
    client_id: Annotated[str, GIVEN]
    deployments: Annotated[tuple[str, ...], GIVEN_EACH]
    authorization: Annotated[str, ELSEWHERE]
    token: Annotated[str, ELSEWHERE]
    keys: Annotated[str, ELSEWHERE]
    context: Annotated[str, GIVEN] = ""
    address: Annotated[str, ELSEWHERE] = ""

    @property
    def origin(self) -> str:
        """The scheme and host of its pages."""
        parts = urlsplit(self.address or self.issuer)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Service(HandingIn):
    """The table ``[service]``.

    ``address`` is where the public finds the service. ``lms_marks`` says when marks go to the LMS:
    when an instructor asks for it, or by themselves once a lab is published. Of written answers,
    ``second`` percent are marked by two people, students may ask about a mark for ``ask_days``
    after it is shown, and ``suggest`` is the command of a program that suggests marks, nothing if
    there is none.
    """

    address: Annotated[str, ADDRESS] = ""
    lms_marks: Annotated[str, SENDS] = ASKED
    second: Annotated[float, PERCENT] = 0.0
    ask_days: Annotated[float, DAYS] = 7.0
    suggest: Annotated[str, COMMAND] = ""
    staff: Annotated[tuple[Staff, ...], TABLE] = ()
    oidc: Annotated[Oidc | None, TABLE] = None
    lti: Annotated[tuple[Platform, ...], TABLE] = ()


def service_of(table: Mapping[str, Any]) -> Service:
    """Return what a right table ``[service]`` says."""
    staff = tuple(
        Staff(**one | {"sections": tuple(map(str.strip, one.get("sections", ())))})
        for one in table.get("staff", [])
    )
    oidc = Oidc(**table["oidc"]) if "oidc" in table else None
    lti = tuple(
        Platform(**one | {"deployments": tuple(one["deployments"])}) for one in table.get("lti", [])
    )
    return Service(**dict(table) | {"staff": staff, "oidc": oidc, "lti": lti})


def handing_in_of(service: Mapping[str, Any], lab: Mapping[str, Any]) -> HandingIn:
    """Return how a lab may be handed in: as its own table says, else as the course's does."""
    known = {item.name for item in fields(HandingIn)}
    return HandingIn(
        **{name: value for name, value in service.items() if name in known} | dict(lab)
    )
