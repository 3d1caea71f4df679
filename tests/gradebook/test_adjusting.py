"""Changes of a lab's total by hand: in turn, within what a total can be, and after lateness."""

import pytest

from grading.course.adjustments import LabAdjustment
from grading.gradebook.adjusting import adjusted
from grading.judging.record import Deduction, Record
from grading.reporting.standings import class_view, other_lines


def record(student: str = "ada", checked: float = 8.0, late: float = 0.0) -> Record:
    deductions = (Deduction(late, 86400.0),) if late else ()
    return Record(student, 10.0, checked=checked, deductions=deductions)


def change(marks: str, student: str = "ada", lab: str = "lab") -> LabAdjustment:
    return LabAdjustment(student, lab, marks, "because", "eva", "Monday")


def score(*changes: str, checked: float = 8.0, late: float = 0.0, beyond: bool = False) -> float:
    (found,) = adjusted([record("ada", checked, late)], "lab", map(change, changes), beyond)
    return found.score


def test_each_counts_for_its_student_and_lab_alone() -> None:
    changes = [change("-2"), change("1", lab="other"), change("1,5", student="bob")]
    ada, bob, cyd = adjusted([record(), record("bob"), record("cyd")], "lab", changes)
    assert (ada.score, bob.score, cyd.score) == (6, 9.5, 8)
    assert [(one.marks, one.why, one.who, one.when) for one in ada.by_hand] == [
        (-2, "because", "eva", "Monday")
    ]
    assert cyd.by_hand == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["-9"], 0), (["-9", "1"], 1), (["5"], 10), (["5", "-1"], 9), (["-2", "2"], 8), ([], 8),
    ],
)  # fmt: skip
def test_a_total_stays_between_0_and_the_maximum(changes: list[str], expected: float) -> None:
    assert score(*changes) == expected


def test_a_maximum_may_be_exceeded_if_the_course_says_so() -> None:
    assert score("5", beyond=True) == 13
    assert score("-20", beyond=True) == 0


def test_a_score_that_was_above_the_maximum_is_not_cut() -> None:
    assert score("1", checked=11.0) == 11
    assert score("-0.5", checked=11.0) == 10.5


def test_it_comes_after_lateness_and_both_are_listed() -> None:
    (found,) = adjusted([record(late=2.0)], "lab", [change("-10"), change("1")])
    (row,) = class_view([found]).rows
    assert (row.raw, row.score) == (8, 1)
    assert other_lines(row, "en")[1:] == [
        "−6 by hand, of −10 (eva, Monday: because)",
        "+1 by hand (eva, Monday: because)",
    ]
    assert other_lines(row, "es")[2] == "+1 a mano (eva, Monday: because)"


def test_what_a_person_wrote_in_the_file_is_of_unknown_origin_and_harmless() -> None:
    typed = LabAdjustment("ada", "lab", "1", "bold \x1b[1m")
    (row,) = class_view(adjusted([record()], "lab", [typed])).rows
    (line,) = other_lines(row, "en")
    assert line == "+1 by hand (not known by whom: bold �[1m)"
