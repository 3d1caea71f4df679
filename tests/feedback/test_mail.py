"""E-mails with pages, and how they are sent: to a server of this process's own."""

import email
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from grading.course.config import Course, load_course
from grading.course.mail import Mail
from grading.errors import UserError
from grading.feedback.mail import write_mail
from grading.feedback.sending import PASSWORD, SentLog, connected, send
from tests import mini
from tests.feedback.returned import read, returned

SENDER = "Cátedra de Aprendizaje <dl@uni.example>"


class Inbox:
    """What a server took; it refuses some, and breaks off after so many."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.refuses: set[str] = set()
        self.most = 100

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuses:
            return "550 no such\tmailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if len(self.taken) >= self.most:
            return "421 too many for today"
        self.taken.append(email.message_from_bytes(envelope.content or b"", policy=default))
        return "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [str(one["To"].addresses[0].addr_spec) for one in self.taken]


class OnAnyPort(Controller):
    """A server on a port that is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def served(inbox: Inbox, **options: object) -> Iterator[str]:
    """A server of this process: its name and port."""
    controller = OnAnyPort(inbox, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[str]:
    with served(inbox) as name:
        yield name


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return replace(mini.make_course(tmp_path), mail=Mail(SENDER))


def by(course: Course, server: str, **more: str) -> Mail:
    return Mail(SENDER, server, **{"security": "none"} | more)


def three(course: Course) -> list:
    return [
        returned(course, "ada", "Ada Lovelace", "ada@uni.example"),
        returned(course, "bob", 'Ñuño, José "Pepe"', "bob@uni.example"),
        returned(course, "cyd", "Cyd", "cyd@uni.example"),
    ]


# --- what is written ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "subject", "said"),
    [
        ("en", "Mini: your marks · Mini", "You have 7.5 of 11 marks"),
        ("es", "Mini: tus puntos · Mini", "tienes 7.5 de 11 puntos"),
    ],
)
def test_an_eml_says_the_total_and_has_the_page(
    course: Course, lang: str, subject: str, said: str
) -> None:
    write_mail(replace(course, language=lang), "mini", three(course))
    folder = course.home / "mail" / "mini"
    assert sorted(path.name for path in folder.iterdir()) == ["ada.eml", "bob.eml", "cyd.eml"]
    one = email.message_from_bytes((folder / "bob.eml").read_bytes(), policy=default)
    assert (one["Subject"], one["From"]) == (subject, SENDER)
    (address,) = one["To"].addresses
    assert (address.display_name, address.addr_spec) == ('Ñuño, José "Pepe"', "bob@uni.example")
    assert said in one.get_body().get_content()
    (page,) = one.iter_attachments()
    assert (page.get_content_type(), page.get_filename()) == ("text/html", "mini.html")
    assert page.get_content() == "<p>página de bob</p>"


def test_a_provisional_total_is_called_so(course: Course) -> None:
    page = returned(course, "ada", "Ada", "ada@uni.example", is_final=False)
    messages, warnings = write_mail(course, "mini", [page])
    assert "For now you have 7.5 of 11" in messages["ada"].get_body().get_content()
    assert "provisional total: ada" in warnings[0]


def test_who_has_no_address_is_named_and_the_others_are_written(course: Course) -> None:
    pages = [*three(course), returned(course, "dan"), returned(course, "eve", "Eve", "eve at uni")]
    messages, warnings = write_mail(course, "mini", pages)
    assert set(messages) == {"ada", "bob", "cyd"}
    assert warnings == ["without an e-mail address in roster.csv, so not written to: dan, eve"]


def test_a_page_that_stayed_makes_the_same_e_mail(course: Course) -> None:
    pages = three(course)
    write_mail(course, "mini", pages)
    path = course.home / "mail" / "mini" / "ada.eml"
    before = email.message_from_bytes(path.read_bytes())
    write_mail(course, "mini", pages)
    after = email.message_from_bytes(path.read_bytes())
    assert (before["Message-ID"], before["Date"]) == (after["Message-ID"], after["Date"])
    pages[0].path.write_text("<p>another mark</p>")
    write_mail(course, "mini", pages)
    assert email.message_from_bytes(path.read_bytes())["Message-ID"] != before["Message-ID"]


def test_without_a_sender_or_an_address_nothing_is_written(course: Course) -> None:
    with pytest.raises(UserError, match=r"expected a table \[mail\] with sender"):
        write_mail(replace(course, mail=None), "mini", three(course))
    with pytest.raises(UserError, match=r"column email of roster\.csv"):
        write_mail(course, "mini", [returned(course, "ada")])
    assert not (course.home / "mail").exists()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('sender = "nobody"', "sender"),
        ('sender = "a@b.es\\nBcc: x@y.es"', "sender"),
        ('sender = "a@b.es"\nserver = "smtp b.es"', "server"),
        ('sender = "a@b.es"\nsecurity = "ssl"', "security"),
        ('sender = "a@b.es"\npassword = "x"', "password"),
        ('server = "smtp.b.es"', "sender"),
    ],
)
def test_a_wrong_table_is_one_line(course: Course, lines: str, said: str) -> None:
    path = course.root / "course.toml"
    path.write_text(f"{read(path)}\n[mail]\n{lines}\n", encoding="utf-8")
    with pytest.raises(UserError, match=said) as caught:
        load_course(course.root)
    assert len(str(caught.value).splitlines()) == 1


# --- how it is sent ----------------------------------------------------------------------------


def test_each_message_is_sent_once_however_often_it_is_begun(
    course: Course, server: str, inbox: Inbox
) -> None:
    inbox.most = 2
    messages, _ = write_mail(course, "mini", three(course))
    folder = course.home / "mail" / "mini"
    with (
        pytest.raises(UserError, match="421 too many for today; 2 of 3 were sent"),
        connected(by(course, server)) as post,
    ):
        send(post, SentLog(folder).left(messages), SentLog(folder))
    inbox.most = 100
    for expected in (1, 0):
        log = SentLog(folder)
        messages, _ = write_mail(course, "mini", three(course))
        with connected(by(course, server)) as post:
            assert send(post, log.left(messages), log).count == expected
    assert inbox.recipients == ["ada@uni.example", "bob@uni.example", "cyd@uni.example"]
    (page,) = inbox.taken[1].iter_attachments()
    assert page.get_content() == "<p>página de bob</p>"


def test_a_changed_page_is_sent_again_and_no_other(
    course: Course, server: str, inbox: Inbox
) -> None:
    pages = three(course)
    folder = course.home / "mail" / "mini"
    for _ in range(2):
        messages, _ = write_mail(course, "mini", pages)
        log = SentLog(folder)
        with connected(by(course, server)) as post:
            send(post, log.left(messages), log)
        pages[1].path.write_text("<p>regraded</p>")
    assert inbox.recipients[3:] == ["bob@uni.example"]


def test_an_address_that_the_server_refuses_is_named_and_the_others_are_sent(
    course: Course, server: str, inbox: Inbox
) -> None:
    inbox.refuses = {"ada@uni.example"}
    messages, _ = write_mail(course, "mini", three(course))
    log = SentLog(course.home / "mail" / "mini")
    with connected(by(course, server)) as post:
        sent = send(post, log.left(messages), log)
    assert (sent.count, sent.refused) == (2, {"ada": "550 no such mailbox"})
    assert inbox.recipients == ["bob@uni.example", "cyd@uni.example"]
    assert set(log.left(messages)) == {"ada"}


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_name_and_a_password_let_us_in(
    course: Course, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object):
        assert isinstance(data, LoginPassword)
        is_right = (data.login, data.password) == (b"ana", b"right")
        return AuthResult(success=is_right, handled=False)

    options = {"authenticator": known, "auth_required": True, "auth_require_tls": False}
    with served(inbox, **options) as server:
        mail = by(course, server, user="ana")
        monkeypatch.delenv(PASSWORD, raising=False)
        with pytest.raises(UserError, match=f"no password for ana.*{PASSWORD}"):
            connected(mail).__enter__()
        monkeypatch.setenv(PASSWORD, "wrong")
        with pytest.raises(UserError, match="does not let us in: 535") as caught:
            connected(mail).__enter__()
        assert "wrong" not in str(caught.value)
        monkeypatch.setenv(PASSWORD, "right")
        with connected(mail) as post:
            assert post.noop()[0] == 250


def test_a_server_that_cannot_encrypt_gets_nothing_unless_told(
    course: Course, server: str, inbox: Inbox
) -> None:
    with pytest.raises(UserError, match="does not let us in: STARTTLS"):
        connected(by(course, server, security="starttls")).__enter__()
    assert inbox.taken == []


def test_a_server_that_is_not_there_is_one_line(course: Course) -> None:
    for mail, said in (
        (Mail(SENDER), "names no server"),
        (by(course, "127.0.0.1:1"), "cannot reach 127.0.0.1, port 1"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            connected(mail).__enter__()
        assert len(str(caught.value).splitlines()) == 1


def test_a_damaged_note_of_what_was_sent_sends_nothing(course: Course) -> None:
    folder = course.home / "mail" / "mini"
    folder.mkdir(parents=True)
    (folder / "sent.json").write_text('{"<1@')
    with pytest.raises(UserError, match="is damaged"):
        SentLog(folder)
