"""A course that an earlier version of the kit left: opened by this one, it has the same marks."""

import contextlib
import csv
import re
import sqlite3
import tarfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from grading.course.config import Course, load_course
from grading.gradebook import handins
from grading.gradebook.marks import Marks
from grading.gradebook.tables import OURS
from grading.places import KIT
from grading.service.database import Database
from tests.command import command
from tests.engines import skip_without_sandbox
from tests.service.handing import notebook
from tests.service.visiting import STAFF, Visited
from tests.upgrading.store import GRADEBOOK, MARKS

STORED = sorted(Path(__file__).parent.glob("*.tar.xz"))
SAME = ("student_id", "score", "max_score")  # of an export, which has had other columns, too

pytestmark = pytest.mark.slow
every = pytest.mark.parametrize("stored", STORED, ids=lambda path: path.name.split(".")[0])


def unpacked(stored: Path, root: Path) -> Course:
    """Put a stored course into a folder, its gradebook as it was."""
    with tarfile.open(stored) as packed:
        packed.extractall(root, filter="data")
    dump = root / "course" / f"{GRADEBOOK}.sql"
    with contextlib.closing(sqlite3.connect(root / "course" / GRADEBOOK)) as gradebook:
        gradebook.executescript(dump.read_text(encoding="utf-8"))
    dump.unlink()
    return load_course(root)


@pytest.fixture
def course(stored: Path, tmp_path: Path) -> Course:
    return unpacked(stored, tmp_path)


def grading(course: Course, *words: str) -> str:
    """Run a command of today's; return what it printed."""
    done = command(course.root, *words)
    assert done.returncode == 0, done.stderr
    return " ".join(f"{done.stdout} {done.stderr}".split())


def marks(file: Path) -> list[tuple[str, ...]]:
    """Return what everybody has, and each check with its marks."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return [
            (
                *(row[name] for name in SAME),
                *(f"{name} {row[name]}" for name in row if name.startswith("check-")),
            )
            for row in csv.DictReader(stream)
        ]


def exported(course: Course) -> list[tuple[str, ...]]:
    grading(course, "export", "mini", "--to", "csv")
    return marks(course.home / "reports" / "mini" / "mini.csv")


@every
def test_marks_and_pages_are_there_without_grading_again(course: Course) -> None:
    assert exported(course) == marks(course.root / MARKS)
    with Marks.existing(course.db_url) as opened:
        (ada,) = (one for one in opened.records("mini") if one.student == "ada")
    assert [(one.marks, one.comment) for one in ada.written] == [(1.5, "Which sums?")]
    said = grading(course, "report", "mini")
    assert "10.5/11" in said and "by another version of the kit" in said
    grading(course, "feedback", "mini")
    assert "Which sums?" in (course.home / "feedback" / "ada" / "mini" / "mini.html").read_text()
    assert "ada" in grading(course, "course")


@pytest.mark.kernels
@every
def test_graded_again_on_its_release_it_has_the_same_marks(course: Course) -> None:
    skip_without_sandbox()
    said = grading(course, "grade", "mini", "--resume")
    assert "3 submissions are left to grade" in said and "needs attention" not in said
    assert exported(course) == marks(course.root / MARKS)


@pytest.mark.kernels
@pytest.mark.parametrize("stored", STORED[:1], ids=["first"])
def test_who_worked_on_the_release_before_has_the_same_marks_and_no_flag(course: Course) -> None:
    skip_without_sandbox()
    source = course.root / "notebooks" / "source" / "mini.py"
    source.write_text(source.read_text("utf-8").replace("linspace(1.0", "linspace(0.5"), "utf-8")
    grading(course, "release", "mini")
    assert "needs attention" not in grading(course, "grade", "mini")
    assert exported(course) == marks(course.root / MARKS)
    page = (course.home / "reports" / "mini" / "index.html").read_text("utf-8")
    assert page.count("an earlier release of the lab was worked on") == 1


@every
def test_the_service_takes_hand_ins_and_people_mark_in_it(course: Course) -> None:
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text("utf-8") + STAFF, "utf-8")
    before = marks(course.root / MARKS)
    visited = Visited(load_course(course.root))
    with visited.site.database.reading() as session:
        waiting = session.execute(sa.select(handins.table)).all()
        assert all((one.of, one.cell) == ("", "") for one in waiting)
    answer = visited.client("tutor").get("/marking/mini/why", follow_redirects=True)
    assert "Who knows." in answer.text
    assert "Lovelace" in visited.client("prof").get("/course/mini").text
    assert exported(course) == before
    visited.service.hand_in("cyd", notebook(course, "cyd", marks=7.0))
    visited.work()
    visited.close()
    assert [row[:2] for row in exported(course)] == [
        row[:2] if row[0] != "cyd" else ("cyd", "7") for row in before
    ]


@every
def test_an_old_course_has_all_the_tables_and_columns(course: Course) -> None:
    Database(course.db_url).close()
    engine = sa.create_engine(course.db_url)
    seen = sa.inspect(engine)
    for table in OURS:
        there = {column["name"] for column in seen.get_columns(table.name)}
        assert there == {column.name for column in table.columns}, table.name
    engine.dispose()


def test_a_key_that_no_version_has_is_one_line(tmp_path: Path) -> None:
    course = unpacked(STORED[0], tmp_path)
    settings = course.root / "course.toml"
    settings.write_text(settings.read_text("utf-8").replace("cell_seconds", "cell_secs"), "utf-8")
    done = command(tmp_path, "report", "mini")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "no key 'cell_secs'; did you mean cell_seconds?" in line


def test_each_version_that_was_released_is_stored() -> None:
    changes = (KIT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"(?m)^## (\S+), \d{4}-\d\d-\d\d$", changes)
    unreleased = re.findall(r"(?m)^## (\S+), not released yet$", changes)
    assert len(released) + len(unreleased) == changes.count("\n## ")
    assert {*released} <= {path.name.removesuffix(".tar.xz") for path in STORED}
