"""A student's page as an e-mail."""

import hashlib
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from grading.course.config import Course
from grading.course.mail import Mail, is_address
from grading.errors import UserError
from grading.feedback.writing import Returned
from grading.files import write_atomically
from grading.messages import message
from grading.reporting.standings import listed, number


def sender_of(course: Course) -> Mail:
    """Return who sends a course's e-mail.

    Raises
    ------
    UserError
        If course.toml does not say.
    """
    if course.mail is None:
        raise UserError(
            "course.toml does not say who sends e-mail; expected a table [mail] with "
            'sender = "Ana Gil <ana@example.org>"'
        )
    return course.mail


def mailbox(home: Path, lab: str) -> Path:
    """Return the folder of the e-mail of a lab."""
    return home / "mail" / lab


def write_mail(
    course: Course, lab: str, pages: list[Returned]
) -> tuple[dict[str, EmailMessage], list[str]]:
    """Write an ``.eml`` for each page below ``course/mail``.

    An e-mail about a page that stayed as it was is the same to the last byte.

    Returns
    -------
    messages : dict of EmailMessage
        By student.
    warnings : list of str
        Whose could not be written, or says something provisional, one line each.

    Raises
    ------
    UserError
        If course.toml does not say who sends it, or nobody has an address.
    """
    mail = sender_of(course)
    reached = [page for page in pages if is_address(page.email)]
    lacking = [page.student for page in pages if not is_address(page.email)]
    if not reached:
        raise UserError(
            f"none of those with a page of {lab} has an e-mail address; "
            f"expected them in the column email of {course.roster.name}"
        )
    found = {page.student: message_of(course, lab, mail, page) for page in reached}
    for student, one in found.items():
        write_atomically(mailbox(course.home, lab) / f"{student}.eml", one.as_bytes())
    waiting = [page.student for page in reached if not page.is_final]
    lines = {
        f"without an e-mail address in {course.roster.name}, so not written to": lacking,
        "their e-mail gives a provisional total": waiting,
    }
    return found, [f"{line}: {listed(names)}" for line, names in lines.items() if names]


def message_of(course: Course, lab: str, mail: Mail, page: Returned) -> EmailMessage:
    """Return the e-mail that gives a student their page.

    Its id is that of its content, so that the same is known to be sent already.
    """
    lang = course.language
    content = page.path.read_bytes()
    title = course.lab(lab).title.get(lang, lab)
    made = EmailMessage(SMTP)
    made["Subject"] = message("mail.subject", lang, lab=title, course=course.name)
    made["From"] = mail.address
    made["To"] = Address(page.name, addr_spec=page.email)
    made["Date"] = format_datetime(datetime.fromtimestamp(page.path.stat().st_mtime, course.zone))
    digest = hashlib.sha256(page.email.encode() + b"\0" + content).hexdigest()
    made["Message-ID"] = f"<{digest}@{mail.address.domain}>"
    made.set_content(
        message(
            "mail.body" if page.is_final else "mail.provisional_body",
            lang,
            name=page.name or page.student,
            lab=title,
            score=number(page.score),
            most=number(page.max_score),
            file=page.path.name,
            course=course.name,
            institution=course.institution,
        )
    )
    charset = {"charset": "utf-8"}
    made.add_attachment(
        content, maintype="text", subtype="html", params=charset, filename=page.path.name
    )
    return made
