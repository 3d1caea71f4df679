"""A lab in a folder, one file a part, is the lab that it would be in one file."""

import re
from pathlib import Path

import pytest

from grading.authoring import SourceError, parse_lab, render, solution_hash, student_notebook
from grading.authoring.building import paths, read_lab
from grading.course.config import LANGUAGES, Course
from grading.errors import UserError
from tests import mini
from tests.twins import in_every_language

MARKER = "# %% "


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return mini.make_course(tmp_path)


def in_parts(course: Course, *names: str) -> Path:
    """Turn the course's lab of one file into a folder of as many parts as there are names."""
    file = paths(course, mini.LAB).source
    cells = [MARKER + cell for cell in file.read_text(encoding="utf-8").split(MARKER)[1:]]
    file.unlink()
    folder = file.with_suffix("")
    folder.mkdir()
    size = -(-len(cells) // len(names))
    for i, name in enumerate(names):
        text = "".join(cells[i * size : (i + 1) * size])
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("names", [("1_all.py",), ("2_a.py", "9_b.py", "10_c.py"), ("01_a.py",)])
def test_parts_are_one_notebook_in_the_order_of_their_numbers(names, course: Course) -> None:
    whole = read_lab(course, mini.LAB)
    folder = in_parts(course, *names)
    (folder / ".DS_Store").write_bytes(b"\0")
    lab = read_lab(course, mini.LAB)
    assert lab.name == mini.LAB and solution_hash(lab) == solution_hash(whole)
    for lang in LANGUAGES:
        built = [render(student_notebook(one, lang, course)) for one in (whole, lab)]
        assert built[0] == built[1]


def with_file(course: Course, name: str, text: str) -> Path:
    """Return the lab's folder, all of it in ``1_a.py``, with one more file."""
    folder = in_parts(course, "1_a.py")
    (folder / name).write_text(text, encoding="utf-8")
    return folder


GIVEN = '# %% role="given"\n'
EXERCISE = """\
# %% role="exercise" id="triple" title_es="El triple" title_en="Triple" difficulty=1 minutes=2
### BEGIN SOLUTION
triple = 3
### END SOLUTION
"""
MISTAKES = {
    "a line that does not parse": (f"{GIVEN}words = (\n", 2, "not valid Python", ""),
    "an exercise without a check": (f"{GIVEN}\n{EXERCISE}", 3, "no check covers", ""),
    "a label": (
        f'{EXERCISE}\n# %% role="check" id="other" points=1\n'
        'tick.value("double of the seed", lambda: 1, marks=1)\n',
        7,
        "the label 'double of the seed' is taken by the check in 1_a.py:",
        'tick.value("double of the seed"',
    ),
    "an id": (
        f'{GIVEN}\n# %% role="given" id="double"\n',
        3,
        "the id 'double' is taken in 1_a.py:",
        'role="exercise" id="double"',
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_its_part_and_both_places_where_two_are_one(
    name: str, course: Course
) -> None:
    text, line, says, first = MISTAKES[name]
    folder = with_file(course, "2_b.py", in_every_language(text))
    if first:
        above = (folder / "1_a.py").read_text(encoding="utf-8").split(first)[0]
        says += str(above.count("\n") + 1)
    with pytest.raises(SourceError, match=re.escape(f"{folder / '2_b.py'}:{line}: {says}")):
        parse_lab(folder)


@pytest.mark.parametrize(
    ("stray", "says"),
    [
        ("model.py", "model.py is no part of the lab; name a part after its number"),
        ("2_notes.txt", "2_notes.txt is no part of the lab"),
        ("01_b.py", "1_a.py is part 1, as 01_b.py is; renumber one"),
        ("../mini.py", "mini and mini.py beside it are the same lab; keep one of them"),
    ],
)
def test_what_is_no_part_is_refused_in_one_line(stray: str, says: str, course: Course) -> None:
    with_file(course, stray, GIVEN)
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        read_lab(course, mini.LAB)
    assert "\n" not in str(caught.value)


def test_a_lab_without_parts_or_without_any_source_is_named(course: Course) -> None:
    folder = in_parts(course, "1_a.py")
    (folder / "1_a.py").unlink()
    with pytest.raises(UserError, match=r"mini holds no part of the lab; begin with"):
        read_lab(course, mini.LAB)
    folder.rmdir()
    with pytest.raises(UserError, match=r"no source of mini in .*source; .* a folder mini"):
        read_lab(course, mini.LAB)
