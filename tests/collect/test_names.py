"""Whose file it is: names in archives, however they are encoded and decorated."""

import unicodedata
import zipfile
import zlib

import pytest

from grading.collect import collect
from grading.collect.layouts import LAYOUTS, copy_number, sender
from grading.collect.spelling import spellings
from grading.course.roster import Roster, Student
from tests.collect.handing import LAB, content, identity, make_zip, reasons

NAMES = ["Ana López Gil", "Álvaro Muñoz Íñigo", "Cy D'Été", "Pat O'Brien-Smith", "BEGOÑA PÉREZ"]
KNOWN = Roster(tuple(Student(f"s{place}", name) for place, name in enumerate(NAMES)))
UNSIGNED = content(identity())


@pytest.fixture
def course(course):
    rows = (f"{student.id};{student.name}\n" for student in KNOWN.students)
    course.roster.write_text("student_id;name\n" + "".join(rows), encoding="utf-8")
    return course


class Unflagged(zipfile.ZipInfo):
    """A zip entry whose name is some bytes, without a word on their encoding."""

    __slots__ = ("raw",)

    def _encodeFilenameFlags(self):  # noqa: N802 (zipfile's own name)
        return self.raw, self.flag_bits & ~0x800


def unflagged(raw, extra=b""):
    entry = Unflagged(raw.hex(), (2024, 11, 20, 12, 0, 0))
    entry.raw, entry.extra = raw, extra
    return entry


def nfd(text):
    return unicodedata.normalize("NFD", text).encode()


ENCODINGS = {
    "UTF-8": str.encode,
    "UTF-8 decomposed": nfd,
    **{name: lambda text, name=name: text.encode(name) for name in ("cp850", "cp1252")},
    "misread and encoded again": lambda text: nfd(text).decode("cp437").encode(),
}


def folder(name):
    return f"{name.replace(chr(39), '')}_1045_assignsubmission_file_/lab.ipynb"


@pytest.mark.parametrize("encoded", ENCODINGS.values(), ids=ENCODINGS)
def test_names_in_a_zip_that_does_not_tell_their_encoding(course, tmp_path, encoded):
    entries = [(unflagged(encoded(folder(name))), UNSIGNED) for name in NAMES]
    report = collect(course, LAB, make_zip(tmp_path / "all.zip", entries), "moodle")
    assert [(item.student, item.file) for item in report.accepted] == [
        (student.id, folder(student.name)) for student in KNOWN.students
    ]
    assert report.unchecked == () and report.missing == ()


def test_names_in_a_zip_of_many_encodings(course, tmp_path):
    entries = [
        (unflagged(encoded(folder(name))), UNSIGNED)
        for name, encoded in zip(NAMES, ENCODINGS.values(), strict=True)
    ]
    report = collect(course, LAB, make_zip(tmp_path / "all.zip", entries), "moodle")
    assert len(report.accepted) == len(NAMES)


@pytest.mark.parametrize("encoded", ENCODINGS.values(), ids=ENCODINGS)
def test_who_hands_in_for_somebody_else_is_found_out_in_any_encoding(course, tmp_path, encoded):
    entries = [(unflagged(encoded(folder(NAMES[1]))), content(identity("s0", "Ana")))]
    report = collect(course, LAB, make_zip(tmp_path / "all.zip", entries), "moodle")
    assert report.accepted == ()
    assert "handed in by s1, but its identity cell names s0" in report.refused[0].reason


def test_a_name_in_utf8_beside_the_other_is_read_if_it_is_of_it(course, tmp_path):
    text = folder(NAMES[1]).encode()
    for checksum, students in ((zlib.crc32(b"x"), ["s1"]), (0, [])):
        field = b"\1" + checksum.to_bytes(4, "little") + text
        extra = b"\x75\x70" + len(field).to_bytes(2, "little") + field
        path = make_zip(tmp_path / "all.zip", [(unflagged(b"x", extra), UNSIGNED)])
        report = collect(course, LAB, path, "moodle")
        assert [item.student for item in report.accepted] == students


def test_a_folder_may_have_names_in_bytes_of_windows(course, inbox):
    import os

    place = os.path.join(os.fsencode(inbox.path), folder(NAMES[1]).encode("cp1252"))
    os.makedirs(os.path.dirname(place))
    with open(place, "wb") as file:
        file.write(UNSIGNED)
    (accepted,) = collect(course, LAB, inbox.path, "moodle").accepted
    assert (accepted.student, accepted.file) == ("s1", folder(NAMES[1]))


def test_backslashes_are_folders_and_folders_are_no_files(course, tmp_path):
    entries = [(unflagged(b"s1\\"), b""), (unflagged(b"s1\\lab.ipynb"), UNSIGNED)]
    report = collect(course, LAB, make_zip(tmp_path / "all.zip", entries), "zip")
    assert report.lines()[0].startswith("accepted s1: s1/lab.ipynb")
    assert report.refused == ()


def test_two_readings_of_a_name_that_are_two_students_are_both_meant():
    roster = Roster((Student("u1", "José Gil"), Student("u2", "Josu Gil")))
    names = spellings("José Gil_1_assignsubmission_file_".encode("cp1252"))
    _, found = sender(LAYOUTS["moodle"], names, roster)
    assert {student.id for student in found.students} == {"u1", "u2"}


@pytest.mark.parametrize(
    ("source", "name", "student"),
    [
        ("moodle", "Grupo A-Ana López Gil_1045_assignsubmission_file_/lab.ipynb", "s0"),
        ("moodle", "Group A - 2-Lunes-ANA LOPEZ GIL_1045_assignsubmission_file/lab.ipynb", "s0"),
        ("moodle", "G-1-Pat OBrien-Smith_1045_assignsubmission_file_/lab.ipynb", "s3"),
        ("moodle", "DL-Lab 1-7/Cy D’Été_1045_assignsubmission_file_lab.ipynb", "s2"),
        ("canvas", "lópezgilana_5120_883311_lab-1.ipynb", "s0"),
        ("canvas", "LATE_1_2_x/obriensmithpat_LATE_5121_883312_lab (1).ipynb", "s3"),
        ("canvas", "détécy_5123_883314_hand_in_2_3.ipynb", "s2"),
        ("folder", "S1/lab.ipynb", "s1"),
        ("folder", "ś1/lab.ipynb", "s1"),
        ("folder", "s1 (1).ipynb", "s1"),
        ("folder", "s1 - copia.ipynb", "s1"),
        ("folder", "s1 - Copy (2).ipynb", "s1"),
        ("folder", "s1 copia 2.ipynb", "s1"),
        ("folder", "Copia de s1.ipynb", "s1"),
        ("folder", "class/s1 (2)/final.ipynb", "s1"),
        ("folder", "s1.ipynb.txt", "s1"),
    ],
)
def test_what_platforms_and_people_put_around_a_name(course, inbox, source, name, student):
    inbox.write(name, UNSIGNED)
    report = collect(course, LAB, inbox.path, source)
    assert [item.student for item in report.accepted] == [student]
    assert report.unchecked == ()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("moodle", "Participante_1045_assignsubmission_file_/lab.ipynb"),
        ("moodle", "Participant 12_1045_assignsubmission_file_/lab.ipynb"),
        ("moodle", "Ana Lopes_1045_assignsubmission_file_/lab.ipynb"),
        ("canvas", "anon_Ab12c_883315_lab.ipynb"),
        ("canvas", "lopesana_5120_883311_lab.ipynb"),
        ("folder", "s1-2.ipynb"),
        ("folder", "x9/lab.ipynb"),
        ("classroom", "lab.ipynb"),
    ],
)
def test_where_the_path_names_nobody_that_is_said_in_one_line(course, inbox, source, name):
    inbox.write(name, content(identity("s0", "Ana")))
    report = collect(course, LAB, inbox.path, source)
    assert [item.student for item in report.accepted] == ["s0"]
    (line,) = (line for line in report.totals() if "cross-check" in line)
    assert "is off" in line and name in line


def test_namesakes_are_both_named_and_the_identity_cell_decides(course, inbox):
    with course.roster.open("a", encoding="utf-8") as file:
        file.write("s9;Gil, Ana Lopez\n")
    name = "Ana López Gil_1045_assignsubmission_file_/lab.ipynb"
    inbox.write(name, UNSIGNED)
    refused = reasons(collect(course, LAB, inbox.path, "moodle"))
    assert "may name s0 or s9" in refused[name]
    inbox.write(name, content(identity("s1", "Álvaro")))
    refused = reasons(collect(course, LAB, inbox.path, "moodle"))
    assert "handed in by s0 or s9, but its identity cell names s1" in refused[name]
    inbox.write(name, content(identity("s9", "Ana")))
    assert [item.student for item in collect(course, LAB, inbox.path, "moodle").accepted] == ["s9"]


def test_texts_typed_into_moodle_are_passed_over_beside_a_notebook(course, inbox):
    inbox.write("Ana López Gil_1045_assignsubmission_file_/lab.ipynb", UNSIGNED)
    for name in ("Ana López Gil_1045", "Cy DÉté_1046"):
        inbox.write(f"{name}_assignsubmission_onlinetext/onlinetext.html", b"<p>hi</p>")
    report = collect(course, LAB, inbox.path, "moodle")
    assert report.passed_over == 1
    assert ["typed into Moodle" in reason for reason in reasons(report).values()] == [True]


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("lab (1).ipynb", "lab.ipynb"),
        ("lab (10).ipynb", "lab (9).ipynb"),
        ("lab-1.ipynb", "lab.ipynb"),
        ("lab - copia.ipynb", "lab.ipynb"),
        ("lab copy 3.ipynb", "lab copy 2.ipynb"),
        ("Copia de lab.ipynb", "lab.ipynb"),
    ],
)
def test_of_copies_handed_in_at_once_the_last_one_counts_whatever_the_order(later, earlier):
    assert copy_number(later) > copy_number(earlier)


def test_hostile_names_take_no_time():
    for name in ("(1)" * 1300, "copia de " * 400, " " * 4000 + "x", "-" * 4000, "_1" * 2000):
        copy_number(name)
        for layout in LAYOUTS.values():
            sender(layout, (name,), KNOWN)
