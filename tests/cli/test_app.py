"""How a command ends when a file cannot be written or read: one line that names it."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from grading.files import write_atomically
from grading.session.outcomes import Outcome, Verdict
from tests import mini
from tests.command import command


def test_a_write_that_fails_names_the_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "marks.csv"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("grading.files.os.chmod", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(path, b"new")
    assert caught.value.filename == str(path)
    assert [file.name for file in tmp_path.iterdir()] == ["marks.csv"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("words", [["release", "mini"], ["build", "mini"]])
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, words: list[str]) -> None:
    course = mini.make_course(tmp_path)
    for folder in (course.home, course.root / "notebooks" / "es"):
        folder.write_text("a file where a folder should be")
    done = command(tmp_path, *words)
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}")
    assert line.endswith(("File exists", "Not a directory"))


@pytest.mark.parametrize(("verdict", "sign", "code"), [("near", "≈", 0), ("failed", "✗", 1)])
def test_a_score_that_the_seed_decides_does_not_fail_the_authors_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: str, sign: str, code: int
) -> None:
    course = mini.make_course(tmp_path)
    outcomes = [Outcome("one", 3, Verdict.PASSED), Outcome("two", 4, Verdict(verdict))]
    keys = SimpleNamespace(profiles=["quick"], question_marks=2)
    monkeypatch.setattr("grading.authoring.building.load_keys", lambda *_: keys)
    monkeypatch.setattr("grading.authoring.building.marks_against_keys", lambda *_: outcomes)
    monkeypatch.setattr("grading.cli.build._run_trusted", lambda *_: [None])
    done = command(course.root, "run", "mini", "--profile", "quick")
    assert done.returncode == code, done.stderr
    assert f"{sign} two: 0/4" in done.stdout and "3 of 7 marks" in done.stdout
