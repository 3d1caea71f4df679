"""What a kernel leaves in its working directory: read as what nobody trusts."""

import os
from pathlib import Path

import pytest

from grading.engine.kernels.work import LONGEST_PATH, MOST_FILES, PAGE, Work, furnish, left_in
from grading.engine.walls.inner import MAX_FILES


def test_what_was_put_there_comes_back(tmp_path: Path) -> None:
    files = {"a.json": b"{}", "in/deep/x": b"\x00\xff", "empty/": b"", "ñ [1]?.txt": b""}
    furnish(tmp_path, files)
    found = left_in(tmp_path, 10**5)
    assert found.left_out == ()
    assert found.files == files | {"in/": b"", "in/deep/": b""}


def test_links_and_special_files_are_left_out(tmp_path: Path) -> None:
    secret = tmp_path / "gradebook.db"
    secret.write_text("all marks")
    work = tmp_path / "work"
    furnish(work, {"mine": b"1"})
    (work / "file").symlink_to(secret)
    (work / "folder").symlink_to(tmp_path)
    os.mkfifo(work / "pipe")
    found = left_in(work, 10**5)
    assert found.files == {"mine": b"1"}
    assert found.left_out == ("file", "folder", "pipe")


def test_no_more_is_read_than_there_is_room_for(tmp_path: Path) -> None:
    furnish(tmp_path, {"a": bytes(6000), "c": bytes(3000)})
    os.truncate(tmp_path / "a", 10**12)  # it takes no place on the disk
    os.link(tmp_path / "c", tmp_path / "d")
    os.link(tmp_path / "c", tmp_path / "e")
    found = left_in(tmp_path, 3 * PAGE - 1)  # two files, in whole pages
    assert [*found.files] == ["c", "d"]
    assert found.left_out == ("a", "e")


def test_the_room_is_for_names_too(tmp_path: Path) -> None:
    furnish(tmp_path, {"n" * 200: b"", "m" * 200: b""})
    assert len(left_in(tmp_path, 300).files) == 1


def test_no_more_files_are_taken_than_the_next_kernel_can_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_FILES < MAX_FILES
    monkeypatch.setattr("grading.engine.kernels.work.MOST_FILES", 2)
    furnish(tmp_path, {"a": b"", "b": b"", "c": b""})
    assert left_in(tmp_path, 10**5) == Work({"a": b"", "b": b""}, ("c",))


def test_what_lies_too_deep_is_left_out(tmp_path: Path) -> None:
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path)
        for _ in range(2 * LONGEST_PATH // 200):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        found = left_in(tmp_path, 10**6)
    finally:
        os.fchdir(before)
        os.close(before)
    assert len(found.files) == LONGEST_PATH // 201
    (too_deep,) = found.left_out
    assert len(too_deep) == LONGEST_PATH


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    furnish(tmp_path, {"a": b"", "in/b": b""})
    for name in ("a", "in"):
        (tmp_path / name).chmod(0)
    found = left_in(tmp_path, 10**5)
    (tmp_path / "in").chmod(0o700)
    assert found.left_out == ("a", "in/")
