"""Send e-mail through the course's server, each message once, however often it is begun.

What was sent is noted beside the messages after each of them. So what was interrupted goes on where
it stopped; only a message that the server took in the very moment of a crash could go out twice,
and it has the same id.
"""

import json
import os
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from grading.course.mail import STARTTLS, TLS, Mail
from grading.errors import UserError
from grading.files import write_atomically

PASSWORD = "DL_SMTP_PASSWORD"  # the environment variable that has it
SECONDS = 60  # for each answer of the server


@dataclass(frozen=True)
class Sent:
    """What became of the messages: how many the server took, and whose it refused, and why."""

    count: int
    refused: Mapping[str, str]


class SentLog:
    """What was sent of a lab, in a file; by the ids of the messages.

    Parameters
    ----------
    folder : Path
        Of the messages.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sent.json"
        try:
            self._sent: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._sent = {}
        except ValueError:
            raise UserError(
                f"{self._path} is damaged, and says who had their e-mail: mend it, or remove it "
                "and everybody gets it once more"
            ) from None

    def left(self, messages: Mapping[str, EmailMessage]) -> dict[str, EmailMessage]:
        """Return the messages that were not sent, by student."""
        return {
            student: one for student, one in messages.items() if one["Message-ID"] not in self._sent
        }

    def note(self, one: EmailMessage) -> None:
        """Keep that a message was sent."""
        self._sent[one["Message-ID"]] = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        text = json.dumps(self._sent, ensure_ascii=False, indent=1)
        write_atomically(self._path, text.encode())


@contextmanager
def connected(mail: Mail) -> Iterator[smtplib.SMTP]:
    """Return the course's server, logged in.

    Raises
    ------
    UserError
        If course.toml names none, it cannot be reached, or does not let us in.
    """
    if not mail.server:
        raise UserError('[mail] in course.toml names no server; expected server = "smtp.…:587"')
    password = os.environ.get(PASSWORD, "")
    if mail.user and not password:
        raise UserError(f"no password for {mail.user}; expected it in the variable {PASSWORD}")
    try:
        if mail.security == TLS:
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                mail.host, mail.port, timeout=SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=SECONDS)
    except OSError as error:
        raise UserError(f"cannot reach {mail.host}, port {mail.port}: {reason(error)}") from None
    with server:
        try:
            if mail.security == STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if mail.user:
                server.login(mail.user, password)
        except OSError as error:
            raise UserError(f"{mail.host} does not let us in: {reason(error)}") from None
        yield server


def send(server: smtplib.SMTP, messages: Mapping[str, EmailMessage], log: SentLog) -> Sent:
    """Send messages, one after the other; one that the server refuses is no reason to stop.

    Raises
    ------
    UserError
        If the server breaks off, or takes no more for now; it says how many were sent.
    """
    refused = {}
    count = 0
    for student, one in messages.items():
        try:
            server.send_message(one)
        except OSError as error:  # smtplib's own are, too
            if not _concerns_one(error):
                raise UserError(
                    f"the server stopped: {reason(error)}; {count} of {len(messages)} were sent, "
                    "the same command goes on with the others"
                ) from None
            refused[student] = reason(error)
        else:
            log.note(one)
            count += 1
    return Sent(count, refused)


def _concerns_one(error: OSError) -> bool:
    """Whether it is this message that the server does not take, for good."""
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500
    return isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPNotSupportedError)


def reason(error: OSError) -> str:
    """Return what a server said, in one line."""
    match error:
        case smtplib.SMTPRecipientsRefused():
            return _answer(*next(iter(error.recipients.values())))
        case smtplib.SMTPResponseException():
            return _answer(error.smtp_code, error.smtp_error)
        case _:
            return " ".join(str(error).split())


def _answer(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())}"
