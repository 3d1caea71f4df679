"""The class of `make demo` gets exactly the marks that its work deserves."""

import json
from pathlib import Path

import pytest

from grading.engine.walls import outer
from tests.command import command
from tests.demo import CELL_SECONDS, LAB, prepare
from tests.example_class import Member

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.heavy,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        outer.host().obstacle is not None, reason=f"no sandbox: {outer.host().obstacle}"
    ),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Member], dict[str, dict], str]:
    """Return the class, the result of each student, and what collecting said."""
    home = tmp_path_factory.mktemp("demo") / "course"
    members = prepare(home)
    assert command(home, "release", LAB).returncode == 0
    collected = command(home, "collect", LAB, "handed_in").stdout
    graded = command(home, "grade", LAB, "--json", "marks.json")
    assert graded.returncode in (0, 1), graded.stderr
    data = json.loads(Path(home, "marks.json").read_text())
    return members, {item["student"]: item for item in data["submissions"]}, collected


def test_every_check_of_every_member_has_its_marks(demo) -> None:
    members, results, _ = demo
    for member in members:
        for student, _ in member.identities:
            if not member.expected:
                assert student not in results, member.name
                continue
            marks = {check["label"]: check["marks"] for check in results[student]["checks"]}
            assert marks == member.expected, member.name
            lost = {check["label"] for check in results[student]["checks"] if check["reason"]}
            assert lost == set(member.lost), member.name


def test_what_is_no_notebook_is_refused_by_name(demo) -> None:
    members, _, collected = demo
    (member,) = [member for member in members if not member.expected]
    assert f"refused {member.student_id}/" in collected


def test_each_cell_that_the_endless_loop_stops_is_flagged_in_one_line(demo) -> None:
    members, results, _ = demo
    (member,) = [member for member in members if member.name == "infinite_loop"]
    flags = results[member.student_id]["flags"]
    assert flags and all(f"{CELL_SECONDS} s" in flag and "\n" not in flag for flag in flags)
