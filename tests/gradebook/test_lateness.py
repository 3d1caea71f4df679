"""The course's policy on lateness in the gradebook: dates, pairs, slip days, and its trace."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.api import Gradebook

from grading.course.config import Course, LabInfo, load_course, remember_gradebook
from grading.course.late import Late
from grading.gradebook.database import without_password
from grading.gradebook.lateness import late_policy
from grading.gradebook.marks import Marks
from grading.judging.record import Record
from grading.judging.results import CheckMark, Result
from grading.reporting.standings import class_view, other_lines
from tests import mini

DUE = datetime(2030, 1, 10, 22, 59, tzinfo=UTC)  # 23:59 in Madrid
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAXIMA = {"one": (4.0, 2.0), "two": (30.0, 10.0)}  # two notebooks each
PERCENT = Late("percent", percent=10)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a gradebook that knows both labs."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    make(f"sqlite:///{path}")
    return path


def make(url: str) -> None:
    with Marks(url):
        pass  # makes it
    with Gradebook(url) as book:
        for lab, maxima in MAXIMA.items():
            book.add_assignment(lab)
            for number, most in enumerate(maxima):
                book.add_notebook(f"part{number}", lab)
                book.add_grade_cell(
                    f"check{number}", f"part{number}", lab, max_score=most, cell_type="code"
                )


@pytest.fixture
def course(empty: Path, tmp_path: Path) -> Course:
    course = replace(
        mini.make_course(tmp_path),
        timezone="Europe/Madrid",
        labs=tuple(LabInfo(lab, {}, due=DUE) for lab in MAXIMA),
        late=PERCENT,
    )
    course.home.mkdir()
    shutil.copy(empty, course.home / "gradebook.db")
    return course


def save(
    course: Course, lab: str, *team: str, after: timedelta, share: float = 1.0, text: str = ""
) -> None:
    """Have a file graded that a team handed in so long after the lab was due."""
    with Marks(course.db_url) as marks:
        for student in team:
            checks = [
                CheckMark(f"check{number}", "step", most * share, most, "")
                for number, most in enumerate(MAXIMA[lab])
            ]
            total = sum(MAXIMA[lab])
            result = Result(
                student,
                lab,
                total * share,
                total,
                "graded",
                checks=checks,
                submission=text or "+".join(team),
                team=list(team) if len(team) > 1 else [],
            )
            marks.save(result, DUE + after)


def extend(course: Course, *rows: str) -> None:
    text = "\n".join(["student_id,group,lab,until,reason", *rows])
    course.extensions.write_text(text, encoding="utf-8")


def settled(course: Course, lab: str) -> dict[str, Record]:
    with Marks(course.db_url) as marks:
        assert marks.settle(lab, late_policy(course)) == []
        return {record.student: record for record in marks.records(lab)}


def scores(course: Course, lab: str) -> dict[str, float]:
    return {student: record.score for student, record in settled(course, lab).items()}


def test_each_notebook_loses_its_share_and_nbgraders_total_is_ours(course: Course) -> None:
    save(course, "one", "ada", after=-HOUR)
    save(course, "one", "bob", after=DAY + HOUR)
    found = settled(course, "one")
    assert found["ada"].score == 6 and found["ada"].deductions == ()
    assert found["bob"].score == pytest.approx(4.8)
    with Gradebook(course.db_url) as book:
        late = book.find_submission("one", "bob")
        penalties = sorted(part.late_submission_penalty for part in late.notebooks)
        assert penalties == pytest.approx([0.4, 0.8])
        assert late.total_seconds_late == 25 * 3600


def test_a_line_says_raw_deduction_final_and_rule_in_the_courses_language(course: Course) -> None:
    save(course, "one", "bob", after=DAY + HOUR)
    (row,) = class_view(settled(course, "one").values()).rows
    assert other_lines(row, "en") == [
        "handed in 1 d 1 h late: 6 − 1.2 = 4.8 "
        "(due 2030-01-10 23:59; days late: 2; 10 % off for each, at most 100 %)"
    ]
    (line,) = other_lines(row, "es")
    assert "6 − 1.2 = 4.8" in line and "días de retraso: 2" in line


@pytest.mark.parametrize(
    ("change", "score"),
    [
        (lambda course: replace(course, late=Late("none")), 6.0),
        (lambda course: replace(course, late=Late("closed")), 0.0),
        (lambda course: replace(course, late=replace(PERCENT, max_percent=15)), 5.1),
        (lambda course: replace(course, late=replace(PERCENT, grace_minutes=60)), 5.4),
        (lambda course: replace(course, labs=(LabInfo("one", {}, due=DUE + DAY),)), 5.4),
        (lambda course: replace(course, labs=(LabInfo("one", {}, due=DUE + 2 * DAY),)), 6.0),
        (lambda course: replace(course, late=None), 6.0),  # nbgrader's plugin takes nothing
    ],
)
def test_what_is_changed_counts_at_once_and_leaves_nothing_of_before(
    course: Course, change: Callable[[Course], Course], score: float
) -> None:
    save(course, "one", "bob", after=DAY + HOUR)
    assert scores(course, "one")["bob"] == pytest.approx(4.8)
    record = settled(change(course), "one")["bob"]
    assert record.score == pytest.approx(score)
    assert bool(record.deductions) == (score < 6)
    assert scores(course, "one")["bob"] == pytest.approx(4.8)


def test_without_a_policy_of_its_own_nbgraders_plugin_has_our_dates(course: Course) -> None:
    plain = replace(course, late=None)
    (course.home / "nbgrader_config.py").write_text(
        'c = get_config()\nc.LateSubmissionPlugin.penalty_method = "zero"\n'
    )
    save(course, "one", "ada", after=HOUR)
    save(course, "one", "bob", after=HOUR)
    extend(course, "bob,,one,2030-01-12,ill")
    found = settled(plain, "one")
    assert (found["ada"].score, found["bob"].score) == (0, 6)
    assert [(off.marks, off.rule) for off in found["ada"].deductions] == [(6, None)]


def test_a_lab_without_a_due_date_keeps_the_gradebooks(course: Course) -> None:
    save(course, "one", "bob", after=HOUR)
    dateless = replace(course, labs=(LabInfo("one", {}),))
    assert scores(dateless, "one") == {"bob": 6}
    with Gradebook(course.db_url) as book:
        book.update_or_create_assignment("one", duedate=DUE.replace(tzinfo=None))
    assert scores(dateless, "one") == {"bob": pytest.approx(5.4)}


def test_an_extension_counts_while_it_is_in_the_file_and_nbgrader_sees_it(course: Course) -> None:
    save(course, "one", "ada", after=DAY)
    save(course, "one", "cyd", after=DAY)
    assert scores(course, "one") == pytest.approx({"ada": 5.4, "cyd": 5.4})
    extend(course, "ada,,one,2030-01-11 23:59,ill", ",2,one,2030-01-11 23:00,")
    assert scores(course, "one") == pytest.approx({"ada": 6, "cyd": 5.4})
    with Gradebook(course.db_url) as book:
        assert book.find_submission("one", "ada").total_seconds_late == 0
        assert book.find_submission("one", "cyd").total_seconds_late == 59 * 60
    course.extensions.unlink()
    assert scores(course, "one") == pytest.approx({"ada": 5.4, "cyd": 5.4})


def test_a_pair_has_the_later_extension_until_they_part(course: Course) -> None:
    extend(course, "ada,,one,2030-01-11 12:00,ill", "bob,,one,2030-01-12 23:59,ill")
    save(course, "one", "ada", "bob", after=2 * DAY)
    assert scores(course, "one") == {"ada": 6, "bob": 6}
    save(course, "one", "ada", after=2 * DAY, text="alone")
    assert scores(course, "one") == pytest.approx({"ada": 4.8, "bob": 6})


def test_a_pairs_slip_days_are_spent_from_both(course: Course) -> None:
    slips = replace(course, late=Late("slip_days", percent=10, days=2, order="as_they_come"))
    save(course, "one", "ada", "bob", after=2 * DAY)
    save(course, "two", "ada", after=DAY)
    save(course, "two", "bob", after=-DAY)
    assert scores(slips, "one") == {"ada": 6, "bob": 6}
    assert scores(slips, "two") == {"ada": 36, "bob": 40}
    (record,) = (one for one in settled(slips, "one").values() if one.student == "bob")
    (free,) = record.deductions  # a line says what the days went for
    assert free.marks == 0 and free.rule is not None and free.rule.values["slips"] == 2


@pytest.mark.slow
def test_every_kind_of_database_comes_to_the_same(
    course: Course, new_gradebook: Callable[[], str]
) -> None:
    url = new_gradebook()
    make(url)
    remember_gradebook(course.home, without_password(url))
    slips = replace(course, late=Late("slip_days", percent=10, days=2))
    extend(course, "bob,,two,2030-01-12 23:59,ill")
    save(course, "one", "ada", "bob", after=2 * DAY)
    save(course, "two", "ada", "bob", after=2 * DAY + HOUR)
    for _ in range(2):  # the second time nothing is to be written
        assert scores(slips, "one") == {"ada": 6, "bob": 6}
        assert scores(slips, "two") == {"ada": 36, "bob": 36}


def test_slip_days_go_where_they_save_most_of_the_courses_mark(course: Course) -> None:
    late = Late("slip_days", percent=10, days=1)
    save(course, "one", "ada", after=HOUR)
    save(course, "two", "ada", after=HOUR, share=0.5)
    light = replace(course, late=late)
    assert (scores(light, "one")["ada"], scores(light, "two")["ada"]) == (6, 18)
    labs = tuple(replace(lab, weight=3.0 if lab.name == "two" else 1.0) for lab in course.labs)
    heavy = replace(light, labs=labs)
    scores(heavy, "two")
    with Marks(course.db_url) as marks:  # the other lab's marks are written with it
        (record,) = marks.records("one")
    assert record.score == pytest.approx(5.4)


def test_a_mark_that_a_person_gives_later_is_late_too(course: Course) -> None:
    save(course, "one", "bob", after=HOUR, share=0.5)
    assert scores(course, "one")["bob"] == pytest.approx(2.7)
    with Marks(course.db_url) as marks:
        marks.adjust("one", "bob", "check0", 4.0, "our mistake")
    assert scores(course, "one")["bob"] == pytest.approx(4.5)


def test_a_wrong_extension_leaves_the_gradebook_as_it_was(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    course.extensions.write_text("student_id,lab,until\nnobody,mini,2030-01-01\n")
    with pytest.raises(Exception, match=r"extensions\.csv, line 2: .*no due date"):
        late_policy(load_course(tmp_path))
