"""An LMS's own file, filled with marks: only what is meant changes, and the LMS takes it."""

import csv
import io
from dataclasses import replace

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from grading.cli.app import app
from grading.collect.submitted import HandedIn, Place
from grading.course.config import Course, LabInfo
from grading.course.roster import Roster, Student
from grading.errors import UserError
from grading.gradebook.marks import Marks
from grading.judging.results import GRADED, CheckMark, Result
from grading.reporting.export import fill_gradebook, fill_worksheet
from grading.reporting.standings import class_view
from tests import mini
from tests.reporting.lms import (
    CANVAS_EN,
    CANVAS_ES,
    MOODLE_EN,
    MOODLE_ES,
    canvas_takes,
    moodle_takes,
)
from tests.reporting.marked import records

ROSTER = Roster(
    (
        Student("u1", "Ana López Gil", "ana@um.example", "G1"),
        Student("u2", 'José "Pepe" Ñu, de', "pepe@um.example", "G2"),
        Student("u3", "Wei", "wei@um.example", "G1"),
        Student("u4", "Eva Sanz", "EVA@um.example", "G1"),
    )
)
MOODLE = {"en": MOODLE_EN, "es": MOODLE_ES}
CANVAS = {"en": CANVAS_EN, "es": CANVAS_ES}


def result(student, marks, reason=""):
    return Result(
        student,
        "lab",
        marks,
        10.0,
        GRADED,
        checks=[CheckMark("check", "step", marks, 10.0, reason)],
    )


RESULTS = [result("u1", 7.25, '=a; =b, "c"'), result("u2", 10.0), result("u4", 0.0, "empty")]


def course_in(folder, lang="en"):
    lab = LabInfo("lab", {"en": "First lab", "es": "Primera práctica"})
    return Course(folder, "C", "U", "2030", lang, "o/r", "main", folder / "r.csv", (lab,))


def view_of(results=RESULTS, roster=ROSTER):
    return class_view(records(results), roster)


def worksheet(folder, text, ids=None, lang="en", view=None):
    path = folder / "Calificaciones-LAB-7.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    filled, warnings = fill_worksheet(
        course_in(folder, lang), "lab", view or view_of(), path, ids or {}
    )
    return filled.read_bytes(), warnings


def gradebook(folder, text, ids=None, column="", view=None):
    path = folder / "2026-10-07T1010_Grades-DL.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    filled, warnings = fill_gradebook(
        course_in(folder), "lab", view or view_of(), path, ids or {}, column
    )
    return filled.read_bytes(), warnings


def cells(content, delimiter):
    text = content.decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


# --- Moodle --------------------------------------------------------------------------------------


def test_an_english_worksheet_is_filled_and_every_other_byte_stays(tmp_path):
    content, _ = worksheet(tmp_path, MOODLE_EN)
    comment = '✗ step: 7.25 of 10 marks: =a;\' =b, "c"'
    (ana,) = [row for row in cells(content, ",") if row[0] == "Participant 101"]
    assert ana[-1].startswith("✗ step: 7.25 of 10")
    quoted = comment.replace('"', '""')
    expected = MOODLE_EN.replace(
        'grading - ",,10.00,Yes,"Monday, 5 October 2026, 10:00 AM",-,\n',
        f'grading - ",7.25,10.00,Yes,"Monday, 5 October 2026, 10:00 AM",-,"{quoted}"\n',
    )
    expected = expected.replace(",3.00,", ",10,")
    expected = expected.replace(
        'grading - ",,10.00,No,-,-,\n', 'grading - ",0,10.00,No,-,-,✗ step: 0 of 10 marks: empty\n'
    )
    assert content.decode() == expected


def test_a_spanish_worksheet_keeps_its_semicolons_commas_quotes_and_ends(tmp_path):
    content, _ = worksheet(tmp_path, MOODLE_ES, lang="es")
    before, after = (text.splitlines(keepends=True) for text in (MOODLE_ES, content.decode()))
    assert [line for line in before if line not in after] == [before[1], before[2], before[4]]
    assert after[1] == before[1].replace("calificar;;", "calificar;7,25;").replace(
        '""\r\n', '"✗ step: 7.25 de 10 puntos: =a;\' =b, ""c"""\r\n'
    )
    assert after[2] == before[2].replace(";3,00;", ";10;")
    assert after[4].startswith(before[4].replace("calificar;;", "calificar;0;")[:-2])
    assert not after[4].endswith("\n")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_moodle_takes_what_was_filled(tmp_path, lang):
    content, _ = worksheet(tmp_path, MOODLE[lang], lang=lang)
    taken = moodle_takes(content, lang)
    assert {number: grade for number, (grade, _) in taken.items()} == {
        101: 7.25,
        102: 10.0,
        104: 0.0,
    }
    assert taken[101][1].startswith("✗ step: 7.25 ")
    before = {row[0]: row[-1] for row in cells(MOODLE[lang].encode(), ",;"[lang == "es"])}
    assert taken[102][1] in before.values()  # full marks say nothing, so Moodle's comment stays


def test_a_cell_is_quoted_where_it_was_or_must_be(tmp_path):
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(cells(MOODLE_ES.encode(), ";"))
    content, _ = worksheet(tmp_path, stream.getvalue(), lang="es")
    ana = next(line for line in content.decode().splitlines() if "ana@um" in line)
    assert ',"7,25","10,00",' in ana
    assert ',"10","10,00",' in content.decode()  # quoted because it was
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(cells(MOODLE_ES.encode(), ";"))
    content, _ = worksheet(tmp_path, stream.getvalue(), lang="es")
    rows = {row[0]: row[4] for row in cells(content, ",")}
    assert (rows["Participante 101"], rows["Participante 103"]) == ("7,25", "")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_without_names_and_addresses_the_collected_number_decides(tmp_path, lang):
    text = MOODLE[lang]
    for address in ("ana", "pepe", "wei", "eva"):
        text = text.replace(f"{address}@um.example", "")
    for student in ("u1", "u2", "u3"):
        text = text.replace(f",{student},", ",,")
    ids = {
        "u1": {"lms": "moodle", "participant": "102"},
        "u2": {"lms": "moodle", "participant": "101"},
        "u4": {"lms": "canvas", "user": "104"},
    }
    content, warnings = worksheet(tmp_path, text, ids, lang)
    taken = moodle_takes(content, lang)
    assert {number: grade for number, (grade, _) in taken.items()} == {102: 7.25, 101: 10.0}
    assert [line for line in warnings if "u4" in line and "not given back" in line]


def test_without_an_address_the_id_number_decides(tmp_path):
    text = MOODLE_EN.replace("ana@um.example", "").replace("pepe@um.example", "p@else.example")
    content, _ = worksheet(tmp_path, text.replace(",u1,", ",U1,"))
    assert moodle_takes(content, "en")[101][0] == 7.25
    assert moodle_takes(content, "en")[102][0] == 10.0


def test_a_worksheet_without_comments_gets_marks_only(tmp_path):
    text = "Identifier,Grade,Email address,Last modified (grade)\nParticipant 1,,ana@um.example,-\n"
    content, _ = worksheet(tmp_path, text)
    assert content.decode() == text.replace("1,,", "1,7.25,")


def test_what_moodle_would_skip_or_lose_is_said_by_name(tmp_path):
    _, warnings = worksheet(tmp_path, MOODLE_EN)
    (others,) = [line for line in warnings if "other marks" in line]
    assert "u2 (Tuesday, 6 October 2026, 9:30 AM)" in others and "u1" not in others
    (locked,) = [line for line in warnings if "locked" in line]
    assert "u4" in locked and "u1" not in locked
    (strangers,) = [line for line in warnings if "nobody of the class" in line]
    assert strangers.endswith(": Left Early")
    assert len(warnings) == 3


def test_marks_on_another_scale_are_said_and_those_in_no_row_too(tmp_path):
    rows = MOODLE_EN.replace("10.00", "100.00").splitlines(keepends=True)
    _, warnings = worksheet(tmp_path, "".join(rows[:2]))
    assert any("10 marks" in line and "100.00" in line for line in warnings)
    assert any(
        {"u2", "u4"} <= {*line.replace(",", "").split()} and "not given back" in line
        for line in warnings
    )
    _, warnings = worksheet(tmp_path, MOODLE_EN)
    assert not any("marks are given as they are" in line for line in warnings)


GERMAN = (
    "ID,Vollständiger Name,Bewertung,Bestwertung,Zuletzt geändert (Bewertung)\n"
    "Teilnehmer/in 1,Ana,,10,-\n"
)
SWAPPED = {
    "u1": {"lms": "moodle", "participant": "102"},
    "u2": {"lms": "moodle", "participant": "101"},
}
CLASH = {"u1": {"lms": "moodle", "participant": "555"}}


@pytest.mark.parametrize(
    ("text", "ids", "said"),
    [
        (GERMAN, {}, "English or Spanish, with the columns Identifier/Identificador, Grade/"),
        (
            MOODLE_EN.replace("Last modified (grade)", "Changed"),
            {},
            "columns Last modified (grade)",
        ),
        (CANVAS_EN, {}, "expected Moodle's grading worksheet"),
        (MOODLE_EN.replace('"Maximum grade"', "Scale"), {}, "marked on a scale"),
        (MOODLE_EN.replace("10.00", "7.00"), {}, "maximum grade, 7.00; found u1 (7.25), u2 (10);"),
        (MOODLE_ES.replace("10,00", "7,50"), {}, "maximum grade, 7,50; found u2 (10);"),
        (MOODLE_EN, CLASH, "not those that were collected: u1 (555, here 101)"),
        (MOODLE_EN, SWAPPED, "that of another, on line 2 (u2 or u1), line 3 (u1 or u2): correct"),
        (MOODLE_EN.replace("um.example", "x").replace(",u", ",v"), {}, "of the class, found none"),
        (MOODLE_EN.replace("wei@um", "ana@um"), {}, "one line for each student, found u1 on lines"),
        (
            MOODLE_EN.replace("Participant 103", "Wei"),
            {},
            "line 5: expected an identifier with a nu",
        ),
        (MOODLE_EN.splitlines()[0], {}, "found none: no students"),
        ("", {}, "line 1: the file is empty"),
        (MOODLE_EN + 'Participant 9,"Bo', {}, "line 8: expected a line of CSV"),
        (MOODLE_EN + '"Participant 9"x,Bo\n', {}, "line 8: expected a line of CSV"),
        (MOODLE_ES.encode("cp1252", "ignore"), {}, "in UTF-8, found something else"),
        (MOODLE_EN.encode("utf-16"), {}, "in UTF-8, found something else"),
        (b"PK\x03\x04\x14\0\x06\0\xff\xfe", {}, "in UTF-8, found something else"),
        (
            "Identifier,Email address,Last modified (grade),Grade\nP 1,ana@um.example,-\n",
            {},
            "line 2: expected 4 cells, found 3",
        ),
    ],
)
def test_a_worksheet_that_does_not_fit_is_one_line_and_nothing_is_written(
    tmp_path, text, ids, said
):
    with pytest.raises(UserError) as caught:
        worksheet(tmp_path, text, ids)
    (line,) = str(caught.value).splitlines()
    assert said in line and "Calificaciones-LAB-7.csv" in line
    assert not (tmp_path / "course").exists()


def test_two_kinds_of_trouble_are_two_lines(tmp_path):
    text = MOODLE_EN.replace("wei@um", "ana@um")
    with pytest.raises(UserError) as caught:
        worksheet(tmp_path, text, CLASH)
    assert len(str(caught.value).splitlines()) == 2


def test_the_file_that_was_given_stays_and_its_copy_is_not_taken_for_it(tmp_path):
    worksheet(tmp_path, MOODLE_EN)
    assert (tmp_path / "Calificaciones-LAB-7.csv").read_bytes() == MOODLE_EN.encode()
    course = course_in(tmp_path)
    (made,) = (course.home / "reports" / "lab").iterdir()
    with pytest.raises(UserError, match="was filled before; give the file that Moodle gave you"):
        fill_worksheet(course, "lab", view_of(), made, {})
    with pytest.raises(UserError, match=r"cannot read .*none\.csv"):
        fill_worksheet(course, "lab", view_of(), tmp_path / "none.csv", {})


# --- Canvas --------------------------------------------------------------------------------------


def test_an_english_gradebook_is_filled_and_every_other_byte_stays(tmp_path):
    content, warnings = gradebook(tmp_path, CANVAS_EN)
    expected = CANVAS_EN.replace("G1,,4.00,,1.00", "G1,,4.00,7.25,1.00")
    assert content.decode() == expected.replace("4.00,3.00,", "4.00,10,")
    assert sorted(line.split(":")[0] for line in warnings) == [
        "excused or without this assignment, so left as they were",
        "nobody of the class, so left as they were",
    ]
    assert any(line.endswith(": u4 (EX)") for line in warnings)
    assert any(line.endswith(": Gone, Bo") for line in warnings)


def test_a_spanish_gradebook_keeps_its_mark_semicolons_and_commas(tmp_path):
    content, _ = gradebook(tmp_path, CANVAS_ES)
    expected = CANVAS_ES.replace("G1;4,00;;80,0", "G1;4,00;7,25;80,0")
    assert content.decode() == expected.replace("4,00;3,50;", "4,00;10;")


@pytest.mark.parametrize("lang", ["en", "es"])
def test_canvas_takes_what_was_filled_and_makes_no_assignment(tmp_path, lang):
    before, _ = canvas_takes(CANVAS[lang].encode(), 777)
    content, _ = gradebook(tmp_path, CANVAS[lang])
    grades, made = canvas_takes(content, 777)
    assert made == []
    assert grades == before | {5120: "7.25", 5121: "10"}
    assert grades[5123] == "EX"
    assert canvas_takes(content, 776) == canvas_takes(CANVAS[lang].encode(), 776)


def test_canvass_own_id_goes_before_the_universitys(tmp_path):
    text = CANVAS_EN.replace("5120,u1,ana@um.example", "5120,,").replace("5121,u2,pepe", "5121,,")
    ids = {"u1": {"lms": "canvas", "user": "5120"}, "u2": {"lms": "moodle", "participant": "5121"}}
    content, warnings = gradebook(tmp_path, text, ids)
    grades, _ = canvas_takes(content, 777)
    assert (grades[5120], grades[5121]) == ("7.25", "3.00")
    assert any("u2" in line and "not given back" in line for line in warnings)


@pytest.mark.parametrize("login", ["ana@um.example", "u1", "u1@else.example", "ANA@UM.example"])
def test_without_the_universitys_id_the_login_decides(tmp_path, login):
    text = CANVAS_EN.replace("5120,u1,ana@um.example", f"5120,,{login}")
    content, _ = gradebook(tmp_path, text)
    assert canvas_takes(content, 777)[0][5120] == "7.25"


def test_first_and_last_names_may_have_columns_of_their_own(tmp_path):
    text = (
        "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,First lab (777)\n"
        "    Points Possible,,,,,,10\nLópez Gil,Ana,5120,u1,ana,G1,\n"
    )
    content, _ = gradebook(tmp_path, text)
    assert content.decode() == text.replace("G1,\n", "G1,7.25\n")


@pytest.mark.parametrize("column", ["exam, ORAL", "Exam, oral (778)"])
def test_another_title_is_named(tmp_path, column):
    content, warnings = gradebook(tmp_path, CANVAS_EN, column=column)
    assert canvas_takes(content, 778)[0][5120] == "7.25"
    assert canvas_takes(content, 777) == canvas_takes(CANVAS_EN.encode(), 777)
    assert any("Points Possible are 2.00" in line for line in warnings)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        (
            CANVAS_EN.replace("First lab (777)", "First lab"),
            "",
            "called 'First lab' or 'Primera práctica' or 'lab', found 0 of: Lab 0 (776); Exam, oral"
            " (778); name it with --column",
        ),
        (
            CANVAS_EN,
            "Final Score",
            "called 'Final Score', found 0 of: Lab 0 (776); First lab (777)",
        ),
        (
            CANVAS_EN.replace("Lab 0 (776)", "First lab (776)"),
            "",
            "found 2 of: First lab (776); First lab (777);",
        ),
        (CANVAS_EN.replace("    Points Possible", "Max"), "", "a line that begins with 'Points"),
        (MOODLE_EN, "", "expected Canvas's export of its gradebook"),
        (CANVAS_EN.replace(",u", ",v").replace("um.example", "x"), "", "of the class, found none"),
        (CANVAS_EN.replace("5122,u3", "5122,u1"), "", "found u1 on lines 4 and 6"),
        (CANVAS_EN + "Li,1,u4,li,G1\n", "", "line 10: expected 11 cells, found 5"),
    ],
)
def test_a_gradebook_that_does_not_fit_is_one_line_and_nothing_is_written(
    tmp_path, text, column, said
):
    view = view_of([*RESULTS[:2], result("u4", 3.0)])
    with pytest.raises(UserError) as caught:
        gradebook(
            tmp_path, text.replace("5123,,eva@um.example", "5123,,eva"), column=column, view=view
        )
    (line,) = str(caught.value).splitlines()
    assert said in line
    assert not (tmp_path / "course").exists()


# --- the command ---------------------------------------------------------------------------------


def graded(folder):
    """Make a course with the marks of ada, and what Moodle calls her."""
    course = mini.make_course(folder)
    course.home.mkdir()
    with Marks(course.db_url):
        pass
    with Gradebook(course.db_url) as book:
        book.add_assignment("mini")
        book.add_notebook("mini", "mini")
        book.add_grade_cell("check", "mini", "mini", max_score=10, cell_type="code")
    with Marks(course.db_url) as marks:
        marks.save(replace(result("ada", 7.25), lab="mini"))
    how = HandedIn(ids={"lms": "moodle", "participant": "101"})
    Place(course.home, "ada", "mini").note(how)
    return course


def test_the_command_fills_by_what_collect_kept(tmp_path, monkeypatch):
    graded(tmp_path)
    monkeypatch.chdir(tmp_path)
    header = "Identifier,Grade,Last modified (grade)\n"
    (tmp_path / "sheet.csv").write_text(f"{header}Participant 101,,-\nParticipant 102,,-\n")
    words = ["export", "mini", "--to", "moodle", "--worksheet", "sheet.csv"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    made = tmp_path / "course" / "reports" / "mini" / "mini-moodle-filled.csv"
    assert made.read_text() == f"{header}Participant 101,7.25,-\nParticipant 102,,-\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--to", "canvas", "--worksheet", "x"],
            "expected --to moodle with --worksheet, found only --to canvas",
        ),
        (["--gradebook", "x"], "expected --to canvas with --gradebook, found only --to csv"),
        (
            ["--to", "canvas", "--column", "x"],
            "expected --to canvas and --gradebook FILE with --column",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_line(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["export", "mini", *words])
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
