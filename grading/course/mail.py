"""Who sends e-mail to the students of a course, and through which server."""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Any

from grading.course.tables import Rule

STARTTLS, TLS, NONE = "starttls", "tls", "none"
PORTS = {STARTTLS: 587, TLS: 465, NONE: 25}  # by the server's security
_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")
_SERVER = re.compile(r"[\w.-]+(?::\d{1,5})?", re.ASCII)


def is_address(text: str) -> bool:
    """Whether a text has the form of an e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


def _is_sender(value: Any) -> bool:
    return (
        isinstance(value, str) and len(value.splitlines()) == 1 and is_address(parseaddr(value)[1])
    )


SENDER = Rule('an address in quotes, such as "Ana Gil <ana@example.org>"', _is_sender)
SERVER = Rule(
    'the name of a server in quotes, with a port if it has one of its own: "smtp.example.org:587"',
    lambda value: isinstance(value, str) and _SERVER.fullmatch(value) is not None,
)
USER = Rule(
    "a name in quotes",
    lambda value: isinstance(value, str) and value.isprintable() and bool(value.strip()),
)
SECURITY = Rule(
    f"one of: {', '.join(PORTS)}", lambda value: isinstance(value, str) and value in PORTS
)


@dataclass(frozen=True)
class Mail:
    """The table ``[mail]`` of course.toml; the password is in no file."""

    sender: Annotated[str, SENDER]
    server: Annotated[str, SERVER] = ""
    user: Annotated[str, USER] = ""  # who logs in; empty if the server asks nobody
    security: Annotated[str, SECURITY] = STARTTLS

    @property
    def address(self) -> Address:
        """The sender, name and address apart."""
        name, address = parseaddr(self.sender)
        return Address(name, addr_spec=address)

    @property
    def host(self) -> str:
        """The server's name."""
        return self.server.partition(":")[0]

    @property
    def port(self) -> int:
        """The server's port."""
        return int(self.server.partition(":")[2] or PORTS[self.security])
