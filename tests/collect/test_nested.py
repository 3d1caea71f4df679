"""Zips within what was downloaded: read as folders, within bounds."""

import io
import os
import tracemalloc
import zipfile

import pytest

from grading.collect import archive, collect
from tests.collect.handing import ANAS, LAB, content, identity, make_zip, note, reasons, stored


def zipped(*entries):
    stream = io.BytesIO()
    make_zip(stream, entries)
    return stream.getvalue()


UNSIGNED = content(identity())


def test_notebooks_in_zips_are_collected_from_zips_and_folders(course, inbox, tmp_path):
    inner = zipped(("mine/lab.ipynb", UNSIGNED), ("__MACOSX/mine/._lab.ipynb", b"x"))
    inbox.write("u1/hand in.zip", inner, minutes=5)
    (accepted,) = collect(course, LAB, inbox.path, "folder").accepted
    assert (accepted.student, accepted.file) == ("u1", "u1/hand in.zip/mine/lab.ipynb")
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:05:00.000000 UTC"  # of the zip
    path = make_zip(tmp_path / "all.zip", [("u2.zip", zipped(("u2/x.zip", inner)))])
    (accepted,) = collect(course, LAB, path, "zip").accepted
    assert (accepted.student, accepted.file) == ("u2", "u2.zip/u2/x.zip/mine/lab.ipynb")
    assert stored(course, "u2") == UNSIGNED


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("moodle", "Ana López Gil_1_assignsubmission_file_/lab.zip"),
        ("moodle", "Ana López Gil_1_assignsubmission_file_lab.zip"),
        ("canvas", "lopezgilana_51_88_lab.zip"),
    ],
)
def test_a_platforms_name_of_a_zip_names_who_handed_in(course, inbox, source, name):
    inbox.write(name, zipped(("lab_1_2_3.ipynb", UNSIGNED)))
    (accepted,) = collect(course, LAB, inbox.path, source).accepted
    assert accepted.student == "u1"


def test_of_the_notebooks_in_a_zip_the_one_saved_last_counts(course, inbox):
    later, earlier = (content(identity(), answer=f"loss = {place}") for place in range(2))
    entries = [
        (zipfile.ZipInfo("a final.ipynb", (2024, 11, 19, 12, 0, 0)), later),
        (zipfile.ZipInfo("z draft.ipynb", (2024, 11, 18, 12, 0, 0)), earlier),
    ]
    inbox.write("u1.zip", zipped(*entries))
    for _ in range(2):
        collect(course, LAB, inbox.path, "folder")
        assert stored(course, "u1") == later


def test_what_lies_beside_a_notebook_in_a_zip_is_let_be(course, inbox):
    inbox.write("u1.zip", zipped(("lab.ipynb", ANAS), ("plot.png", b"x"), ("data.csv", b"x")))
    assert collect(course, LAB, inbox.path, "folder").refused == ()
    inbox.write("u2.zip", zipped(("essay.pdf", b"x")))
    assert (
        "no notebook in this zip" in reasons(collect(course, LAB, inbox.path, "folder"))["u2.zip"]
    )


def test_zips_that_cannot_be_read_are_refused_alone(course, inbox, tmp_path):
    deep = ANAS
    for name in ("lab.ipynb", "c.zip", "b.zip"):
        deep = zipped((name, deep))
    broken = zipped(("lab.ipynb", ANAS))[:-30]
    entries = [("u2.zip", deep), ("u3.zip", broken), ("x.zip", b"Rar!"), ("u1.ipynb", ANAS)]
    for source, path in (("zip", make_zip(tmp_path / "all.zip", entries)), ("folder", inbox.path)):
        for name, data in entries:
            inbox.write(name, data)
        report = collect(course, LAB, path, source)
        found = reasons(report)
        assert [item.student for item in report.accepted] == ["u1"]
        assert "too deep in other zips" in found["u2.zip/b.zip/c.zip"]
        assert "cannot be opened as a zip file" in found["u3.zip"]
        assert "cannot be opened as a zip file" in found["x.zip"]
        assert all(len(line.splitlines()) == 1 for line in report.lines())


def test_bombs_within_a_zip_are_refused_unread_and_the_others_taken(course, inbox, monkeypatch):
    monkeypatch.setattr(archive, "MIN_RATIO_SIZE", 1_000_000)
    monkeypatch.setattr(archive, "MAX_FILE", 5_000_000)
    inbox.write("a ratio.zip", zipped(("lab.ipynb", b"0" * 3_000_000)))
    inbox.write("b inner.zip", zipped(("c.zip", zipped(("lab.ipynb", b"0" * 3_000_000)))))
    inbox.write(
        "c sum.zip", zipped(*((f"{place}.ipynb", ANAS + b" " * 900_000) for place in "abcdef"))
    )
    inbox.write("u1.ipynb", ANAS)
    report = collect(course, LAB, inbox.path, "folder")
    found = reasons(report)
    assert "times, to 3.0 MB" in found["a ratio.zip/lab.ipynb"]
    assert "times, to 3.0 MB" in found["b inner.zip/c.zip/lab.ipynb"]
    assert "expands to more than" in found["c sum.zip/f.ipynb"]
    assert "u1" in [item.student for item in report.accepted]


def test_the_entries_of_a_zip_and_of_those_in_it_are_counted(course, inbox, monkeypatch):
    monkeypatch.setattr(archive, "MAX_NESTED_ENTRIES", 3)
    inbox.write("a.zip", zipped(*((f"{place}.txt", b"") for place in range(5))))
    inner = zipped(("lab.ipynb", ANAS), ("b.txt", b""))
    inbox.write("b.zip", zipped(("x.zip", inner), ("y.zip", inner)))
    found = reasons(collect(course, LAB, inbox.path, "folder"))
    assert "entries" in found["a.zip"] and "entries" in found["b.zip/x.zip"]


def test_a_directory_of_a_million_entries_is_not_read(course, inbox, monkeypatch):
    inbox.write("a.zip", zipped(*((f"{place}.txt", b"") for place in range(1_001))))
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "entries" in reasons(collect(course, LAB, inbox.path, "folder"))["a.zip"]


def test_one_zip_within_is_in_memory_at_a_time(inbox):
    for place in range(10):
        noise = os.urandom(1_000_000)
        inbox.write(f"{place}.zip", zipped(("lab.ipynb", ANAS), ("noise.bin", noise)))
    tracemalloc.start()
    try:
        with archive.opened(inbox.path) as listing:
            assert [upload.read() for upload in listing.uploads] == [ANAS] * 10
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
