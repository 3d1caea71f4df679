"""excused.csv, adjustments.csv and exams: what is read, and a line for each row that is wrong."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from grading.course.adjustments import LabAdjustment, read_adjustments, write_adjustments
from grading.course.config import Course, ExamInfo
from grading.course.exams import read_exam
from grading.course.excused import read_excused
from grading.course.listing import as_exact
from grading.course.roster import read_roster
from grading.errors import UserError
from tests import mini


@pytest.fixture
def course(tmp_path: Path) -> Course:
    exam = ExamInfo("exam", {}, tmp_path / "exam.csv", 10)
    return replace(mini.make_course(tmp_path), exams=(exam,))


def exam_of(course: Course) -> dict[str, Fraction] | None:
    found = read_exam(course.exams[0], read_roster(course.roster))
    return None if found is None else dict(found)


def lines(caught: pytest.ExceptionInfo[UserError]) -> list[str]:
    return str(caught.value).splitlines()


def test_without_files_there_is_nothing(course: Course) -> None:
    assert (read_excused(course), read_adjustments(course), exam_of(course)) == ({}, [], None)


def test_excuses_are_read_as_a_spreadsheet_saves_them(course: Course) -> None:
    text = "Estudiante;Práctica;Motivo\nADA;MINI;operación de rodilla\nbob;exam;enfermo\n\n"
    course.excused.write_bytes(text.encode("cp1252"))
    assert read_excused(course) == {
        ("ada", "mini"): "operación de rodilla",
        ("bob", "exam"): "enfermo",
    }


def test_every_wrong_excuse_has_its_line(course: Course) -> None:
    course.excused.write_text(
        "student,lab,reason\nadda,mini,x\nada,mimi,x\nbob,mini,\ncyd,mini,x\n"
    )
    with pytest.raises(UserError) as caught:
        read_excused(course)
    first, second, third = lines(caught)
    assert "excused.csv, line 2: student_id 'adda' is not in the roster" in first
    assert "line 3: there is no lab or exam 'mimi' in course.toml; did you mean mini?" in second
    assert "line 4: expected a reason why bob is excused from mini, found none" in third


def test_an_exams_marks_are_exact_and_an_empty_one_is_none(course: Course) -> None:
    text = "Número de ID;Apellidos;Calificación\nada;Lovelace;7,35\nbob;Ross;\n"
    course.exams[0].file.write_text(text, encoding="utf-16")
    assert exam_of(course) == {"ada": Fraction("7.35")}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["nobody,5"], ["line 2: student_id 'nobody' is not in the roster"]),
        (["Ada Lovelace,5"], ["did you mean ada?"]),
        (["ada,10.01"], ["line 2: marks of ada are '10.01'; expected a number from 0 to 10"]),
        (["ada,-1"], ["marks of ada are '-1'"]),
        (["ada,NP"], ["marks of ada are 'NP'; expected a number from 0 to 10, or nothing"]),
        (["ada,5", "bob,6", "ADA,5"], ["line 4: ada is there before; expected one line"]),
        (["zoe,5", "ada,11", "bob,5"], ["line 2: student_id 'zoe'", "line 3: marks of ada"]),
        ([], ["expected a line for each student, found none"]),
    ],
)
def test_a_wrong_exam_has_a_line_for_each_mistake(
    course: Course, rows: list[str], said: list[str]
) -> None:
    course.exams[0].file.write_text("\n".join(["student_id,marks", *rows, ""]))
    with pytest.raises(UserError) as caught:
        exam_of(course)
    found = lines(caught)
    assert len(found) == len(said)
    assert all(line.startswith(str(course.exams[0].file)) for line in found)
    assert all(part in line for part, line in zip(said, found, strict=True))


def test_an_exam_without_a_column_of_marks_names_it(course: Course) -> None:
    course.exams[0].file.write_text("student_id,name\nada,Ada\n")
    with pytest.raises(UserError, match="line 1: expected one column marks in the header"):
        exam_of(course)


def test_what_was_written_is_read_again(course: Course) -> None:
    changes = [
        LabAdjustment(
            "ada", "mini", "-2", "handed in as a photo; “sorry”, she said", "ana", "then"
        ),
        LabAdjustment("bob", "mini", "0.25", "ñandú, oral"),
    ]
    write_adjustments(course, changes)
    assert read_adjustments(course) == changes
    assert [change.added for change in changes] == [-2, 0.25]


def test_people_may_write_the_file_themselves(course: Course) -> None:
    course.adjustments.write_text(
        "estudiante;práctica;puntos;motivo\nAda;mini;+1,5;oral\n", "utf-8"
    )
    (change,) = read_adjustments(course)
    assert (change.student, change.added, change.who, change.when) == ("ada", 1.5, "", "")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("zoe,mini,1,x", "student_id 'zoe' is not in the roster"),
        ("ada,exam,1,x", "there is no lab 'exam' in course.toml; it lists: mini"),
        ("ada,mini,,x", "marks are ''; expected what to add"),
        ("ada,mini,0,x", "marks are '0'; expected what to add"),
        ("ada,mini,two,x", "marks are 'two'"),
        ("ada,mini,nan,x", "marks are 'nan'"),
        ("ada,mini,1,", "expected a reason for changing ada's marks in mini, found none"),
    ],
)
def test_what_is_no_adjustment_is_one_line(course: Course, row: str, said: str) -> None:
    course.adjustments.write_text(f"student_id,lab,marks,reason\nbob,mini,1,ok\n{row}\n")
    with pytest.raises(UserError) as caught:
        read_adjustments(course)
    (line,) = lines(caught)
    assert line.startswith(f"{course.adjustments}, line 3: ") and said in line


@pytest.mark.parametrize("text", ["", "1e3", "١", "1,000,000", "0x1", " 1", "1/3", "--1"])
def test_what_is_no_decimal_is_none(text: str) -> None:
    assert as_exact(text) is None
