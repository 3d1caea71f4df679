"""What people gave: it belongs to a text and to a team, it is dated, and totals add up."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from nbgrader.api import Gradebook
from sqlalchemy.orm import Session
from traitlets.config import Config

from grading.errors import UserError
from grading.gradebook import people
from grading.gradebook.lateness import PluginPolicy
from grading.gradebook.marks import Marks
from grading.judging.record import Record
from grading.judging.results import CheckMark, Result

LAB = "lab"
DUE = "2030-01-10 12:00:00 UTC"
EARLY, LATE = datetime(2030, 1, 10, 11, tzinfo=UTC), datetime(2030, 1, 10, 14, tzinfo=UTC)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a gradebook that knows the lab; nbgrader takes seconds to make one."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    where = f"sqlite:///{path}"
    with Marks(where):
        pass  # makes it
    with Gradebook(where) as book:
        book.add_assignment(LAB)
        book.add_notebook(LAB, LAB)
        book.add_grade_cell("check", LAB, LAB, max_score=4, cell_type="code")
        book.add_grade_cell("essay", LAB, LAB, max_score=2, cell_type="markdown")
        book.add_solution_cell("essay", LAB, LAB)
    return path


@pytest.fixture
def url(empty: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(empty, tmp_path)}"


@pytest.fixture(autouse=True)
def unwatched() -> None:
    """Let no other test's Formgrader look on: most marks here come from nobody knows whom."""
    if sa.event.contains(Session, "before_flush", people._before_flush):
        sa.event.remove(Session, "before_flush", people._before_flush)


def result(student: str, text: str, earned: float = 3.0, team: tuple[str, ...] = ()) -> Result:
    return Result(
        student,
        LAB,
        earned,
        4.0,
        "graded",
        checks=[CheckMark("check", "step", earned, 4.0, "" if earned == 4 else "differs")],
        submission=f"file with {text}",
        texts={f"{LAB}/essay": f"digest of {text}"},
        unanswered=[] if text else ["essay"],
        team=list(team),
    )


def save(url: str, *results: Result, at: datetime = EARLY) -> None:
    with Marks(url) as marks:
        for one in results:
            marks.save(one, at)


def mark(url: str, student: str, cell: str, score: float | None, comment: str = "") -> None:
    """Do what Formgrader does when a person marks a cell."""
    with Gradebook(url) as book:
        grade = book.find_grade(cell, LAB, LAB, student)
        grade.manual_score, grade.needs_manual_grade = score, False
        if comment:
            book.find_comment(cell, LAB, LAB, student).manual_comment = comment
        book.db.commit()


def settled(url: str, **lateness: object) -> dict[str, Record]:
    settings = Config()
    settings.LateSubmissionPlugin.update(lateness)
    with Marks(url) as marks:
        assert marks.settle(LAB, PluginPolicy(settings)) == []
        return {record.student: record for record in marks.records(LAB)}


def total_of(url: str, student: str) -> float:
    with Gradebook(url) as book:
        found = book.find_submission(LAB, student)
        return float(found.score - found.late_submission_penalty)


def test_a_mark_belongs_to_the_answer_that_was_read(url: str) -> None:
    save(url, result("ada", "old"))
    mark(url, "ada", "essay", 2.0, "well said")
    assert (settled(url)["ada"].score, settled(url)["ada"].waiting) == (5.0, False)
    save(url, result("ada", "new"))
    record = settled(url)["ada"]
    assert (record.score, record.waiting, record.written[0].marks) == (3.0, True, None)
    assert {(item.field, item.new) for item in record.history} == {
        ("manual_score", 2.0),
        ("manual_comment", "well said"),
    }
    mark(url, "ada", "essay", 1.0)
    record = settled(url)["ada"]
    assert (record.score, record.waiting, len(record.history)) == (4.0, False, 2)


@pytest.mark.parametrize("earned", [3.0, 4.0])
def test_the_same_answer_keeps_its_mark_when_all_else_is_new(url: str, earned: float) -> None:
    save(url, result("ada", "same"))
    mark(url, "ada", "essay", 2.0, "well said")
    save(url, replace(result("ada", "same", earned), submission="another file"))
    record = settled(url)["ada"]
    assert (record.score, record.waiting, record.history) == (earned + 2, False, ())
    assert record.written[0].comment == "well said"


def test_an_answer_that_was_deleted_loses_its_mark_and_waits_for_nobody(url: str) -> None:
    save(url, result("ada", "old"))
    mark(url, "ada", "essay", 2.0)
    save(url, result("ada", ""))
    record = settled(url)["ada"]
    assert (record.score, record.waiting, record.written[0].marks) == (3.0, False, 0.0)


def test_marks_changed_by_hand_wait_again_when_the_work_changes(url: str) -> None:
    save(url, result("ada", "old"))
    mark(url, "ada", "check", 4.0)
    (adjusted,) = settled(url)["ada"].adjustments
    assert (adjusted.cell, adjusted.marks) == ("check", 1.0)
    save(url, result("ada", "old", 2.0))  # the judge now says otherwise: to be looked at again
    record = settled(url)["ada"]
    assert (record.score, record.waiting, record.adjustments[0].marks) == (4.0, True, 2.0)
    save(url, result("ada", "new", 2.0))
    record = settled(url)["ada"]
    assert (record.score, record.waiting, record.adjustments) == (2.0, True, ())
    assert [item.new for item in record.history] == [4.0]


@pytest.mark.parametrize("first", ["ada", "bob"])
def test_a_pair_has_one_mark(url: str, first: str) -> None:
    team = ("ada", "bob")
    save(url, *(result(student, "shared", team=team) for student in team))
    mark(url, first, "essay", 1.5, "short")
    both = settled(url)
    assert [record.score for record in both.values()] == [4.5, 4.5]
    assert [record.waiting for record in both.values()] == [False, False]
    assert [record.written[0].comment for record in both.values()] == ["short", "short"]
    mark(url, "bob", "essay", 0.5)
    assert [record.score for record in settled(url).values()] == [3.5, 3.5]
    save(url, *(result(student, "again", team=team) for student in team))
    assert all(record.waiting and record.score == 3.0 for record in settled(url).values())
    save(url, result("bob", "alone"))  # they part
    mark(url, "bob", "essay", 2.0)
    assert [record.score for record in settled(url).values()] == [3.0, 5.0]


def test_who_joins_a_pair_gets_the_mark_of_the_answer_that_was_marked(url: str) -> None:
    save(url, result("ada", "shared"), result("bob", "own"))
    mark(url, "ada", "essay", 2.0)
    mark(url, "bob", "essay", 0.0)
    settled(url)
    team = ("ada", "bob")
    save(url, *(result(student, "shared", team=team) for student in team))
    assert [record.score for record in settled(url).values()] == [5.0, 5.0]


def test_a_pair_with_two_marks_of_unknown_order_keeps_both_and_is_named(url: str) -> None:
    team = ("ada", "bob")
    save(url, *(result(student, "shared", team=team) for student in team))
    mark(url, "ada", "essay", 2.0)
    mark(url, "bob", "essay", 1.0)
    with Marks(url) as marks:
        found = marks.settle(LAB, PluginPolicy(Config()))
        assert {(change.student, change.new) for change in found} == {("ada", 2.0), ("bob", 1.0)}
        assert [record.score for record in marks.records(LAB)] == [5.0, 4.0]


def test_who_marks_in_a_watched_process_is_noted_and_shared_at_once(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = ("ada", "bob")
    save(url, *(result(student, "shared", team=team) for student in team))
    monkeypatch.setenv("JUPYTERHUB_USER", "maria")
    people.watch()
    mark(url, "ada", "check", 4.0)
    assert total_of(url, "bob") == 4.0
    (adjusted,) = settled(url)["bob"].adjustments
    assert adjusted.change is not None
    assert (adjusted.change.who, adjusted.change.old, adjusted.change.new) == ("maria", None, 4.0)


def test_who_marks_over_anothers_mark_leaves_it_to_be_seen(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(url, result("ada", "text"))
    people.watch()
    for who, score in (("maria", 2.0), ("maria", 1.5), ("bo", 1.0)):
        monkeypatch.setenv("JUPYTERHUB_USER", who)
        mark(url, "ada", "essay", score)
    record = settled(url)["ada"]
    assert record.written[0].marks == 1.0
    assert [(change.who, change.new) for change in record.overwritten] == [("maria", 1.5)]


def test_adjusting_says_who_when_and_why(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "maria")
    save(url, result("ada", "text"))
    with Marks(url) as marks:
        assert marks.adjust(LAB, "ada", "check", 3.5, "a typo of ours") == 3.0
    (adjusted,) = settled(url)["ada"].adjustments
    assert adjusted.change is not None
    assert (adjusted.marks, adjusted.change.who, adjusted.change.why) == (
        0.5,
        "maria",
        "a typo of ours",
    )
    with Marks(url) as marks:  # a reason is a person's words, whatever they are
        marks.adjust(LAB, "ada", "check", 3.5, people.REPLACED)
    assert settled(url)["ada"].history == ()
    with Marks(url) as marks:
        for cell, score, said in (("no", 1.0, "expected one of: check, essay"), ("check", 9, "4")):
            with pytest.raises(UserError, match=said):
                marks.adjust(LAB, "ada", cell, score, "x")


def test_lateness_costs_what_the_policy_says_and_a_line_says_it(url: str) -> None:
    save(url, result("ada", "text"))
    save(url, result("bob", "text"), at=LATE)
    with Gradebook(url) as book:
        book.update_or_create_assignment(LAB, duedate=DUE)
    assert [record.score for record in settled(url).values()] == [3.0, 3.0]
    records = settled(url, penalty_method="zero")
    assert [record.score for record in records.values()] == [3.0, 0.0]
    (off,) = records["bob"].deductions
    assert (off.marks, off.seconds_late) == (3.0, 7200.0)
    mark(url, "bob", "essay", 2.0)  # what a person gives later is late, too
    assert settled(url, penalty_method="zero")["bob"].score == 0.0
    with Gradebook(url) as book:
        book.update_or_create_assignment(LAB, duedate="2030-01-11 12:00:00 UTC")
    record = settled(url, penalty_method="zero")["bob"]
    assert (record.score, record.deductions) == (5.0, ())


def test_whom_nbgrader_removed_does_not_come_back(url: str) -> None:
    save(url, result("ada", "text"), result("bob", "text"))
    with Gradebook(url) as book:
        book.remove_student("bob")
    assert set(settled(url)) == {"ada"}
    with Marks(url) as marks:
        assert [one.student for one in marks.results(LAB)] == ["ada"]
        assert marks.removed(LAB) == ["bob"]


def test_the_parts_add_up_to_nbgraders_total_whatever_people_do(url: str) -> None:
    team = ("ada", "bob")
    save(url, *(result(student, "t", team=team) for student in team), result("cyd", "u", 4.0))
    with Gradebook(url) as book:
        book.update_or_create_assignment(LAB, duedate=DUE)
    save(url, result("dan", "v", 1.0), at=LATE)
    mark(url, "ada", "essay", 1.5)
    mark(url, "cyd", "check", 0.5)
    with Gradebook(url) as book:
        book.find_grade("check", LAB, LAB, "dan").extra_credit = 0.25
        book.find_grade("check", LAB, LAB, "bob").auto_score = 3.75
        book.db.commit()
    for record in settled(url, penalty_method="zero").values():
        assert record.score == pytest.approx(total_of(url, record.student))
