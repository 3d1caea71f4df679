"""A course in one file, and back: the same marks, and nothing written from a file that is odd."""

import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from grading.course.config import Course, load_course
from grading.errors import UserError
from grading.gradebook.database import begin_writing
from grading.gradebook.marks import Marks
from grading.keeping.archive import archive
from grading.keeping.manifest import FORMAT, MANIFEST
from grading.keeping.restore import restore
from tests.keeping import term
from tests.postgresql import Server

pytestmark = pytest.mark.slow

Contents = dict[str, bytes]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return term.make_term(tmp_path_factory.mktemp("term") / "Deep [2026] 100%")


@pytest.fixture(scope="module")
def kept(course: Course) -> Path:
    """The course's archive; no test changes it."""
    path = course.root / "archive-now.zip"
    archive(course, course.db_url, path)
    return path


def contents(path: Path) -> Contents:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def written(path: Path, files: Contents) -> Path:
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return path


def exported(course: Course) -> tuple[str, bytes]:
    """What `report` prints and `export` writes, as they are now."""
    shutil.rmtree(course.home / "reports")
    printed = term.run(course, "report", "mini")
    term.run(course, "export", "mini")
    return printed, (course.home / "reports" / "mini" / "mini.csv").read_bytes()


def test_a_restored_course_reports_and_exports_the_same(
    course: Course, kept: Path, tmp_path: Path
) -> None:
    printed = term.run(course, "restore", str(kept), "--to", str(tmp_path / "back"))
    assert "Mini, now, as it was at 20" in printed
    back = load_course(tmp_path / "back")
    for path in (course.home / "submitted").rglob("*.*"):
        other = back.home / path.relative_to(course.home)
        assert other.read_bytes() == path.read_bytes()
        assert other.stat().st_mtime == pytest.approx(path.stat().st_mtime, abs=1e-6)
    assert exported(back) == exported(course)


def test_what_the_service_signs_with_stays_where_it_is(course: Course, tmp_path: Path) -> None:
    home = tmp_path / "course" / "course"
    shutil.copytree(course.root, tmp_path / "course")
    for name in ("service.secret", "lti.pem"):
        (home / name).write_text("known to nobody else")
    there = load_course(tmp_path / "course")
    archive(there, there.db_url, tmp_path / "kept.zip")
    found = contents(tmp_path / "kept.zip")
    assert "gradebook.db" in " ".join(found)
    assert not any(b"known to nobody else" in content for content in found.values())


def test_a_gradebook_on_a_server_goes_into_the_file(
    postgresql: Server, course: Course, tmp_path: Path
) -> None:
    url = postgresql.database()
    there = term.make_term(tmp_path / "there", url)
    (there.home / "gradebook.url").write_text(url)
    term.run(there, "archive", "--to", str(tmp_path / "kept.zip"))
    assert "course/gradebook.url" not in contents(tmp_path / "kept.zip")
    restore(tmp_path / "kept.zip", tmp_path / "back")
    back = load_course(tmp_path / "back")
    assert back.db_url.startswith("sqlite:")
    printed, csv = exported(back)
    assert (printed.replace(str(back.root), ""), csv) == exported(there)
    assert "u1003" in printed and "4.2" in printed  # an extension and what lateness costs


def test_what_is_archived_says_by_what_and_of_which_bytes(kept: Path) -> None:
    files = contents(kept)
    manifest = json.loads(files.pop(MANIFEST))
    assert (manifest["format"], manifest["course"], manifest["term"]) == (FORMAT, "Mini", "now")
    assert manifest["versions"]["packages"]["nbgrader"] == "0.9.6"
    assert len(manifest["versions"]["code"]) == 64
    assert manifest["files"].keys() == files.keys()
    assert files.keys() >= {
        "course.toml",
        "roster.csv",
        "extensions.csv",
        "course/gradebook.db",
        "course/source/mini/mini.ipynb",
        "course/release/mini/mini.ipynb",
        "course/submitted/u1001/mini/mini.ipynb",
        "course/autograded/u1002/mini/mini.ipynb",
        "course/reports/mini/index.html",
        "notebooks/source/mini.py",
    }
    assert not [name for name in files if name.endswith(("-wal", "-shm"))]


def test_two_archives_of_one_course_hold_the_same_in_the_same_order(
    course: Course, tmp_path: Path
) -> None:
    for name in ("one.zip", "other.zip"):
        archive(course, course.db_url, tmp_path / name)
    one, other = contents(tmp_path / "one.zip"), contents(tmp_path / "other.zip")
    assert list(one) == list(other) == [*sorted(one.keys() - {MANIFEST}), MANIFEST]
    assert {name for name in one if one[name] != other[name]} <= {MANIFEST}  # which says when


def test_what_somebody_is_writing_meanwhile_is_not_in_it(course: Course, tmp_path: Path) -> None:
    with Marks(course.db_url) as other:
        begin_writing(other._db)
        other._db.execute(sa.text("UPDATE grade SET manual_score = 0.25"))
        archive(course, course.db_url, tmp_path / "kept.zip")
        other._db.rollback()
    restore(tmp_path / "kept.zip", tmp_path / "back")
    with Marks(load_course(tmp_path / "back").db_url) as marks:
        scores = marks._db.scalars(sa.text("SELECT manual_score FROM grade")).all()
    assert 1.5 in scores and 0.25 not in scores


def test_a_link_is_left_out_and_named(course: Course, tmp_path: Path) -> None:
    link = course.home / "submitted" / "elsewhere"
    link.symlink_to(tmp_path)
    try:
        done = archive(course, course.db_url, tmp_path / "kept.zip")
    finally:
        link.unlink()
    assert done.left_out == ("course/submitted/elsewhere",)
    restore(tmp_path / "kept.zip", tmp_path / "back")


def test_nothing_is_archived_over_a_file_or_into_the_course(course: Course, kept: Path) -> None:
    before = kept.read_bytes()
    with pytest.raises(UserError, match="is there already"):
        archive(course, course.db_url, kept)
    assert kept.read_bytes() == before
    inside = course.home / "kept.zip"
    with pytest.raises(UserError, match="name another place"):
        archive(course, course.db_url, inside)
    assert not inside.exists()


def test_a_roster_elsewhere_is_one_line(course: Course, tmp_path: Path) -> None:
    root = tmp_path / "moved"
    shutil.copytree(course.root, root)
    (root / "roster.csv").rename(tmp_path / "roster.csv")
    text = (root / "course.toml").read_text().replace('"roster.csv"', '"../roster.csv"')
    (root / "course.toml").write_text(text)
    with pytest.raises(UserError, match=r"roster\.csv is not in .*moved, the course's folder"):
        archive(load_course(root), course.db_url, tmp_path / "kept.zip")
    assert not (tmp_path / "kept.zip").exists()


def test_a_course_without_a_gradebook_is_one_line(tmp_path: Path) -> None:
    course = term.make_course(tmp_path)
    with pytest.raises(UserError, match="nothing is graded yet"):
        archive(course, course.db_url, tmp_path / "kept.zip")
    assert not (tmp_path / "kept.zip").exists()


# --- archives that are not what they should be -------------------------------------------------


def half(kept: Path, odd: Path) -> None:
    odd.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2])


def one_byte(kept: Path, odd: Path) -> None:
    data = bytearray(kept.read_bytes())
    data[data.index(b"course/gradebook.db") + 400] ^= 0xFF
    odd.write_bytes(data)


def no_zip(kept: Path, odd: Path) -> None:
    odd.write_text("student_id,name\n")


def absent(kept: Path, odd: Path) -> None:
    pass


def other_zip(kept: Path, odd: Path) -> None:
    written(odd, {"lab.ipynb": b"{}"})


def changed(name: str, content: bytes | None) -> Callable[[Path, Path], None]:
    def make(kept: Path, odd: Path) -> None:
        files = contents(kept)
        if content is None:
            del files[name]
        else:
            files[name] = content
        written(odd, files)

    return make


def manifest_with(**values: object) -> Callable[[Path, Path], None]:
    def make(kept: Path, odd: Path) -> None:
        files = contents(kept)
        files[MANIFEST] = json.dumps(json.loads(files[MANIFEST]) | values).encode()
        written(odd, files)

    return make


def renamed(name: str) -> Callable[[Path, Path], None]:
    """Have both the zip and its manifest call the roster otherwise."""

    def make(kept: Path, odd: Path) -> None:
        files = contents(kept)
        files[name] = files.pop("roster.csv")
        about = json.loads(files[MANIFEST])
        about["files"][name] = about["files"].pop("roster.csv")
        files[MANIFEST] = json.dumps(about).encode()
        written(odd, files)

    return make


def link(kept: Path, odd: Path) -> None:
    with zipfile.ZipFile(odd, "w") as target:
        for name, content in contents(kept).items():
            entry = zipfile.ZipInfo(name)
            if name == "roster.csv":
                entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            target.writestr(entry, content)


def twice(kept: Path, odd: Path) -> None:
    with zipfile.ZipFile(odd, "w") as target, pytest.warns(UserWarning, match="Duplicate"):
        for name, content in contents(kept).items():
            target.writestr(name, content)
        target.writestr("roster.csv", b"other")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (absent, "No such file"),
        (no_zip, "is no archive of a course, or is cut off"),
        (half, "is no archive of a course, or is cut off"),
        (one_byte, r"course/gradebook\.db (is damaged|is not what the manifest says)"),
        (other_zip, r"no manifest\.json in it"),
        (changed("roster.csv", b"student_id,name\n"), r"roster\.csv is not what the manifest says"),
        (changed("more.txt", b"x"), r"'more\.txt' is not in its manifest"),
        (changed("roster.csv", None), r"'roster\.csv' is in its manifest only"),
        (changed(MANIFEST, b"{"), "is damaged"),
        (changed(MANIFEST, b"[]"), "is damaged"),
        (manifest_with(files={"roster.csv": {"sha256": "x"}}), "is damaged"),
        (manifest_with(files={"roster.csv": []}), "is damaged"),
        (manifest_with(versions={}), "is damaged"),
        (manifest_with(format=FORMAT + 1), f"of format {FORMAT + 1}, and this kit reads up to"),
        (renamed("../roster.csv"), "no path in its folder"),
        (renamed("/tmp/roster.csv"), "no path in its folder"),
        (renamed("C:/roster.csv"), "no path in its folder"),
        (renamed("course/../../roster.csv"), "no path in its folder"),
        (renamed("course"), "no path in its folder"),  # a file where a folder is to be
        (link, r"roster\.csv is a link"),
        (twice, "in it twice"),
    ],
)
def test_an_odd_archive_is_one_line_and_nothing_is_written(
    spoil: Callable[[Path, Path], None], said: str, kept: Path, tmp_path: Path
) -> None:
    odd, room = tmp_path / "odd.zip", tmp_path / "room"
    room.mkdir()
    spoil(kept, odd)
    with pytest.raises((UserError, OSError), match=said) as caught:
        restore(odd, room / "back")
    assert len(str(caught.value).splitlines()) == 1
    assert [*room.iterdir()] == []
    assert sorted(path.name for path in tmp_path.iterdir() if path != odd) == ["room"]


def test_a_folder_that_is_in_use_is_left_alone(kept: Path, tmp_path: Path) -> None:
    used = tmp_path / "used"
    used.mkdir()
    restore(kept, used)  # an empty one will do
    before = sorted(used.rglob("*"))
    for place in (used, used / "roster.csv"):
        with pytest.raises(UserError, match="not empty"):
            restore(kept, place)
    assert sorted(used.rglob("*")) == before


def test_a_disk_that_is_full_leaves_nothing(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grading.keeping.restore.os.utime", full)
    with pytest.raises(UserError, match="No space left"):
        restore(kept, tmp_path / "back")
    assert [*tmp_path.iterdir()] == []
