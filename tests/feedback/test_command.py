"""The command `feedback`, with a zip and with e-mail, for a class that was graded before."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from grading.collect.submitted import HandedIn, Place
from grading.course.config import Course, load_course
from grading.gradebook.marks import Marks
from grading.judging.results import FAILED, CheckMark, Result
from tests import mini
from tests.command import command
from tests.feedback.test_mail import Inbox, served

pytestmark = pytest.mark.kernels
WHEN = datetime(2030, 1, 11, 12, tzinfo=UTC)
MAIL = '\n[mail]\nsender = "Ana <ana@uni.example>"\nserver = "{}"\nsecurity = "none"\n'


def feedback(course: Course, *options: str, code: int = 0) -> str:
    done = command(course.root, "feedback", "mini", *options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course in which ada's work and bob's were graded; bob's file was no notebook."""
    course = mini.make_course(tmp_path_factory.mktemp("course"))
    assert command(course.root, "release", "mini").returncode == 0
    check = CheckMark("check-slope", "unseen points", 1.0, 4.0, "the error is 3")
    with Marks(course.db_url) as marks:
        marks.save(Result("ada", "mini", 1.0, 9.0, "graded", checks=[check]), WHEN)
        marks.save(Result("bob", "mini", 0.0, 9.0, FAILED, ["not a notebook: a PDF"]), WHEN)
    place = Place(course.home, "ada", "mini")
    ids = {"lms": "moodle", "participant": "101"}
    place.write(b"{}", WHEN, "", HandedIn("x", "ada", ids=ids))
    return load_course(course.root)


def files(course: Course) -> set[str]:
    return {path.relative_to(course.home).as_posix() for path in course.home.rglob("*.*")}


def test_everybody_who_was_graded_has_a_page(course: Course) -> None:
    assert "2 pages under course/feedback" in feedback(course)
    pages = {name: page(course, name) for name in ("ada", "bob")}
    assert "the error is 3" in pages["ada"] and "Exercise 2 · Slope" in pages["ada"]
    assert "not a notebook: a PDF" in pages["bob"]


def page(course: Course, student: str) -> str:
    return Path(course.home, "feedback", student, "mini", "mini.html").read_text(encoding="utf-8")


def test_a_zip_for_moodle_has_whom_moodle_named(course: Course) -> None:
    said = feedback(course, "--zip", "moodle")
    assert "Note: without ids of Moodle, so not in the zip: bob" in said
    assert "course/reports/mini/mini-moodle-feedback.zip" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--zip", "canvas"], "no student's ids of Canvas"),
        (["--zip", "sakai"], "expected one of moodle, canvas"),
        (["--mail"], "expected a table [mail]"),
        (["--send"], "expected --mail with --send"),
        (["--mail", "--yes"], "--send with --yes"),
    ],
)
def test_what_cannot_be_done_is_one_line(course: Course, options: list[str], said: str) -> None:
    before = files(course)
    *_, line = feedback(course, *options, code=2).splitlines()
    assert line.startswith("error: ") and said in line
    assert {name for name in files(course) - before if not name.startswith("feedback/")} == set()


def test_e_mail_is_written_shown_sent_and_not_sent_again(course: Course) -> None:
    inbox = Inbox()
    path = course.root / "course.toml"
    right = path.read_text(encoding="utf-8")
    with served(inbox) as server:
        path.write_text(right + MAIL.format(server), encoding="utf-8")
        try:
            assert "2 e-mails in course/mail/mini" in feedback(course, "--mail")
            assert inbox.taken == []
            shown = feedback(course, "--mail", "--send")
            assert "would be sent: Ada Lovelace <ada@example.org>" in shown
            assert inbox.taken == [] and "nothing is sent yet" in shown
            inbox.refuses = {"bob@example.org"}
            said = feedback(course, "--mail", "--send", "--yes", code=1)
            assert "1 were sent" in said and "Note: not sent to bob: 550 no such mailbox" in said
            inbox.refuses = set()
            said = feedback(course, "--mail", "--send", "--yes")
            assert "1 of them were sent before" in said
        finally:
            path.write_text(right, encoding="utf-8")
    assert inbox.recipients == ["ada@example.org", "bob@example.org"]
    (attached,) = inbox.taken[0].iter_attachments()
    assert attached.get_content() == page(course, "ada")
    assert len(json.loads((course.home / "mail" / "mini" / "sent.json").read_text())) == 2
