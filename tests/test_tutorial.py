"""docs/add_a_lab.md, followed to the letter."""

import json
from pathlib import Path

import pytest

from grading.places import KIT
from tests.following import SHELL, follow, steps

PAGE = KIT / "docs" / "add_a_lab.md"


def test_a_block_that_is_of_no_file_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Write `a/b.txt`:\n\n```text\nx\n```\n\nAnd then:\n\n```text\ny\n```\n")
    found = steps(page)
    assert next(found) == ("a/b.txt", "x\n")
    with pytest.raises(ValueError, match="of no file"):
        next(found)


@pytest.mark.sandbox
@pytest.mark.heavy
def test_a_new_lab_goes_from_nothing_to_graded_as_the_page_says(tmp_path: Path) -> None:
    said = follow(PAGE, tmp_path)
    marks = json.loads((tmp_path / "marks.json").read_text(encoding="utf-8"))
    assert {one["student"]: (one["score"], one["max_score"]) for one in marks["submissions"]} == {
        "ada": (10.0, 10.0),
        "bob": (0.0, 10.0),
    }
    assert (tmp_path / "course" / "reports" / "lab5_bigrams").is_dir()
    assert (tmp_path / "notebooks" / "en" / "lab5_bigrams.ipynb").is_file()
    commands = [line for what, text in steps(PAGE) if what == SHELL for line in text.splitlines()]
    assert len(said) == len(commands) == 10
