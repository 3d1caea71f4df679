"""The commit by which notebooks name their kit, and the first cell that fetches it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grading.authoring import building
from grading.authoring.setup_cell import setup_source
from grading.publishing import bundle
from grading.publishing.commits import commit_of, has_remote
from tests import mini
from tests.publishing.test_bundle import course

__all__ = ["course"]

KIT = {"grading/tick.py": b"print('one')\r\n", "utils/a b.py": b"", ".gitattributes": b"* -text\n"}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_same_kit_is_the_same_commit_wherever_and_whenever(tmp_path: Path) -> None:
    first = commit_of(KIT, tmp_path / "one")
    assert len(first) == 40
    assert first == commit_of(KIT, tmp_path / "one") == commit_of(KIT, tmp_path / "two")
    assert commit_of(KIT | {"utils/a b.py": b"1"}, tmp_path / "two") != first
    names = git(tmp_path / "one", "ls-tree", "-r", "--name-only", "-z", first).split("\0")
    assert {name for name in names if name} == set(KIT)
    assert git(tmp_path / "one", "tag") == f"kit-{first[:12]}"


def test_a_repositorys_own_files_and_branch_stay_as_they_are(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "mine.txt").write_text("not committed")
    (tmp_path / ".gitignore").write_text("utils\n")
    before = git(tmp_path, "status", "--porcelain")
    commit = commit_of(KIT, tmp_path)
    assert git(tmp_path, "status", "--porcelain") == before
    assert "utils/a b.py" in git(tmp_path, "ls-tree", "-r", "--name-only", commit)
    assert not has_remote(tmp_path)


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    assert commit_of(KIT, tmp_path) == ""  # nothing that git knows
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(KIT, tmp_path / "new") == ""


@pytest.mark.slow
def test_published_notebooks_name_the_commit_of_their_kit(course, tmp_path: Path) -> None:
    public = tmp_path / "public"
    bundle.publish(course, public)
    (commit,) = git(public, "for-each-ref", "--format=%(objectname)", "refs/tags").split()
    notebook = (public / "notebooks" / "en" / f"{mini.LAB}.ipynb").read_text()
    assert commit in notebook
    bundle.publish(course, public)
    assert (public / "notebooks" / "en" / f"{mini.LAB}.ipynb").read_text() == notebook
    lab = building.read_lab(course, mini.LAB)
    assert all(commit not in text for text in building.student_files(course, lab).values())


def started(folder: Path, remote: Path, commit: str) -> tuple[str, str]:
    """Run the first cell in Colab's place; return what it prints, and the kit that it found."""
    folder.mkdir(exist_ok=True)
    source = setup_source(
        mini.LAB, "en", version="", repository="org/course", tag="main", commit=commit
    ).replace("https://github.com/org/course.git", remote.as_uri())
    program = source.replace("from grading import tick", "raise ImportError('found')")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        cwd=folder,
        env=environment | {"COLAB_RELEASE_TAG": "release"},
        capture_output=True,
        text=True,
    )
    assert not done.stderr, done.stderr
    kit = folder / "dl-course" / "grading" / "tick.py"
    return done.stdout, kit.read_text() if kit.is_file() else ""


def test_the_first_cell_fetches_its_commit_wherever_the_tag_has_gone(tmp_path: Path) -> None:
    remote, old, new = tmp_path / "remote", KIT, KIT | {"grading/tick.py": b"print('two')\n"}
    mine, other = commit_of(old, remote), commit_of(new, remote)
    git(remote, "branch", "main", other)
    said, kit = started(tmp_path / "session", remote, mine)
    assert "print('one')" in kit
    assert "version" not in said
    said, kit = started(tmp_path / "session", remote, other)  # another notebook, the same machine
    assert "print('two')" in kit
    said, kit = started(tmp_path / "untagged", remote, "")
    assert "print('two')" in kit


def test_a_commit_that_is_not_there_any_more_is_said(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    git(remote, "branch", "main", commit_of(KIT, remote))
    said, kit = started(tmp_path / "session", remote, "0" * 40)
    assert "the one published now was fetched" in said
    assert "print('one')" in kit
    said, kit = started(tmp_path / "offline", tmp_path / "nowhere", "0" * 40)
    assert "could not be fetched" in said
    assert not kit
