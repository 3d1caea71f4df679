"""A course's own program suggests marks; a stand-in for it, and what such programs get wrong."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.errors import UserError
from grading.judging.rubric import Rubric
from grading.marking.suggesting import suggest
from grading.service.suggestions import suggest_all
from tests.command import command
from tests.marking.classroom import classroom
from tests.marking.test_pages import CLASS, PLACE, marks, path_of, said, save
from tests.service.visiting import STAFF, Visited

# Gives the first item to whoever names overfitting, and writes down all that it was asked.
STAND_IN = """
import json, sys
asked = json.loads(sys.stdin.readline())
with open("asked.jsonl", "a", encoding="utf-8") as file:
    file.write(json.dumps(asked) + "\\n")
items = [line["item"] for line in asked["rubric"] if "overfits" in asked["answer"]][:1]
print(json.dumps({"items": items, "why": "It looks for <one> word."}))
"""


def program(root: Path, text: str) -> str:
    """Return the command that runs a program."""
    file = root / "suggest.py"
    file.write_text(text, encoding="utf-8")
    return shlex.join([sys.executable, file.name])


@pytest.fixture
def visited(tmp_path: Path) -> Iterator[Visited]:
    command_ = json.dumps(program(tmp_path, STAND_IN))
    more = f"\n[service]\nsuggest = {command_}\n{STAFF}"
    made = Visited(classroom(tmp_path, CLASS, more=more))
    yield made
    made.close()


def ask(visited: Visited) -> list[str]:
    roster = visited.site.people.roster
    return [
        one.student for one in suggest_all(visited.course, visited.site.database, roster, "mini")
    ]


def test_suggestions_are_shown_confirmed_and_compared(visited: Visited) -> None:
    assert sorted(ask(visited)) == ["ada", "bob", "mia", "noa", "zoe"], "nobody asks of blank ones"
    lines = Path(visited.course.root, "asked.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    assert len(asked) == 4, "the same text is asked about once"
    assert {one["model_answer"] for one in asked} == {"Because."}
    assert all("Why?" in one["question"] and one["marks"] == 2 for one in asked)
    assert "Testperson" not in json.dumps(asked) and "uni.example" not in json.dumps(asked)
    assert ask(visited) == [], "what was suggested stays"
    tutor = visited.client("tutor")
    assert marks(visited) == dict.fromkeys(CLASS), "a suggestion is no mark"
    page = tutor.get(path_of(visited, "ada")).text
    assert "Suggested: It looks for <one> word." in said(page) and " checked" not in page
    taken = tutor.get(f"{path_of(visited, 'ada')}?take=1").text
    assert taken.count(" checked") == 1
    for student, items in (("ada", {"item_1": "on"}), ("bob", {"item_1": "on"}), ("mia", {})):
        save(tutor, path_of(visited, student), **items)
    assert "Question 1 0 – 1.00" in said(tutor.get("/marking/mini").text)
    assert tutor.get(PLACE).status_code == 303


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("print('no json')", "answered 'no json'"),
        ("print('{}')", "answered '{}'"),
        ("""print('{"items": ["9"], "why": "so"}')""", "expected"),
        ("""print('{"items": "1", "why": "so"}')""", "expected"),
        ("import sys; sys.exit('out of\\ncredit')", "ended with 1, and said: out of credit"),
    ],
)
def test_a_program_that_fails_is_said_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        suggest(program(tmp_path, text), tmp_path, {}, Rubric())
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_a_program_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    for typed in ("no-such-program --now", "'unbalanced"):
        with pytest.raises(UserError, match=r"cannot be run: .*; see suggest in course\.toml"):
            suggest(typed, tmp_path, {}, Rubric())


def test_nothing_is_run_where_the_course_names_no_program(tmp_path: Path) -> None:
    classroom(tmp_path, CLASS)
    done = command(tmp_path, "service", "suggest", "mini")
    assert done.returncode == 2 and "course.toml names no program" in done.stderr
