"""Where a course stands, from its labs' classes: what counts, who falls behind, and the pages."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from grading.course.config import Course, ExamInfo, LabInfo
from grading.course.coursemark import State, Use
from grading.course.roster import Roster, Student
from grading.course.scales import Marking
from grading.judging.record import ByHand, Deduction, Record
from grading.judging.results import FAILED, Result
from grading.reporting import course_report
from grading.reporting.coursework import Given, course_view, marks_needed, outlook
from grading.reporting.standings import class_view
from tests.reporting.test_report import HOSTILE, Page, printed

NOW = datetime(2030, 1, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROSTER = Roster(
    (
        Student("ana", "Ana Gil", "ana@um.es", "A"),
        Student("bo", "Bo Li", "", "A, evening"),
        Student("cy", "Cy Ros", "", "B"),
    )
)


def a_course(folder, language="en", **mark):
    labs = [
        LabInfo(
            f"lab{place}", {"es": f"Práctica {place}", "en": f"Lab {place}"}, due=NOW + days * DAY
        )
        for place, days in enumerate((-30, -20, -1, 20))
    ]
    exam = ExamInfo("exam", {"es": "Examen", "en": "Exam"}, folder / "exam.csv", 10, weight=2)
    return Course(
        folder, "Deep & wide", "Uni", "2030", language, "o/r", "main", folder / "roster.csv",
        tuple(labs), exams=(exam,), mark=Marking(**{"scale": "0-10"} | mark),
    )  # fmt: skip


def record(student, score, most=20.0, **more):
    return Record(student, most, checked=score, **more)


def classes(course, **records):
    """The classes of the labs: records by lab, none where nothing is said."""
    return {
        lab: class_view(records.get(lab, ()), ROSTER, UTC, course.language)
        for lab in course.lab_names
    }


def view_of(course, given=None, roster=ROSTER, **records):
    given = given or Given(NOW)
    return course_view(course, roster, classes(course, **records), given)


def row_of(view, student):
    return next(row for row in view.rows if row.student == student)


def states(view, student):
    return [entry.line.earned.state.value for entry in row_of(view, student).entries]


TERM = {
    "lab0": [record("ana", 16.0), record("bo", 10.0), record("cy", 8.0)],
    "lab1": [record("ana", 20.0)],
    "lab2": [record("ana", 10.0), record("bo", 20.0, waiting=True)],
}


# --- what there is -----------------------------------------------------------------------------


def test_what_was_due_is_missing_and_the_rest_is_not_yet(tmp_path):
    view = view_of(a_course(tmp_path), **TERM)
    assert states(view, "ana") == ["marked", "marked", "marked", "not_yet", "not_yet"]
    assert states(view, "bo") == ["marked", "missing", "waiting", "not_yet", "not_yet"]
    assert states(view, "cy") == ["marked", "missing", "missing", "not_yet", "not_yet"]
    assert [row.mark.mark for row in view.rows] == [Fraction("7.7"), 5, Fraction("1.3")]
    assert view.final == 0


def test_who_has_more_time_or_handed_in_is_not_missing(tmp_path):
    given = Given(NOW, extensions={("cy", "lab2"): NOW}, collected={("cy", "lab1")})
    view = view_of(a_course(tmp_path), given, **TERM)
    assert states(view, "cy") == ["marked", "not_yet", "not_yet", "not_yet", "not_yet"]
    over = replace(given, now=NOW + timedelta(seconds=1))
    assert states(view_of(a_course(tmp_path), over, **TERM), "cy")[2] == "missing"


def test_a_lab_that_nobody_has_marks_in_is_not_missing(tmp_path):
    view = view_of(a_course(tmp_path), lab0=TERM["lab0"])
    assert states(view, "ana") == ["marked", *["not_yet"] * 4]


def test_what_could_not_be_graded_waits_for_a_person(tmp_path):
    failed = Result("ana", "lab0", 0.0, 20.0, FAILED)
    view = view_of(a_course(tmp_path), lab0=[record("ana", 0.0, result=failed)])
    assert states(view, "ana")[0] == "waiting"


def test_an_exam_counts_once_its_file_is_there(tmp_path):
    given = Given(NOW, exams={"exam": {"ana": Fraction("7.35"), "bo": Fraction(0)}})
    view = view_of(a_course(tmp_path), given, **TERM)
    exams = {row.student: row.entries[-1] for row in view.rows}
    assert [exams[who].line.earned.state for who in ("ana", "bo", "cy")] == [
        State.MARKED, State.MARKED, State.MISSING,
    ]  # fmt: skip
    assert (exams["ana"].score, exams["ana"].maximum, exams["ana"].percent) == (7.35, 10, 73.5)
    # (0.8 + 1 + 0.5 + 2 * 0.735) / 5
    assert row_of(view, "ana").mark.mark == Fraction("7.5")


def test_who_is_excused_loses_and_wins_nothing_by_the_lab(tmp_path):
    given = Given(NOW, excused={("cy", "lab1"): "ill", ("cy", "lab2"): "ill", ("ana", "lab2"): "x"})
    view = view_of(a_course(tmp_path), given, **TERM)
    assert row_of(view, "cy").mark.mark == 4
    assert row_of(view, "ana").mark.mark == 9
    excused = row_of(view, "ana").entries[2]
    assert (excused.score, excused.line.use) == (None, Use.LEFT_OUT)
    assert course_report.use_text(row_of(view, "cy").entries[1], "en") == "excused: ill"


def test_the_final_marks_count_and_what_was_done_by_hand_is_listed(tmp_path):
    late = Deduction(4.0, 86400.0)
    by_hand = ByHand(-2.0, -2.0, "a photo", "eva", "2030-01-02")
    view = view_of(
        a_course(tmp_path), lab0=[record("ana", 20.0, deductions=(late,), by_hand=(by_hand,))]
    )
    entry = row_of(view, "ana").entries[0]
    assert (entry.score, entry.percent, entry.by_hand) == (14.0, 70, (by_hand,))


@pytest.mark.parametrize(("beyond", "mark"), [(False, 9), (True, 10)])
def test_marks_beyond_the_maximum_count_if_the_course_says_so(tmp_path, beyond, mark):
    course = a_course(tmp_path, beyond_maximum=beyond)
    view = view_of(course, lab0=[record("ana", 24.0)], lab1=[record("ana", 16.0)])
    assert row_of(view, "ana").mark.mark == mark


def test_two_classes_with_floats_that_are_near_come_to_an_exact_mark(tmp_path):
    third = [record("ana", 20 / 3), record("bo", 6.6)]
    view = view_of(a_course(tmp_path), lab0=third, lab1=third, lab2=third)
    assert row_of(view, "ana").mark.share == Fraction(1, 3)
    assert row_of(view, "bo").mark.share == Fraction("0.33")


# --- the class ---------------------------------------------------------------------------------


def test_who_falls_behind_is_named_with_the_rule(tmp_path):
    view = view_of(a_course(tmp_path), **TERM)
    assert [row.student for row in view.behind] == ["cy"]
    said = course_report.behind_text(view.behind[0], "en")
    assert "two labs in a row are missing: Lab 1, Lab 2" in said
    assert "1.3 at what counts so far, under 5" in said


def test_an_excused_lab_between_two_missing_ones_does_not_part_them(tmp_path):
    every = {lab: [record("ana", 20.0), record("bo", 20.0)] for lab in ("lab0", "lab1", "lab2")}
    given = Given(NOW, excused={("cy", "lab1"): "ill"})
    view = view_of(a_course(tmp_path), given, **every)
    assert "Lab 0, Lab 2" in course_report.behind_text(row_of(view, "cy"), "en")


def test_groups_stand_side_by_side(tmp_path):
    view = view_of(a_course(tmp_path), **TERM)
    assert [section.name for section in view.sections] == ["A", "B", "evening"]
    a, b, _ = view.sections
    assert (a.students, a.parts[0].mean, a.parts[0].count) == (2, 65, 2)
    assert (b.students, b.parts[1].mean, b.passing) == (1, None, 0)
    assert (view.whole.students, view.whole.passing) == (3, 2)
    assert view.whole.parts[0].mean == pytest.approx((80 + 50 + 40) / 3)
    assert (view.whole.parts[0].median, view.whole.parts[0].bins[4:9]) == (50, (1, 1, 0, 0, 1))
    assert view.whole.parts[0].deviation == pytest.approx(20.8167, abs=1e-3)
    alone = Roster(tuple(replace(student, group="A") for student in ROSTER.students))
    assert view_of(a_course(tmp_path), roster=alone, **TERM).sections == ()


# --- what is needed ----------------------------------------------------------------------------


def test_a_student_sees_the_marks_that_are_needed(tmp_path):
    given = Given(NOW, maxima={"lab3": 30.0})
    course = a_course(tmp_path)
    view = view_of(course, given, **TERM)
    found = outlook(course, row_of(view, "ana"), given)
    assert [(part.name, most) for part, most in found.parts] == [("lab3", 30.0), ("exam", 10)]
    # 2.3 of three labs; the other three weights need 0.22333, 0.62333 and 1.02333 of theirs
    needed = {target.mark: target.share for target in found.targets}
    assert needed == {5: Fraction("0.2234"), 7: Fraction("0.6234"), 9: None}
    assert found.best == Fraction("8.8")
    assert marks_needed(found.targets[0], 30.0) == 6.71
    page = Page(course_report.student_page(course, view, row_of(view, "ana"), given, NOW))
    cells = page.inside("td")
    assert {"22.34 %", "6.71/30", "2.24/10", "out of reach"} <= set(cells)


def test_when_all_is_in_nothing_is_needed(tmp_path):
    course = a_course(tmp_path)
    given = Given(NOW, exams={"exam": {"ana": Fraction(5)}})
    every = {f"lab{place}": [record("ana", 20.0)] for place in range(4)}
    view = view_of(course, given, **every)
    assert row_of(view, "ana").mark.is_final
    assert outlook(course, row_of(view, "ana"), given).parts == ()
    page = course_report.student_page(course, view, row_of(view, "ana"), given, NOW)
    assert "What do I need?" not in page and "8.3/10" in page


# --- table, file, pages ------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_table_fits_a_terminal(tmp_path, language):
    view = view_of(a_course(tmp_path, language, drop=1), **TERM)
    lines = printed(course_report.table(view, language), 80).splitlines()
    assert max(map(len, lines)) <= 80
    (bo,) = [line for line in lines if line.startswith("Bo Li (bo)")]
    assert bo.split()[3] == "7.5" and "50 (–) 100…" in " ".join(bo.split())


def test_the_file_has_everybody_and_what_becomes_of_every_part(tmp_path):
    by_hand = ByHand(1.0, 2.0, "oral", "eva", "Monday")
    term = TERM | {"lab1": [record("ana", 19.0, by_hand=(by_hand,))]}
    view = view_of(a_course(tmp_path, drop=1), **term)
    rows = course_report.csv_rows(view, "en")
    header, ana, bo, cy = rows
    assert all(len(row) == len(header) for row in rows)
    of = [dict(zip(header, row, strict=True)) for row in (ana, bo, cy)]
    assert [row["mark"] for row in of] == [9, 7.5, 2]
    assert [row["grade"] for row in of] == ["Outstanding", "Notable", "Fail"]
    assert {row["state"] for row in of} == {"provisional"}
    assert of[0]["lab1: note"] == "counts; +1 by hand, of +2 (eva, Monday: oral)"
    assert of[0]["lab2: note"] == "left out, the mark is better without it"
    assert of[1]["lab1: note"] == "missing: 0 marks; left out, the mark is better without it"
    assert (of[1]["lab1"], of[1]["lab2"], of[1]["exam"]) == (None, 100, None)
    assert "two labs in a row" in of[2]["behind"]


@pytest.mark.parametrize("language", ["es", "en"])
def test_pages_are_well_formed_and_need_nothing_from_outside(tmp_path, language):
    course = a_course(tmp_path, language, drop=1)
    view, given = view_of(course, **TERM), Given(NOW)
    for text in (
        course_report.page(course, view, NOW),
        course_report.student_page(course, view, view.rows[0], given, NOW),
    ):
        page = Page(text)
        assert page.misnested == []
        assert ("html", {"lang": language}) in page.elements
        assert page.attributes("src") == page.attributes("style") == []
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        for name in ("aria-labelledby", "href"):
            assert {value.lstrip("#") for value in page.attributes(name)} <= set(ids)
        counts = page.counts()
        assert counts["table"] == counts["caption"]


def test_a_students_page_shows_nobody_else(tmp_path):
    course = a_course(tmp_path)
    view = view_of(course, **TERM)
    text = course_report.student_page(course, view, row_of(view, "ana"), Given(NOW), NOW)
    assert "Ana Gil" in text
    assert not any(name in text for name in ("Bo Li", "Cy Ros", "<script"))


def test_what_people_wrote_is_only_text(tmp_path):
    course = a_course(tmp_path)
    roster = Roster((Student("ana", HOSTILE, HOSTILE, HOSTILE), Student("bo", "Bo", "", "B")))
    by_hand = ByHand(-1.0, -1.0, HOSTILE, HOSTILE, HOSTILE)

    def pages(roster, reason, by_hand):
        given = Given(NOW, excused={("ana", "lab1"): reason})
        labs = classes(course, lab0=[record("ana", 9.0, by_hand=(by_hand,))])
        labs["lab0"] = class_view([record("ana", 9.0, by_hand=(by_hand,))], roster)
        view = course_view(course, roster, labs, given)
        row = row_of(view, "ana")
        return [
            course_report.page(course, view, NOW),
            course_report.student_page(course, view, row, given, NOW),
        ]

    tame_roster = Roster((Student("ana", "Ana", "", "A"), Student("bo", "Bo", "", "B")))
    tame = pages(tame_roster, "ill", ByHand(-1.0, -1.0, "x"))
    for wild, plain in zip(pages(roster, HOSTILE, by_hand), tame, strict=True):
        assert Page(wild).misnested == []
        assert Page(wild).counts() == Page(plain).counts()
        assert "\x1b" not in wild and "alert(1)" in wild


def test_all_of_it_is_written_below_reports(tmp_path):
    course = a_course(tmp_path, "es")
    view = view_of(course, **TERM)
    page, listed, pages = course_report.write_course(course, view, Given(NOW))
    reports = tmp_path / "course" / "reports"
    assert (page, listed) == (reports / "index.html", reports / "marks.csv")
    assert sorted(pages) == sorted(reports.glob("students/*.html"))
    assert [path.stem for path in pages] == ["ana", "bo", "cy"]
    with listed.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["student_id"] for row in rows] == ["ana", "bo", "cy"]
    assert [row["mark"] for row in rows] == ["7.7", "5", "1.3"]


def test_nothing_is_written_if_a_page_cannot_be_made(tmp_path, monkeypatch):
    course = a_course(tmp_path)
    view = view_of(course, **TERM)

    def broken(*_):
        raise ValueError("broken")

    monkeypatch.setattr(course_report, "student_page", broken)
    with pytest.raises(ValueError, match="broken"):
        course_report.write_course(course, view, Given(NOW))
    assert not (tmp_path / "course").exists()
