"""[mark] of course.toml, and the weights of labs and exams: one line for what contradicts."""

from fractions import Fraction
from pathlib import Path

import pytest

from grading.course.config import Course, load_course
from grading.course.scales import Marking, scale_of
from grading.errors import UserError
from grading.messages import Reason
from tests import mini

EXAM = '[[exams]]\nname = "exam"\ntitle = {}\nfile = "exam.csv"\nmaximum = 10\n'
TABLE = 'scale = "table"\npass_mark = 50\n'


def load(folder: Path, more: str = "", labs: str = "") -> Course:
    text = mini.COURSE.replace('[[labs]]\nname = "mini"\n', f'[[labs]]\nname = "mini"\n{labs}')
    (folder / "course.toml").write_text(f"{text}\n{more}", encoding="utf-8")
    return load_course(folder)


def test_without_a_table_marks_are_percentages(tmp_path: Path) -> None:
    scale = scale_of(load(tmp_path).mark)
    assert (scale.maximum, scale.pass_mark, scale.step) == (100, 50, Fraction(1, 10))
    assert scale.targets == ((50, ""), (60, ""), (70, ""), (80, ""), (90, ""), (100, ""))


def test_spains_scale_has_its_names() -> None:
    scale = scale_of(Marking("0-10"))
    names = [
        scale.grade(Fraction(mark)) for mark in ("10", "9", "8.9", "7", "6.9", "5", "4.9", "0")
    ]
    spoken = [name.text("es") for name in names if isinstance(name, Reason)]
    assert spoken == [
        *["Sobresaliente"] * 2, *["Notable"] * 2, *["Aprobado"] * 2, *["Suspenso"] * 2,
    ]  # fmt: skip


@pytest.mark.parametrize(("maximum", "passing"), [(5, 3), (7, 4), (20, 10.5), (100, 61)])
def test_a_scale_of_points_has_its_own_maximum(
    tmp_path: Path, maximum: float, passing: float
) -> None:
    more = f'[mark]\nscale = "points"\nmaximum = {maximum}\npass_mark = {passing}\n'
    scale = scale_of(load(tmp_path, more).mark)
    assert (scale.maximum, scale.pass_mark) == (maximum, Fraction(str(passing)))
    assert scale.rounded(Fraction(1)) == maximum
    assert scale.targets[0] == (Fraction(str(passing)), "")


def test_a_table_names_its_own_grades(tmp_path: Path) -> None:
    more = f'[mark]\n{TABLE}thresholds = {{ "sehr gut" = 87.5, gut = 50, ungenügend = 0 }}\n'
    more = more.replace("ungenügend", '"ungenügend"')
    scale = scale_of(load(tmp_path, more).mark)
    assert [scale.grade(Fraction(mark)) for mark in ("87.5", "87.4", "49.9")] == [
        "sehr gut", "gut", "ungenügend",
    ]  # fmt: skip
    assert scale.targets == ((50, "gut"), (Fraction("87.5"), "sehr gut"))


@pytest.mark.parametrize(
    ("more", "labs", "said"),
    [
        ('[mark]\nscale = "points"\nmaximum = 20\n', "", "pass_mark is missing; the scale"),
        ('[mark]\nscale = "points"\npass_mark = 3\n', "", "maximum is missing; the scale"),
        ("[mark]\nmaximum = 20\n", "", 'maximum means nothing to the scale "percent"'),
        ('[mark]\nscale = "0-10"\npass_mark = 50\n', "", "pass_mark is 50; expected at most 10"),
        ('[mark]\nscale = "0-10"\nstep = 20\n', "", "step is 20; expected at most 10"),
        ("[mark]\nstep = 0.125\n", "", "expected a number from 0.01 to 100, with at most two"),
        (f"[mark]\n{TABLE}thresholds = {{ A = 50, B = 70, C = 0 }}\n", "", "50, 70, 0; expected"),
        (f"[mark]\n{TABLE}thresholds = {{ A = 50, B = 50, C = 0 }}\n", "", "50, 50, 0; expected"),
        (f"[mark]\n{TABLE}thresholds = {{ A = 50, B = 10 }}\n", "", "50, 10; expected each to be"),
        (f"[mark]\n{TABLE}thresholds = {{ A = 150 }}\n", "", "thresholds is {'A': 150}; expected"),
        ("[mark]\ndrop = 1\n", "", "drop is 1; expected less than the 1 labs that count"),
        (f"[mark]\ndrop = 1\n{EXAM}", "", "drop is 1; expected less than the 1 labs"),
        ("[mark]\ndrop = -1\n", "", "drop is -1; expected a whole number from 0"),
        ("", "weight = 0\n", "the weights of labs and exams add up to 0"),
        ("", "bonus = true\n", "expected one above 0 that is no bonus"),
        (EXAM.replace('"exam"', '"MINI"', 1), "", "[[exams]] MINI: a lab has this name, too"),
        (EXAM + "weight = -2\n", "", "weight is -2; expected a number of 0 or more"),
        (EXAM, "bonus = true\nminimum = 40\n", "[[labs]] mini: a bonus has no minimum"),
        (EXAM + "minimum = 101\n", "", "minimum is 101; expected a percentage"),
    ],
)
def test_what_contradicts_itself_is_one_line(
    tmp_path: Path, more: str, labs: str, said: str
) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, more, labs)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("course.toml: ") and said in line


def test_an_exam_may_count_where_labs_do_not(tmp_path: Path) -> None:
    course = load(tmp_path, EXAM, "weight = 0\n")
    assert [part.name for part in course.parts] == ["mini", "exam"]
    assert course.exams[0].file == tmp_path / "exam.csv"
    assert course.exams[0].file in course.private
