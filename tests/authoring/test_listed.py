"""The mistakes and variants beside an exercise, and how they are refused."""

from pathlib import Path

import pytest

from grading.authoring.building import differences, read_lab, require_answers
from grading.authoring.listed import Answers, missing_answers, read_answers
from grading.course.config import Course
from grading.errors import UserError
from tests import mini

FIRST = '[[double.mistakes]]\nname = "two more"\nreplace = "2 * np.asarray(x)"\n'


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return mini.make_course(tmp_path)


def beside(course: Course, text: str) -> dict[str, Answers]:
    """Write the lab's answers and read them."""
    file = course.root / "notebooks" / "source" / "mini.answers.toml"
    file.write_text(text, encoding="utf-8")
    return read_answers(read_lab(course, "mini"))


def test_a_replacement_changes_the_whole_cell_in_one_place(course: Course) -> None:
    answers = read_answers(read_lab(course, "mini"))
    mistake = answers["double"].mistakes[0]
    assert mistake.name == "two more"
    assert "def double(x):" in mistake.code and "return 2 + np.asarray(x)" in mistake.code
    assert answers["double"].variants[2].code.startswith("def times_two(array):")
    assert missing_answers(answers) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "cannot read"),
        ("[triple]", r"\[triple\] is no exercise of mini.py"),
        ("double = 3", "found ''; expected mistakes, variants and equivalent"),
        ("[double]\nwrong = []", "found 'wrong'; expected mistakes, variants and equivalent"),
        ("[double]\nmistakes = 3", "expected a list of tables"),
        (FIRST, "found name, replace; expected code, name or by, name, replace, as texts"),
        (FIRST + "by = 3", "as texts"),
        (FIRST.replace("2 *", "3 *") + 'by = "x"', "occurs 0 times in the exercise"),
        (FIRST.replace("2 * np.asarray(x)", "x") + 'by = "y"', r"occurs \d+ times in the ex"),
        (FIRST + 'by = "2 *"', "does not parse: invalid syntax in line"),
        (FIRST + 'by = "(2 * np.asarray(x))"', "it is the solution itself"),
        (f'{FIRST}by = "x"\n{FIRST}by = "-x"', "the name 'two more' is taken above"),
        ('[[double.equivalent]]\nbefore = "x"\nbecause = "y"\nafter = "z"', "a list of texts"),
        ('[[double.equivalent]]\nbefore = "x"\nafter = []', "found before; expected because, be"),
    ],
)
def test_a_slip_is_one_line_that_names_the_place(course: Course, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        beside(course, text)
    assert "mini.answers.toml" in str(caught.value) and "\n" not in str(caught.value)


def test_an_exercise_without_mistakes_and_variants_is_not_built(course: Course) -> None:
    beside(course, f'{FIRST}by = "x"')
    lab = read_lab(course, "mini")
    with pytest.raises(UserError, match=r"'double' lists 1 mistakes and 0 variants.*\(and 1 more"):
        require_answers(lab)
    assert any("'slope' lists 0 mistakes" in line for line in differences(course, lab))


def test_a_part_of_a_folder_has_its_own_file(course: Course) -> None:
    folder = course.root / "notebooks" / "source"
    (folder / "mini").mkdir()
    (folder / "mini.py").rename(folder / "mini" / "1_all.py")
    (folder / "mini.answers.toml").rename(folder / "mini" / "1_all.answers.toml")
    assert missing_answers(read_answers(read_lab(course, "mini"))) == []
