import json
import os
import random
import re
import shutil
import stat
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import nbformat.v4
import pytest

from grading.cells.identity import Identity, Member
from grading.collect import Accepted, archive, collect, credit
from grading.collect import collecting as module
from grading.collect.submitted import Place
from grading.errors import UserError
from tests.collect.handing import (
    ANA,
    ANAS,
    EVA,
    JUAN,
    LAB,
    NOON,
    PAIR,
    ROSTER,
    content,
    identity,
    make_zip,
    note,
    notebook,
    reasons,
    stored,
)

# --- what a good hand-in becomes ------------------------------------------------------------------


def test_a_submission_is_stored_as_it_was_handed_in(course, inbox):
    inbox.write("any name.ipynb", ANAS)
    report = collect(course, LAB, inbox.path, "folder")
    assert report.lines() == ["accepted u1: any name.ipynb"]
    assert stored(course, "u1") == ANAS
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:00:00.000000 UTC"
    assert note(course, "u1", "partner.txt") is None


def test_nbgrader_reads_the_time(course, inbox):
    from nbgrader.utils import parse_utc

    inbox.write("lab.ipynb", ANAS, minutes=30)
    collect(course, LAB, inbox.path, "folder")
    assert parse_utc(note(course, "u1", "timestamp.txt")) == datetime(2024, 11, 20, 12, 30)


def test_a_pair_gets_a_copy_each(course, inbox):
    inbox.write("lab.ipynb", PAIR)
    report = collect(course, LAB, inbox.path, "folder")
    assert report.accepted == (
        Accepted("u1", "lab.ipynb", "u2"),
        Accepted("u2", "lab.ipynb", "u1"),
    )
    assert stored(course, "u1") == stored(course, "u2") == PAIR
    assert (note(course, "u1", "partner.txt"), note(course, "u2", "partner.txt")) == ("u2", "u1")


@pytest.mark.parametrize("name", ["u1.ipynb", "u1/lab.ipynb", "group A/U1/lab/final.ipynb"])
def test_a_blank_identity_cell_is_made_up_for_by_the_path(course, inbox, name):
    inbox.write(name, content(identity()))
    (line,) = collect(course, LAB, inbox.path, "folder").lines()
    assert line.startswith(f"accepted u1: {name} (the identity cell is blank")


@pytest.mark.parametrize("name", ["u1_final.ipynb", "lab.ipynb", "Ana López Gil/lab.ipynb"])
def test_a_blank_identity_cell_with_any_other_path_is_refused(course, inbox, name):
    inbox.write(name, content(identity()))
    report = collect(course, LAB, inbox.path, "folder")
    assert "identity cell is blank" in reasons(report)[name]
    assert not (course.home / "submitted").exists()


def test_an_identity_that_differs_from_the_folders_student_is_refused(course, inbox):
    inbox.write("u3/lab.ipynb", ANAS)
    report = collect(course, LAB, inbox.path, "folder")
    assert "handed in by u3, but its identity cell names u1" in reasons(report)["u3/lab.ipynb"]


def test_a_pair_may_hand_in_from_the_second_members_folder(course, inbox):
    inbox.write("u2/lab.ipynb", PAIR)
    assert [item.student for item in collect(course, LAB, inbox.path, "folder").accepted] == [
        "u1",
        "u2",
    ]


@pytest.mark.parametrize(
    "data",
    [
        ANAS.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + ANAS,
        content(identity("u1", "Ana"), metadata=False),
        json.dumps({**json.loads(ANAS), "nbformat_minor": 2}).encode(),
    ],
    ids=["CRLF", "BOM", "without metadata", "older format"],
)
def test_what_other_editors_save_is_accepted_byte_for_byte(course, inbox, data):
    inbox.write("lab.ipynb", data)
    assert collect(course, LAB, inbox.path, "folder").refused == ()
    assert stored(course, "u1") == data


def test_large_outputs_are_dropped_and_that_is_said(course, inbox, monkeypatch):
    monkeypatch.setattr(module, "STRIP_ABOVE", 50_000)
    large = notebook(identity("u1", "Ana"))
    large.cells[1].outputs = [nbformat.v4.new_output("stream", text="x" * 100_000)]
    inbox.write("lab.ipynb", nbformat.writes(large).encode())
    (line,) = collect(course, LAB, inbox.path, "folder").lines()
    assert line == "accepted u1: lab.ipynb (0.1 MB: kept without its outputs)"
    kept = nbformat.reads(stored(course, "u1").decode(), as_version=4)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in large.cells]
    assert kept.cells[1].outputs == []


# --- latest wins, and nothing is lost -------------------------------------------------------------


def test_the_latest_of_several_wins_and_the_report_says_so(course, inbox):
    later = content(identity("u1", "Ana"), answer="loss = 2")
    inbox.write("a later.ipynb", later, minutes=5)
    inbox.write("b earlier.ipynb", ANAS)
    report = collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == later
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:05:00.000000 UTC"
    assert [item.file for item in report.accepted] == ["a later.ipynb"]
    (replaced,) = report.replaced
    assert str(replaced).startswith(
        "u1: b earlier.ipynb of 2024-11-20 12:00 UTC gives way to a later.ipynb of 2024-11-20 12:05"
    )
    assert (replaced.kept / f"{LAB}.ipynb").read_bytes() == ANAS
    assert (replaced.kept / "timestamp.txt").read_text() == "2024-11-20 12:00:00.000000 UTC"


def test_an_older_archive_does_not_undo_a_later_one(course, inbox):
    later = content(identity("u1", "Ana"), answer="loss = 2")
    inbox.write("later.ipynb", later, minutes=5)
    collect(course, LAB, inbox.path, "folder")
    (inbox.path / "later.ipynb").unlink()
    inbox.write("earlier.ipynb", ANAS)
    report = collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == later
    assert report.accepted == ()
    assert report.lines() == [
        "replaced u1: earlier.ipynb of 2024-11-20 12:00 UTC gives way to "
        "the one collected before of 2024-11-20 12:05 UTC"
    ]


def test_collecting_the_same_again_changes_nothing(course, inbox):
    inbox.write("lab.ipynb", PAIR)
    collect(course, LAB, inbox.path, "folder")
    before = {path: path.read_bytes() for path in course.home.rglob("*") if path.is_file()}
    inbox.write("lab.ipynb", PAIR, minutes=60)  # downloaded anew
    report = collect(course, LAB, inbox.path, "folder")
    after = {path: path.read_bytes() for path in course.home.rglob("*") if path.is_file()}
    assert before == after
    assert [(item.same_as, item.unchanged) for item in report.accepted] == [
        ("the one collected before", True)
    ] * 2


def test_a_bad_later_one_leaves_the_earlier_one_alone(course, inbox):
    inbox.write("lab.ipynb", ANAS)
    collect(course, LAB, inbox.path, "folder")
    inbox.write("u1.ipynb", ANAS[:-30], minutes=5)
    report = collect(course, LAB, inbox.path, "folder")
    assert "cut short" in reasons(report)["u1.ipynb"]
    assert stored(course, "u1") == ANAS


def test_handing_in_alone_after_a_pair_forgets_the_partner_for_oneself_only(course, inbox):
    inbox.write("pair.ipynb", PAIR)
    inbox.write("alone.ipynb", content(identity("u2", "Juan")), minutes=5)
    report = collect(course, LAB, inbox.path, "folder")
    assert note(course, "u2", "partner.txt") is None
    assert note(course, "u1", "partner.txt") == "u2"
    (replaced,) = report.replaced
    assert (replaced.kept / "partner.txt").read_text() == "u1"


def test_a_run_that_was_killed_is_completed_by_the_next(course, inbox, monkeypatch):
    inbox.write("lab.ipynb", ANAS)
    collect(course, LAB, inbox.path, "folder")
    later = content(identity("u1", "Ana"), answer="loss = 2")
    inbox.write("lab.ipynb", later, minutes=5)

    calls = []
    original = os.replace

    def killed(source, target):
        calls.append(target)
        if str(target).endswith(".ipynb"):
            raise KeyboardInterrupt
        original(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            collect(course, LAB, inbox.path, "folder")
    assert calls
    assert stored(course, "u1") == ANAS
    collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == later
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:05:00.000000 UTC"


def test_a_disk_that_refuses_is_one_line(course, inbox, monkeypatch):
    inbox.write("lab.ipynb", ANAS)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot write the submission of u1: .*No space left"):
        collect(course, LAB, inbox.path, "folder")


# --- who is credited ------------------------------------------------------------------------------


def named(*members):
    return Identity(tuple(Member(*member) for member in members))


def senders(uploader):
    return (uploader,) if uploader else ()


@pytest.mark.parametrize(
    ("members", "uploader", "students", "said"),
    [
        ([("u1", "Ana")], None, ("u1",), ""),
        ([(" U1 ", "Ana")], None, ("u1",), ""),
        ([("u1", "Ana"), ("u2", "Juan")], None, ("u1", "u2"), ""),
        ([("u1", "Ana"), ("u2", "")], None, ("u1",), "u2 has not signed and is not credited"),
        ([("u1", ""), ("u2", "Juan")], None, ("u2",), "u1 has not signed and is not credited"),
        ([("u1", ""), ("u2", "")], None, ("u1",), "declaration is not signed.*u2 has not signed"),
        ([("u1", ""), ("u2", "")], JUAN, ("u2",), "declaration is not signed.*u1 has not signed"),
        ([("u1", "")], None, ("u1",), "declaration is not signed"),
        ([("u1", "Ana"), ("x9", "Someone")], None, ("u1",), "'x9' is not on the roster"),
        ([("x9", "Someone"), ("u2", "Juan")], None, ("u2",), "'x9' is not on the roster"),
        ([("u1", "Ana"), ("U1", "")], None, ("u1",), ""),
        ([], EVA, ("u3",), "the identity cell is blank"),
        ([("x9", "Ana")], ANA, ("u1",), "'x9' is not on the roster; credited by the path"),
        ([("x9", ""), ("u2", "Juan")], ANA, ("u1", "u2"), "by the path; .* is not signed"),
        ([("u1", ""), ("u2", "Juan")], ANA, ("u1", "u2"), "declaration is not signed"),
        ([("u 1", "Ana")], None, ("u1",), "'u 1' is taken for u1"),
        ([("Juan Pérez Mar", "Juan")], JUAN, ("u2",), "'Juan Pérez Mar' is taken for u2"),
        ([("u1, u2", "Ana")], None, ("u1",), "taken for u1 and u2; u2 has not signed"),
        ([("u1 y u2", "Juan")], JUAN, ("u2",), "taken for u2 and u1; u1 has not signed"),
        ([("u1 (Ana López Gil)", "Ana")], None, ("u1",), "is taken for u1"),
    ],
)
def test_only_who_signed_and_is_on_the_roster_is_credited(members, uploader, students, said):
    due = credit(named(*members), senders(uploader), ROSTER)
    assert due.students == students
    assert re.search(said, "; ".join(due.notes))
    assert bool(due.notes) == bool(said)


@pytest.mark.parametrize(
    ("members", "uploader", "reason"),
    [
        ([], None, "blank or missing"),
        ([("x9", "Someone")], None, "'x9' is not on the roster"),
        ([("u1", "Ana"), ("u2", "Juan")], EVA, "handed in by u3, .* names u1 and u2"),
        ([("Ana López Gil", "Ana")], EVA, "taken for u1|handed in by u3, .* names u1"),
    ],
)
def test_what_cannot_be_credited_is_refused(members, uploader, reason):
    with pytest.raises(UserError, match=reason):
        credit(named(*members), senders(uploader), ROSTER)


# --- the lab --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (content(identity("u1", "Ana"), lab="lab2_rnn"), "another lab: .*'lab2_rnn'"),
        (content(identity("u1", "Ana"), lab="lab2_rnn", check="x", metadata=False), "is not lab1"),
        (content(identity("u1", "Ana"), lab="", check="x"), "is not lab1"),
    ],
    ids=["said", "without metadata", "with other grade ids"],
)
def test_another_lab_is_refused(course, inbox, data, reason):
    inbox.write("lab.ipynb", data)
    assert re.search(reason, reasons(collect(course, LAB, inbox.path, "folder"))["lab.ipynb"])


def test_before_the_lab_is_built_a_notebook_without_metadata_is_believed(course, inbox):
    shutil.rmtree(course.root / "notebooks")
    inbox.write("lab.ipynb", content(identity("u1", "Ana"), check="x", metadata=False))
    assert collect(course, LAB, inbox.path, "folder").refused == ()


# --- files that are no notebooks ------------------------------------------------------------------


def test_every_other_kind_of_file_is_refused_by_name(course, inbox):
    inbox.write("good.ipynb", ANAS)
    inbox.write("empty.ipynb", b"")
    inbox.write("essay.ipynb", b"Dear professor, my dog ate it")
    inbox.write("essay.docx", b"PK")
    inbox.write("truncated.ipynb", ANAS[: len(ANAS) // 2])
    inbox.write("list.ipynb", b"[1, 2]")
    inbox.write("folder.ipynb/inner.txt", b"")
    os.mkfifo(inbox.path / "pipe.ipynb")
    (inbox.path / "link.ipynb").symlink_to(inbox.path / "good.ipynb")
    (inbox.path / "away").symlink_to("/")
    report = collect(course, LAB, inbox.path, "folder")
    assert [item.student for item in report.accepted] == ["u1"]
    expected = {
        "away": "symbolic link",
        "empty.ipynb": "empty",
        "essay.docx": "name ends in .ipynb",
        "essay.ipynb": "begins with 'Dear professor, my d'",
        "folder.ipynb": "folder",
        "link.ipynb": "symbolic link",
        "list.ipynb": "without a list of cells",
        "pipe.ipynb": "named pipe",
        "truncated.ipynb": "cut short",
    }
    assert reasons(report).keys() == expected.keys()
    for name, part in expected.items():
        assert part in reasons(report)[name]
    assert all(len(line.splitlines()) == 1 for line in report.lines())


def test_what_systems_and_editors_leave_behind_is_passed_over(course, inbox):
    inbox.write("lab.ipynb", ANAS)
    for name in (".DS_Store", "__MACOSX/._lab.ipynb", ".ipynb_checkpoints/lab-checkpoint.ipynb"):
        inbox.write(name, b"x", minutes=9)
    assert collect(course, LAB, inbox.path, "folder").lines() == ["accepted u1: lab.ipynb"]


@pytest.mark.parametrize("name", ["lab.ipynb.txt", "lab.json", "LAB.IPYNB"])
def test_names_that_mail_programs_change_are_read_all_the_same(course, inbox, name):
    inbox.write(name, ANAS)
    assert [item.file for item in collect(course, LAB, inbox.path, "folder").accepted] == [name]


def test_a_file_above_the_limit_is_refused_with_its_size(course, inbox, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILE", 1_000_000)
    inbox.write("lab.ipynb", ANAS + b" " * 2_500_000)
    reason = reasons(collect(course, LAB, inbox.path, "folder"))["lab.ipynb"]
    assert reason.startswith("it has 2.5 MB; at most 1.0 MB")


def test_a_file_that_turns_into_a_link_before_it_is_read_is_not_followed(course, inbox):
    target = inbox.write("target.ipynb", ANAS)
    swapped = inbox.write("swapped.ipynb", ANAS)
    with archive.opened(inbox.path) as listing:
        swapped.unlink()
        swapped.symlink_to(target)
        (upload,) = (item for item in listing.uploads if item.name == "swapped.ipynb")
        with pytest.raises(UserError, match="cannot be read"):
            upload.read()


def test_a_time_in_the_future_does_not_shut_out_what_comes_later(course, inbox):
    inbox.write("lab.ipynb", ANAS, minutes=60 * 24 * 365 * 100)
    collect(course, LAB, inbox.path, "folder")
    later = content(identity("u1", "Ana"), answer="loss = 2")
    (inbox.path / "lab.ipynb").write_bytes(later)
    collect(course, LAB, inbox.path, "folder")
    assert stored(course, "u1") == later


def test_names_cannot_write_to_the_terminal(course, inbox):
    inbox.write("x\x1b[2J\ny.ipynb", b"")
    (line,) = collect(course, LAB, inbox.path, "folder").lines()
    assert line.isprintable()


# --- zip files ------------------------------------------------------------------------------------


def test_a_zip_is_collected_as_a_folder_is(course, tmp_path):
    path = make_zip(
        tmp_path / "all.zip",
        [("class/u1/lab.ipynb", ANAS), ("class/u3.ipynb", content(identity()))],
    )
    report = collect(course, LAB, path, "zip")
    assert [(item.student, item.file) for item in report.accepted] == [
        ("u1", "class/u1/lab.ipynb"),
        ("u3", "class/u3.ipynb"),
    ]
    assert report.refused == ()
    local = datetime(2024, 11, 20, 12, 0).astimezone(UTC)
    assert note(course, "u1", "timestamp.txt") == f"{local:%Y-%m-%d %H:%M:%S.%f} UTC"


def _special(name, mode):
    entry = zipfile.ZipInfo(name, (2024, 11, 20, 12, 0, 0))
    entry.create_system = 3
    entry.external_attr = (mode | 0o644) << 16
    return entry


def test_paths_that_lead_out_of_a_zip_are_refused_and_write_nothing(course, tmp_path):
    names = [
        "../escape.ipynb",
        "a/../../escape.ipynb",
        "..\\escape.ipynb",
        "/tmp/escape.ipynb",
        "C:\\escape.ipynb",
        "\\\\server\\share\\escape.ipynb",
    ]
    path = make_zip(tmp_path / "all.zip", [(name, ANAS) for name in names] + [("ok.ipynb", ANAS)])
    report = collect(course, LAB, path, "zip")
    assert [item.file for item in report.accepted] == ["ok.ipynb"]
    assert len(report.refused) == len(names)
    assert all("its path in the zip" in item.reason for item in report.refused)
    assert not list(tmp_path.rglob("escape*"))


def test_links_and_pipes_in_a_zip_are_refused(course, tmp_path):
    path = make_zip(
        tmp_path / "all.zip",
        [
            (_special("link.ipynb", stat.S_IFLNK), b"/etc/passwd"),
            (_special("pipe.ipynb", stat.S_IFIFO), b""),
            (_special("folder.ipynb/", stat.S_IFDIR), b""),
            ("notes.pdf", b"x"),
        ],
    )
    found = reasons(collect(course, LAB, path, "zip"))
    assert "symbolic link" in found["link.ipynb"]
    assert "named pipe" in found["pipe.ipynb"]
    assert "folder" in found["folder.ipynb/"]
    assert "name ends in .ipynb" in found["notes.pdf"]


def test_entries_that_expand_too_far_are_refused_unread(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MIN_RATIO_SIZE", 1_000_000)
    monkeypatch.setattr(archive, "MAX_FILE", 5_000_000)
    path = make_zip(
        tmp_path / "all.zip",
        [
            ("a ratio.ipynb", b"0" * 3_000_000),
            ("b size.ipynb", os.urandom(1) * 6_000_000),
            ("c good.ipynb", ANAS),
        ],
    )
    report = collect(course, LAB, path, "zip")
    assert [item.file for item in report.accepted] == ["c good.ipynb"]
    assert "times, to 3.0 MB" in reasons(report)["a ratio.ipynb"]
    assert "6.0 MB" in reasons(report)["b size.ipynb"]


def test_a_zip_that_expands_too_far_in_all_is_refused_from_there_on(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL", len(ANAS) + 10)
    path = make_zip(tmp_path / "all.zip", [("a.ipynb", ANAS), ("b.ipynb", ANAS)])
    report = collect(course, LAB, path, "zip")
    assert [item.file for item in report.accepted] == ["a.ipynb"]
    assert "the zip expands to more than" in reasons(report)["b.ipynb"]


def test_a_zip_with_too_many_entries_is_refused(course, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ENTRIES", 1)
    path = make_zip(tmp_path / "all.zip", [("a.ipynb", ANAS), ("b.ipynb", ANAS)])
    with pytest.raises(UserError, match="2 entries; at most 1"):
        collect(course, LAB, path, "zip")


def test_an_encrypted_entry_is_refused(course, tmp_path):
    path = make_zip(tmp_path / "all.zip", [("a.ipynb", ANAS)])
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in reasons(collect(course, LAB, path, "zip"))["a.ipynb"]


def test_a_damaged_entry_is_refused_and_the_others_are_taken(course, tmp_path):
    path = make_zip(tmp_path / "all.zip", [("a.ipynb", PAIR), ("u3.ipynb", content(identity()))])
    data = bytearray(path.read_bytes())
    start = data.index(b"a.ipynb") + len("a.ipynb")
    data[start + 20 : start + 60] = bytes(40)
    path.write_bytes(data)
    report = collect(course, LAB, path, "zip")
    assert "damaged" in reasons(report)["a.ipynb"]
    assert [item.student for item in report.accepted] == ["u3"]


def test_every_mutant_of_a_zip_is_read_or_refused_in_one_line(course, tmp_path):

    rng = random.Random(20261120)
    good = make_zip(
        tmp_path / "all.zip", [("u1.ipynb", ANAS), ("u2/b.ipynb", content())]
    ).read_bytes()
    outcomes = set()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rng.choice((1, 2, 8))):
            # the directory at the end is where the format's numbers are
            data[rng.randrange(len(data) - 180, len(data))] = rng.randrange(256)
        path = tmp_path / "mutant.zip"
        path.write_bytes(data)
        try:
            report = collect(course, LAB, path, "zip")
            assert all(len(line.splitlines()) == 1 for line in report.lines())
            outcomes.add("refused" if report.refused else "accepted")
        except UserError as error:
            assert len(str(error).splitlines()) == 1
            outcomes.add("no zip")
    assert outcomes == {"accepted", "refused", "no zip"}


def test_a_time_that_knows_no_zone_comes_before_local_time(course, tmp_path):
    entry = zipfile.ZipInfo("a.ipynb", (2024, 11, 20, 23, 59, 58))
    entry.extra = b"UT\x05\0\1" + int(NOON.timestamp()).to_bytes(4, "little")
    collect(course, LAB, make_zip(tmp_path / "all.zip", [(entry, ANAS)]), "zip")
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:00:00.000000 UTC"


def test_an_impossible_date_falls_back_to_the_zips_own(course, tmp_path):
    entry = zipfile.ZipInfo("a.ipynb", (1980, 0, 0, 0, 0, 0))
    path = make_zip(tmp_path / "all.zip", [(entry, ANAS)])
    os.utime(path, (NOON.timestamp(), NOON.timestamp()))
    collect(course, LAB, path, "zip")
    assert note(course, "u1", "timestamp.txt") == "2024-11-20 12:00:00.000000 UTC"


# --- archives of learning platforms ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("moodle", "Ana López Gil_104512_assignsubmission_file_/lab.ipynb"),
        ("moodle", "Ana López Gil_104512_assignsubmission_file_lab.ipynb"),
        ("canvas", "lopezgilana_5120_883311_lab.ipynb"),
        ("canvas", "lopezgilana_LATE_5120_883311_lab-1.ipynb"),
    ],
)
def test_platforms_name_who_handed_in(course, tmp_path, source, name):
    path = make_zip(tmp_path / "all.zip", [(name, content(identity("u1", "Ana")))])
    report = collect(course, LAB, path, source)
    notes = ("LATE, says Canvas",) if "LATE" in name else ()
    assert [(item.student, item.notes) for item in report.accepted] == [("u1", notes)]
    path = make_zip(tmp_path / "blank.zip", [(name, content(identity(), answer="loss = 2"))])
    assert [item.student for item in collect(course, LAB, path, source).accepted] == ["u1"]
    path = make_zip(tmp_path / "other.zip", [(name, content(identity("u3", "Eva")))])
    (refused,) = collect(course, LAB, path, source).refused
    assert "handed in by u1, but its identity cell names u3" in refused.reason


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("moodle", "Participante 12_104512_assignsubmission_file_/lab.ipynb"),
        ("moodle", "lab.ipynb"),
        ("canvas", "lab.ipynb"),
        ("classroom", "Eva Sanz Ruiz - lab.ipynb"),
        ("classroom", "Copia de lab.ipynb"),
    ],
)
def test_where_the_path_names_nobody_the_identity_cell_decides(course, inbox, source, name):
    inbox.write(name, ANAS)
    assert [item.student for item in collect(course, LAB, inbox.path, source).accepted] == ["u1"]


# --- wrong usage ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lab", "name", "source", "reason"),
    [
        ("lab9", ".", "folder", "there is no lab 'lab9'"),
        (LAB, ".", "pigeon", "cannot collect from 'pigeon'; expected one of folder, zip, moodle"),
        (LAB, "missing", "folder", "missing is not there"),
        (LAB, "missing.zip", "zip", "missing.zip is not there"),
        (LAB, ".", "zip", "try --from folder"),
        (LAB, "broken.zip", "folder", "try --from zip"),
        (LAB, "broken.zip", "zip", "cannot be opened as a zip file"),
        (LAB, "nothing", "folder", "there are no files"),
    ],
)
def test_wrong_usage_is_one_line(course, inbox, lab, name, source, reason):
    inbox.write("broken.zip", b"PK\x03\x04 cut")
    (inbox.path / "nothing").mkdir()
    with pytest.raises(UserError, match=reason) as caught:
        collect(course, lab, inbox.path / name, source)
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_roster_nothing_is_collected(course, inbox):
    course.roster.unlink()
    inbox.write("lab.ipynb", ANAS)
    with pytest.raises(UserError, match=r"no roster at .*student_id,name,email,group"):
        collect(course, LAB, inbox.path, "folder")
    assert not course.home.exists()


@pytest.mark.parametrize(
    ("zone", "hour"), [("Europe/Madrid", 11), ("America/Lima", 17), ("Etc/UTC", 12)]
)
def test_a_zips_times_are_those_of_the_courses_zone(course, tmp_path, zone, hour):
    path = make_zip(tmp_path / "h.zip", [("u1/lab.ipynb", ANAS)])
    there = replace(course, timezone=zone)
    collect(there, LAB, path, "zip")
    assert Place(course.home, "u1", LAB).modified() == datetime(2024, 11, 20, hour, tzinfo=UTC)
