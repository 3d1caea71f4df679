"""`make demo-term`, for six students and two labs: what it leaves, and that the marks are right."""

import csv
import email
import email.policy
import itertools
import shutil
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest

from grading.course.config import load_course
from grading.keeping.archive import archive_name
from tests.demo_term import Term, give, keep, pages, prepare
from tests.drawn_files import participant, user
from tests.drawn_term import FORGOTTEN, ILL, SLOW
from tests.reporting.lms import canvas_takes, moodle_takes

pytestmark = pytest.mark.slow

LABS = "lab1_mlp", "lab4_seq2seq_attention"  # the first is handed in on Moodle, the last on Canvas


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """The term after its last lab and the exam."""
    found = prepare(tmp_path_factory.mktemp("demo-term"), 6, LABS)
    give(found)
    return found


@pytest.fixture(scope="module")
def kept(term: Term, tmp_path_factory: pytest.TempPathFactory) -> Term:
    """The same, archived, and with a student forgotten."""
    root = tmp_path_factory.mktemp("kept") / "demo-term"
    shutil.copytree(term.course.root, root)
    found = replace(term, course=load_course(root))
    keep(found)
    return found


def table(path: Path) -> dict[str, dict[str, str]]:
    """Return the rows of a table of the kit's by student."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return {row["student_id"]: row for row in csv.DictReader(stream)}


def earned(term: Term, number: int, place: int, with_answers: bool) -> Fraction:
    """Return the marks of a student's work in a lab, without lateness and changes by hand."""
    lab = term.labs[place]
    (work,) = [one for one in term.of(lab) if number in [who.number for who in one.people]]
    lost = work.judgement("es").results
    marks = sum(Fraction(str(one.max)) for one in lost if one.reason is None)
    answers = sum(Fraction(str(marks)) for marks in work.written.values())
    return marks + (answers if with_answers else 0)


def test_what_a_student_gets_is_what_the_rules_say(term: Term) -> None:
    """Slip days are spent where they save most, and the lab that costs most is left out."""
    lost = next(one for one in term.of(term.labs[0]) if one.people[0].number == SLOW)
    by_hand = next(one.max for one in lost.judgement("es").results if one.reason)
    shares = [
        (earned(term, SLOW, 0, with_answers=True) + Fraction(str(by_hand))) / 100,
        earned(term, SLOW, 1, with_answers=False) / 100,
    ]
    late = [2, 3]  # days: three in either lab, and the group had one more day for the first
    spent = max(
        (days for days in itertools.product(range(4), repeat=2) if sum(days) <= 3),
        key=lambda days: sum(left(shares, late, days)),
    )
    best = max(left(shares, late, spent))
    exam = Fraction(table(term.course.root / "exam.csv")["u1005"]["marks"].replace(",", "."))
    mark = 10 * (best + 2 * exam / 10) / 3
    shown = table(term.course.home / "reports" / "marks.csv")["u1005"]
    assert float(shown["mark"]) == float(round(10 * mark + Fraction(1, 10**9))) / 10
    assert shown["state"] == "provisional"


def left(shares: list[Fraction], late: list[int], spent: tuple[int, ...]) -> list[Fraction]:
    """Return what is left of two labs after a tenth for each day that no slip day pays."""
    return [
        share * (1 - Fraction(max(days - free, 0), 10))
        for share, days, free in zip(shares, late, spent, strict=True)
    ]


def test_the_pages_and_the_workbook_are_there_also_after_somebody_was_forgotten(
    term: Term, kept: Term
) -> None:
    for path in pages(term) + pages(kept):
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>"), path
    for one in (term, kept):
        book = openpyxl.load_workbook(one.course.home / "reports" / "marks.xlsx")
        assert len(book.sheetnames) == 2 + len(LABS)


def test_the_archive_has_the_course(term: Term, kept: Term) -> None:
    restored = kept.course.root / "restored"
    assert zipfile.is_zipfile(kept.course.root / archive_name(kept.course))
    for name in ("course.toml", "adjustments.csv", "course/reports/marks.csv"):
        assert (restored / name).read_bytes() == (term.course.root / name).read_bytes()
    assert (restored / "course" / "gradebook.db").is_file()


def test_both_lmss_get_the_marks_back(term: Term) -> None:
    reports = term.course.home / "reports"
    first, last = LABS
    filled = (reports / first / f"{first}-moodle-filled.csv").read_bytes()
    ill = term.people[ILL]
    moodle = moodle_takes(filled, "es", 100)[participant(ill, 0)][0]
    assert moodle == float(earned(term, ILL, 0, with_answers=True))
    filled = (reports / last / f"{last}-canvas-filled.csv").read_bytes()
    canvas, made = canvas_takes(filled, 776)
    assert float(canvas[user(ill)]) == float(earned(term, ILL, 1, with_answers=False))
    assert made == []


@pytest.mark.parametrize("lab", LABS)
def test_students_get_their_pages_in_a_zip_and_by_mail(term: Term, lab: str) -> None:
    lms = term.lms(next(one for one in term.labs if one.name == lab))
    zipped = term.course.home / "reports" / lab / f"{lab}-{lms}-feedback.zip"
    with zipfile.ZipFile(zipped) as file:
        assert {Path(name).suffix for name in file.namelist()} == {".html"}
    mails = sorted((term.course.home / "mail" / lab).glob("*.eml"))
    assert mails
    message = email.message_from_bytes(mails[0].read_bytes(), policy=email.policy.default)
    assert term.people[ILL].email in message["To"]


def test_who_is_forgotten_is_nowhere_in_the_course(term: Term, kept: Term) -> None:
    gone = term.people[FORGOTTEN]
    assert gone.id in table(term.course.roster) and gone.id not in table(kept.course.roster)
    for path in kept.course.home.rglob("*"):
        assert gone.id not in path.name
        if path.suffix in (".html", ".csv", ".json", ".ipynb"):
            assert gone.name not in path.read_text(encoding="utf-8"), path
