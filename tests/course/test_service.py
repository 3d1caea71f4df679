"""[service] of course.toml: what it may say, and what labs say otherwise."""

from pathlib import Path
from typing import Any

import pytest

from grading.course.config import Course, load_course
from grading.course.service import HandingIn, Service, Staff
from grading.errors import UserError
from tests import mini
from tests.twins import in_every_language


def course_with(folder: Path, more: str, lab: str = "") -> Course:
    text = in_every_language(mini.COURSE).replace("\n[limits]", f"{lab}\n[limits]")
    (folder / "course.toml").write_text(text + more, encoding="utf-8")
    return load_course(folder)


def test_without_a_table_everything_has_its_default(tmp_path: Path) -> None:
    course = course_with(tmp_path, "")
    assert course.service == Service()
    assert course.lab("mini").service == HandingIn()
    assert course.lab("mini").service.most is None


def test_a_lab_says_otherwise_and_has_the_rest_from_the_course(tmp_path: Path) -> None:
    table = '\n[service]\nattempts = 5\nwait = 10\nshows = "ticks"\naddress = "https://h.test"\n'
    course = course_with(tmp_path, table, '[labs.service]\nattempts = "unlimited"\nwait = 0.5')
    assert course.lab("mini").service == HandingIn("unlimited", 0.5, "last", "ticks")
    assert (course.service.most, course.service.address) == (5, "https://h.test")


def test_staff_are_instructors_unless_they_are_said_to_be_graders(tmp_path: Path) -> None:
    table = '\n[[service.staff]]\nid = "ana@uni.example"\n\n[[service.staff]]\nid = "bo"\n'
    course = course_with(tmp_path, table + 'role = "grader"\n')
    assert course.service.staff == (Staff("ana@uni.example", "instructor"), Staff("bo", "grader"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attempts", "0"),
        ("attempts", "true"),
        ("attempts", "2.5"),
        ("attempts", '"none"'),
        ("wait", "-1"),
        ("counts", '"first"'),
        ("shows", '"nothing"'),
        ("upload_mb", "0"),
        ("upload_mb", "201"),
        ("second", "101"),
        ("second", '"some"'),
        ("ask_days", "-1"),
        ("ask_days", "366"),
        ("suggest", '" "'),
        ("suggest", "true"),
        ("address", '"http://hand-in.example.org"'),
        ("address", '"https://hand-in.example.org/"'),
        ("address", '"https://"'),
        ("address", '"hand-in.example.org"'),
        ("address", '"https://a b"'),
    ],
)
def test_a_wrong_value_is_said_in_one_line(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        course_with(tmp_path, f"\n[service]\n{key} = {value}\n")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"course.toml: [service]: {key} is ") and "; expected " in line


@pytest.mark.parametrize("id", ["", "a b", "ñ", "../x", "x" * 65])
def test_the_id_of_staff_is_good_for_a_link(tmp_path: Path, id: str) -> None:
    with pytest.raises(UserError, match=r"\[\[staff\]\] number 1: id is "):
        course_with(tmp_path, f'\n[[service.staff]]\nid = "{id}"\n')
