"""A zip of pages, as Moodle's and Canvas's importers read the names in it."""

import re
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from grading.course.config import Course
from grading.errors import UserError
from grading.feedback.writing import Returned
from grading.feedback.zips import write_zip
from tests import mini
from tests.feedback.returned import returned

MOODLE = {"ada": {"lms": "moodle", "participant": "104512"}}
CANVAS = {
    "ada": {"lms": "canvas", "user": "5120", "attachment": "883311"},
    "bob": {"lms": "canvas", "anonymous": "Ab12c", "attachment": "77"},
}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return mini.make_course(tmp_path)


def participant_of(path: str) -> tuple[str, str]:
    """What Moodle reads between the ``_`` of a path: whose it is, and which plugin's."""
    folder = PurePosixPath(path).parts[0]
    _, participant, *plugin = folder.split("_", 4)
    assert plugin == ["assignsubmission", "file"]
    return participant, PurePosixPath(path).name


def canvas_ids(name: str) -> tuple[str, str, str]:
    """What Canvas reads of a name: user, attachment, and what the file is called."""
    match = re.fullmatch(r"(?:[^_]+|anon)_([A-Za-z0-9]+)_(\d+)_([^_/]+)", name)
    assert match, name
    return match.groups()


def zipped(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    "name", ["Ada Lovelace", "López_Gil, Ana/María ", "../../_1_assignsubmission_file", "", "王 伟"]
)
def test_moodle_knows_whose_a_page_is_whatever_the_name(course: Course, name: str) -> None:
    path, _ = write_zip(course, "mini", "moodle", [returned(course, "ada", name)], MOODLE)
    ((inside, content),) = zipped(path).items()
    assert participant_of(inside) == ("104512", "mini.html")
    assert content.decode() == "<p>página de ada</p>"
    assert not inside.startswith("_") and ".." not in inside and inside.count("/") == 1


def test_canvas_knows_whose_a_page_is_and_warns_of_one_comment_more(course: Course) -> None:
    pages = [returned(course, "ada", "Ada_María de Lovelace"), returned(course, "bob", "Bob")]
    path, warnings = write_zip(course, "mini", "canvas", pages, CANVAS)
    assert [canvas_ids(name)[:2] for name in zipped(path)] == [("5120", "883311"), ("Ab12c", "77")]
    assert "anon_Ab12c_77_mini.html" in zipped(path)
    assert any("once more each time" in line for line in warnings)


def test_who_has_no_id_is_named_and_the_others_are_there(course: Course) -> None:
    pages = [returned(course, "ada", "Ada"), returned(course, "bob"), returned(course, "cyd")]
    ids = MOODLE | {"bob": CANVAS["bob"], "cyd": {"lms": "moodle"}}
    path, warnings = write_zip(course, "mini", "moodle", pages, ids)
    assert len(zipped(path)) == 1
    assert "without ids of Moodle, so not in the zip: bob, cyd;" in warnings[0]


@pytest.mark.parametrize(
    ("lms", "ids", "said"),
    [
        ("moodle", {}, "collect mini ZIP --from moodle"),
        ("moodle", CANVAS, "no student's ids of Moodle are known"),
        ("canvas", {"ada": {"lms": "canvas", "user": "5120"}}, "collect mini ZIP --from canvas"),
        ("blackboard", MOODLE, "expected one of moodle, canvas"),
    ],
)
def test_what_cannot_be_made_is_one_line_and_no_file(
    course: Course, lms: str, ids: dict, said: str
) -> None:
    page: Returned = returned(course, "ada", "Ada")
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        write_zip(course, "mini", lms, [page], ids)
    assert len(str(caught.value).splitlines()) == 1
    assert not (course.home / "reports").exists()
