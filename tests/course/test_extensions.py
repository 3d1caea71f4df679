"""extensions.csv: who has more time; what is none is refused with its line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grading.course.config import Course, load_course
from grading.course.extensions import read_extensions
from grading.errors import UserError
from tests import mini

DATES = {"one": 'due = "2026-10-05 23:59"', "two": "due = 2026-10-12T23:59:00", "open": ""}
LATER = datetime(2026, 10, 14, 21, 59, tzinfo=UTC)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    about = mini.COURSE.split("[[labs]]")[0].replace(
        "[course]", '[course]\ntimezone="Europe/Madrid"'
    )
    labs = [f'[[labs]]\nname = "{lab}"\ntitle = {{}}\n{due}\n' for lab, due in DATES.items()]
    (tmp_path / "course.toml").write_text("\n".join([about, *labs]), encoding="utf-8")
    (tmp_path / "roster.csv").write_text(mini.ROSTER.replace(",2", ',"2, evening"'))
    return load_course(tmp_path)


def write(course: Course, *rows: str, header: str = "student_id,group,lab,until,reason") -> None:
    text = "\n".join([header, *rows, ""])
    course.extensions.write_bytes(text.encode("cp1252"))


def test_without_a_file_nobody_has_more_time(course: Course) -> None:
    assert read_extensions(course) == {}


def test_students_and_groups_have_the_latest_date_of_theirs(course: Course) -> None:
    write(
        course,
        "ADA,,one,2026-10-14 23:59,ill",
        "ada,,one,2026-10-07 23:59,",
        ",1,one,2026-10-08,el grupo de la mañana",
        ",Evening,TWO,2026-10-14T23:59,",
    )
    assert read_extensions(course) == {
        ("ada", "one"): LATER,
        ("bob", "one"): datetime(2026, 10, 8, 21, 59, 59, tzinfo=UTC),
        ("cyd", "two"): LATER,
    }


@pytest.mark.parametrize(
    "header", ["student_id;lab;until;motivo", "Estudiante;Práctica;Hasta;Motivo"]
)
def test_a_spreadsheets_file_without_groups_is_read(course: Course, header: str) -> None:
    write(course, "ada;one;2026-10-14 23:59;médico", header=header)
    assert read_extensions(course) == {("ada", "one"): LATER}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("adaa,,one,2026-10-14,", "student_id 'adaa' is not in the roster"),
        ("Lovelace Ada,,one,2026-10-14,", "did you mean ada?"),
        (",9,one,2026-10-14,", "the group '9'; its groups are: 1, 2, evening"),
        ("ada,1,one,2026-10-14,", "expected a student_id or a group, found both 'ada' and '1'"),
        (",,one,2026-10-14,", "expected a student_id or a group, found neither"),
        ("ada,,three,2026-10-14,", "there is no lab 'three' in course.toml; it lists: one, two"),
        ("ada,,tow,2026-10-14,", "did you mean two?"),
        ("ada,,open,2026-10-14,", "open has no due date in course.toml"),
        ("ada,,one,2026-10-05 23:59,", "expected a date after 2026-10-05 23:59, when one is due"),
        ("ada,,one,2026-10-01,", "until is 2026-10-01; expected a date after"),
        ("ada,,one,14/10/2026,", "until is '14/10/2026'; expected a date and time such as"),
        ("ada,,one,,", "until is ''; expected a date and time such as"),
        ("ada,,one,2027-03-28 02:30,", "clocks skip in Europe/Madrid"),
    ],
)
def test_what_is_no_extension_is_refused_with_its_line(course: Course, row: str, said: str) -> None:
    write(course, "ada,,one,2026-10-14 23:59,ill", "", row)
    with pytest.raises(UserError) as caught:
        read_extensions(course)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{course.extensions}, line 4: ")
    assert said in line


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("student_id,until", "expected one column lab in"),
        ("lab,until,reason", "expected one column student_id or group in"),
        ("student_id,lab,until,until", "expected one column until in"),
    ],
)
def test_a_column_that_is_missing_or_there_twice_is_named(
    course: Course, header: str, said: str
) -> None:
    write(course, "ada,one,2026-10-14", header=header)
    with pytest.raises(UserError, match=said):
        read_extensions(course)
