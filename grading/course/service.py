"""Where the course's service is, to which notebooks hand in by themselves."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from grading.course.tables import Rule

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
_HERE = r"localhost|127\.0\.0\.1|\[::1\]"  # where nobody listens in, so that a service can be tried
_ADDRESS = re.compile(
    rf"(?:https://(?:{_NAME}|\[[0-9A-Fa-f:]+\])|http://(?:{_HERE}))(?::\d{{1,5}})?(?:/[\w.~-]+)*"
)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and _ADDRESS.fullmatch(value) is not None


ADDRESS = Rule(
    'an https:// address in quotes without a / at its end, such as "https://hand-in.example.org" '
    "(http:// for localhost alone)",
    _is_address,
)


@dataclass(frozen=True)
class Service:
    """The table ``[service]`` of course.toml; without an address notebooks only make a file."""

    address: Annotated[str, ADDRESS] = ""
