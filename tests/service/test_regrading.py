"""Grading again, publishing, and who reads what of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grading.gradebook.grader import Graded, Submission
from grading.gradebook.marks import Marks
from grading.judging.results import CheckMark, Result
from grading.service import queue, regrading, standing
from tests.service import handing
from tests.service.handing import Service, graded, notebook
from tests.service.test_pages import text
from tests.service.visiting import STAFF, Visited, opened, post, upload, visited

PAGE = "/course/mini/regrade"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visited]:
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0.0)
    yield from opened(tmp_path)


@pytest.fixture
def mend(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, float]], None]:
    """Have the grader give these marks to a check of everybody from now on."""

    def mended(marks: dict[str, float]) -> None:
        def other(submission: Submission, content: bytes) -> Graded:
            made = graded(submission, content)
            (first,) = made.results
            checks = [
                replace(one, marks=marks.get(one.cell, one.marks), reason="mended")
                for one in first.checks
            ]
            score = sum(one.marks for one in checks)
            return Graded((replace(first, checks=checks, score=score),), made.notebook)

        monkeypatch.setattr(handing, "graded", other)

    return mended


def in_gradebook(service: Visited, student: str) -> Result:
    with Marks(service.course.db_url) as marks:
        found = marks.result("mini", student)
    assert found is not None
    return found


def prepared(service: Visited) -> dict[str, str]:
    """Let ada and bob hand in and be graded: 7 and 9 marks. Return their pages."""
    pages = {
        who: upload(service.client(who), notebook(service.course, who, marks=marks))
        for who, marks in (("ada", 7.0), ("bob", 9.0))
    }
    service.work()
    return {who: page.headers["location"] for who, page in pages.items()}


def test_nothing_changes_before_somebody_publishes_it(service: Visited, mend: Any) -> None:
    pages, prof = prepared(service), service.client("prof")
    mend({"check-slope": 3.0})
    assert post(prof, PAGE, "/course").headers["location"] == PAGE
    assert "2 are still to be graded" in text(prof.get(PAGE).text)
    assert post(prof, f"{PAGE}/publish", "/course").status_code == 409
    service.work()
    seen = text(prof.get(PAGE).text)
    assert "2 hand-ins; with more marks: 1; with fewer: 1." in seen
    assert "bob 1 graded 9 8 −1 slope : 4 → 3" in seen
    assert "ada 1 graded 7 8 +1 slope : 2 → 3" in seen
    assert "Marks: 7 of 9" in text(service.client("ada").get(pages["ada"]).text)
    assert in_gradebook(service, "ada").score == 7.0
    assert "0 / 3" not in seen and "Attempt 2" not in text(service.client("ada").get("/").text)


def test_what_is_published_counts_everywhere(service: Visited, mend: Any) -> None:
    pages, prof = prepared(service), service.client("prof")
    mend({"check-slope": 3.0})
    post(prof, PAGE, "/course")
    service.work()
    post(prof, f"{PAGE}/publish", "/course")
    service.work()
    for who in ("ada", "bob"):
        assert "Marks: 8 of 9" in text(service.client(who).get(pages[who]).text)
        assert "mended" in service.client(who).get(f"{pages[who]}/page").text
        assert in_gradebook(service, who).score == 8.0
    assert "Nothing was graded again." in text(prof.get(PAGE).text)
    log = text(prof.get("/audit").text)
    assert "prof mini ada graded again: 7.0 → 8.0" in log
    assert "prof mini bob graded again: 9.0 → 8.0" in log


def test_what_is_thrown_away_changes_nothing(service: Visited, mend: Any) -> None:
    prepared(service)
    prof = service.client("prof")
    mend({"check-slope": 0.0})
    post(prof, PAGE, "/course")
    service.work()
    post(prof, f"{PAGE}/discard", "/course")
    service.work()
    assert in_gradebook(service, "ada").score == 7.0
    assert "Nothing was graded again." in text(prof.get(PAGE).text)
    assert not list(service.course.home.rglob("*.again-*"))
    assert "Nobody has changed anything." in text(prof.get("/audit").text)


def test_what_is_thrown_away_while_it_is_graded_is_gone(service: Visited) -> None:
    prepared(service)
    post(service.client("prof"), PAGE, "/course")

    def discard(submission: Submission) -> None:
        with service.site.database.writing() as session:
            regrading.discard(session, "mini")

    service.service.work(handing.StandIn(service.course, discard))
    with service.site.database.reading() as session:
        assert queue.graded_again(session) == []
    assert not list(service.course.home.rglob("*.again-*"))


def test_of_one_check_the_others_stay(service: Visited, mend: Any) -> None:
    prepared(service)
    prof = service.client("prof")
    mend({"check-slope": 3.0, "check-double": 1.0})
    post(prof, PAGE, "/course", cell="check-slope")
    service.work()
    post(prof, f"{PAGE}/publish", "/course")
    service.work()
    found = {one.cell: one.marks for one in in_gradebook(service, "ada").checks}
    assert found == {"check-double": 5.0, "check-slope": 3.0}
    assert in_gradebook(service, "ada").score == 8.0
    wrong = post(prof, PAGE, "/course", cell="check-nothing")
    assert wrong.status_code == 422 and "no such check" in wrong.text


def test_one_hand_in_alone(service: Visited, mend: Any) -> None:
    pages, prof = prepared(service), service.client("prof")
    mend({"check-slope": 3.0})
    for _ in range(2):  # asked for twice it is queued once
        post(prof, f"{pages['ada']}/regrade", "/course")
    service.work()
    assert "One hand-in; with more marks: 1" in text(prof.get(PAGE).text)


def test_what_people_gave_stays(service: Visited, mend: Any) -> None:
    prepared(service)
    prof = service.client("prof")
    with Marks(service.course.db_url) as marks:
        marks.adjust("mini", "ada", "why", 2.0, "well said")
    mend({"check-slope": 3.0})
    post(prof, PAGE, "/course")
    service.work()
    post(prof, f"{PAGE}/publish", "/course")
    service.work()
    stand = service.site.standings.now()
    row = stand.row("mini", "ada")
    assert row is not None and row.score == 10.0 and not row.waiting
    assert "by hand why (manual_score) : – → 2.0 ( well said )" in text(prof.get("/audit").text)


def test_a_worker_that_ends_while_it_publishes_is_followed_by_one_that_does(
    service: Visited, mend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(service)
    mend({"check-slope": 3.0})
    post(service.client("prof"), PAGE, "/course")
    service.work()
    post(service.client("prof"), f"{PAGE}/publish", "/course")
    for step in ("regrading.apply", "settle"):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="gone"):
            patch.setattr(f"grading.service.worker.{step}", ended)
            service.work()
    assert in_gradebook(service, "ada").score == 7.0
    service.work()
    assert [in_gradebook(service, who).score for who in ("ada", "bob")] == [8.0, 8.0]


def ended(*_: Any) -> None:
    raise OSError("gone")


def test_students_do_not_wait_for_what_is_graded_again(service: Visited) -> None:
    prepared(service)
    post(service.client("prof"), PAGE, "/course")
    upload(service.client("cyd"), notebook(service.course, "cyd"))
    now = datetime.now(UTC)
    with service.site.database.writing() as session:
        (first,) = queue.lease(session, "w", now, now + timedelta(minutes=1), 1)
        assert first.student == "cyd" and not first.of
        assert queue.place(session, first) == 0


def test_marks_are_shown_as_the_policy_says_until_they_are_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0.0)
    more = (
        '\n[service]\nshows = "received"\n\n[late]\npolicy = "slip_days"\ndays = 3\npercent = 10\n'
        + STAFF
    )
    service = visited(tmp_path, more, 'due = "2090-10-05 12:00"')
    ada, prof = service.client("ada"), service.client("prof")
    where = upload(ada, notebook(service.course, "ada", marks=7.0)).headers["location"]
    service.work()
    assert "7 of 9" not in text(ada.get(where).text)
    start = text(ada.get("/").text)
    assert "3 late days left" in start and "7 of" not in start and "/marks" not in start
    assert " 7/11 " not in text(ada.get("/marks").text)
    post(prof, "/course/mini/publish", "/course", shown="yes")
    assert "7 of 9" in text(ada.get(where).text)
    start = text(ada.get("/").text)
    assert "Mark, written answers still to be marked : 7 of 11" in start.replace(": ", " : ")
    assert " 7/11 " in text(ada.get("/marks").text)
    post(prof, "/course/mini/publish", "/course", shown="no")
    assert "7 of 9" not in text(ada.get(where).text)
    log = text(prof.get("/audit").text)
    assert log.index("marks withdrawn") < log.index("marks published")
    service.close()


def test_the_report_is_that_of_the_command_in_which_nothing_runs(service: Visited) -> None:
    prepared(service)
    answer = service.client("tutor", lang="es").get("/course/mini/report")
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    said = text(answer.text)
    assert "Ada Lovelace" in said and "7/11" in said and "Cyd Charisse" in said


def test_a_students_marks_are_in_their_language_and_nobody_elses(service: Visited) -> None:
    prepared(service)
    post(service.client("prof"), "/course/mini/publish", "/course", shown="yes")
    said = text(service.client("ada", lang="es").get("/marks").text)
    assert "Ada Lovelace" in said and "Bob" not in said and "Lo que" in said


def result(*marks: tuple[str, float]) -> Result:
    checks = [CheckMark(cell, cell, got, 5.0, "") for cell, got in marks]
    score = sum(got for _, got in marks)
    return Result("ada", "mini", score, 5.0 * len(checks), "graded", checks=checks)


def test_merging_puts_the_checks_of_one_cell_in_their_place() -> None:
    before, after = result(("a", 1), ("b", 2), ("b", 2), ("c", 3)), result(("a", 5), ("b", 5))
    found = regrading.merged(before, after, "b")
    assert [(one.cell, one.marks) for one in found.checks] == [("a", 1), ("b", 5), ("c", 3)]
    assert (found.score, found.max_score) == (9, 15)
    assert regrading.merged(before, after, "") == after
    assert regrading.merged(before, result(("a", 5)), "b") == before


def test_the_one_who_grades_again_leaves_other_rows_alone(tmp_path: Path) -> None:
    """A regrade is no hand-in: no list of hand-ins has it, and no attempt is counted for it."""
    course = handing.make_course(tmp_path)
    service = Service(course)
    handin = service.hand_in("ada").handin
    service.work()
    with service.database.writing() as session:
        (done,) = queue.of_lab(session, "mini")
        assert regrading.ask(session, [done], "") == 1
        lists = (
            queue.of_lab(session, "mini"),
            queue.of_student(session, "ada"),
            queue.of_students(session, "mini", ["ada"]),
            queue.in_state(session, queue.QUEUED, queue.GRADED),
        )
        assert [[one.id for one in found] for found in lists] == [[handin.id]] * 4
        (again,) = queue.graded_again(session)
        assert queue.by_id(session, again.id) is None
    assert service.hand_in("ada", marks=1.0).handin.attempt == 2
    service.database.close()
