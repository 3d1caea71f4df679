"""A release: what it writes, what it leaves, and the names that the folders around it may have."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from traitlets.config.loader import PyFileConfigLoader

from grading.course.config import Course, gradebook_of, sqlite_url
from grading.errors import UserError
from grading.gradebook.folders import find
from grading.gradebook.nbgrader_plugin import settings_file
from grading.gradebook.release import release
from tests import mini
from tests.command import command as run
from tests.postgresql import PASSWORD, Server

NAMES = ("2026 [A] (B)", "why? c# 100%", "it's a {course}", "a%20b", "*", "[", "[!a]", "ñandú")
WHOLE = "why? it's [2026] c# 100%20 {course} ñandú *"
OLD = '''"""Written by `python -m grading release`: settings of nbgrader in this folder."""

from pathlib import Path

from grading.nbgrader_plugin import configured

c = get_config()  # noqa: F821
c.merge(configured(Path(__file__).resolve().parent, 'postgresql://ana:secret@host/x'))
'''


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(root: Path, *arguments: str) -> str:
    done = run(root, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def loaded(home: Path) -> PyFileConfigLoader:
    return PyFileConfigLoader("nbgrader_config.py", path=str(home)).load_config()


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return mini.make_course(tmp_path)


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    ["", "c = get_config()\nc.Mine.x = 1\n", OLD, f"{OLD}\nc.Mine.x = 1\n", f"# mine\n{OLD}"],
)
def test_settings_keep_what_a_person_wrote_and_no_url(before: str, tmp_path: Path) -> None:
    text = settings_file(before)
    assert settings_file(text) == text
    assert text.count("configured(Path(__file__).resolve().parent)") == 1
    assert "secret" not in text
    kept = before.replace(", 'postgresql://ana:secret@host/x'", "")
    assert kept in text
    (tmp_path / "nbgrader_config.py").write_text(text)
    settings = loaded(tmp_path)
    assert settings.CourseDirectory.db_url == sqlite_url(tmp_path / "gradebook.db")
    assert settings.Mine.get("x") == (1 if "Mine" in before else None)


@pytest.mark.kernels
def test_a_release_keeps_edits_of_the_settings(course: Course) -> None:
    release(course, mini.LAB, course.db_url)
    path = course.home / "nbgrader_config.py"
    edited = "# ours\n" + path.read_text() + "c.ExecutePreprocessor.timeout = 99\n"
    path.write_text(edited)
    release(course, mini.LAB, course.db_url)
    assert path.read_text() == edited
    assert loaded(course.home).ExecutePreprocessor.timeout == 99


# --- the gradebook ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana@127.0.0.1:1/grades",
        "sqlite:////nowhere/gradebook.db",
        "sqlite:///{root}/course.toml",
        "nonsense",
    ],
)
def test_a_release_into_no_gradebook_writes_nothing(course: Course, url: str) -> None:
    before = sorted(course.root.rglob("*")), files(course.root)
    with pytest.raises(UserError) as caught:
        release(course, mini.LAB, url.format(root=course.root))
    assert len(str(caught.value).splitlines()) == 1
    assert (sorted(course.root.rglob("*")), files(course.root)) == before


@pytest.mark.kernels
def test_a_release_that_fails_leaves_source_and_settings(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(course, mini.LAB, course.db_url)
    before = files(course.home)
    path = course.root / "notebooks" / "source" / f"{mini.LAB}.py"
    path.write_text(path.read_text().replace("points=4", "points=4 "), encoding="utf-8")
    monkeypatch.setattr("grading.gradebook.nbgrader_plugin.clear_solutions", _fail)
    with pytest.raises(UserError, match="could not release"):
        release(course, mini.LAB, sqlite_url(course.root / "other.db"))
    assert files(course.home) == before


def _fail(*_: object) -> None:
    raise RuntimeError("no")


@pytest.mark.kernels
def test_a_gradebook_in_postgresql_is_remembered_and_its_password_is_not(
    course: Course, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.database()
    typed = url.replace("@", f":{PASSWORD.replace('%', '%25').replace('@', '%40')}@", 1)
    monkeypatch.delenv("PGPASSWORD")
    said = command(course.root, "release", "mini", "--db", typed)
    assert "later commands need it as PGPASSWORD or in ~/.pgpass" in said
    assert gradebook_of(course.home) == url
    assert not [path for path, text in files(course.root).items() if PASSWORD.encode() in text]
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    command(course.root, "release", "mini")
    assert loaded(course.home).CourseDirectory.db_url == gradebook_of(course.home) == url
    assert not list(course.root.rglob("*.db"))


# --- folders ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_is_found_as_it_is_spelled(tmp_path: Path, name: str) -> None:
    for folder in (name, "whyX c# 100%", "A", "a"):
        for student in ("ana", "bob"):
            (tmp_path / folder / "submitted" / student / "lab").mkdir(parents=True)
    home = tmp_path / name
    found = find(f"{home}/submitted/./*/lab")
    assert sorted(found) == [f"{home}/submitted/./ana/lab", f"{home}/submitted/./bob/lab"]
    assert find(f"{home}/submitted/ana/lab") == [f"{home}/submitted/ana/lab"]
    assert find(f"{home}/submitted/eve/lab") == find(f"{home}/[") == []


@pytest.mark.kernels
@pytest.mark.heavy  # a dozen commands
def test_a_course_in_a_folder_with_any_name(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path / WHOLE)
    path = course.root / "handed_in" / "ada" / "lab.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(mini.answered(course, mini.solved(course), "ada"), path)
    assert "Note" not in command(course.root, "release", "mini", "--db", course.db_url)
    command(course.root, "collect", "mini", "handed_in")
    assert "9/11" in command(course.root, "grade", "mini")
    for words in (["report"], ["feedback"], ["export", "--to", "moodle"]):
        command(course.root, words[0], "mini", *words[1:])
    made = {path.relative_to(course.home).as_posix() for path in files(course.home)}
    assert {"gradebook.db", "feedback/ada/mini/mini.html", "reports/mini/mini-moodle.csv"} <= made
    assert not made & {"gradebook.url"}  # its own needs no remembering, and may be moved with it
    assert [path.name for path in tmp_path.iterdir()] == [WHOLE]
    nbgrader = [sys.executable, "-m", "nbgrader", "autograde", "mini", "--force"]
    done = subprocess.run(nbgrader, cwd=course.home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "9/11" in command(course.root, "report", "mini")
