import csv
import io
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from openpyxl import load_workbook

from grading.course.config import Course, LabInfo
from grading.course.roster import Roster, Student
from grading.errors import UserError
from grading.gradebook.marks import Marks
from grading.judging.record import Adjustment, Change, Deduction, Record, Written
from grading.judging.results import ATTENTION, FAILED, GRADED, CheckMark, Result
from grading.reporting.export import export
from grading.reporting.standings import class_view
from grading.reporting.tables import as_csv, as_xlsx, harmless
from tests.reporting.marked import records

TITLE = "First lab"


@pytest.fixture
def course(tmp_path):
    lab = LabInfo("lab", {"en": TITLE, "es": "Primera práctica"})
    return Course(tmp_path, "C", "U", "2030", "en", "o/r", "main", tmp_path / "r.csv", (lab,))


def result(student, *marks, status=GRADED, flags=()):
    checks = [
        CheckMark("check_a", f"step {place}", earned, 2.0, "" if earned == 2 else "x < 3")
        for place, earned in enumerate(marks)
    ]
    return Result(student, "lab", sum(marks), 2.0 * len(marks), status, list(flags), 1.0, checks)


RESULTS = [
    result("u1", 2.0, 2.0),
    result("u2", 0.0, 1.5, status=ATTENTION, flags=["a locked cell was edited"]),
    Result("u3", "lab", 0.0, 4.0, FAILED, ["not a notebook"]),
]
ROSTER = Roster(
    (
        Student("u1", 'Ñandú, "Ana"', "u1@example.org", "A"),
        Student("u2", "=cmd()|x", "u2@example.org", "B"),
        Student("u3", "Wei", "u3@example.org"),
        Student("u4", "Smith, John", "u4@example.org"),
    )
)
TOTALS = {"u1": (5.25, 6.0, False), "u2": (1.5, 6.0, True), "u3": (0.0, 6.0, False)}


def exported(course, to, results=RESULTS, totals=TOTALS, roster=ROSTER):
    return exported_view(course, to, class_view(records(results, totals), roster))


def exported_view(course, to, view):
    path, warnings = export(course, "lab", to, view)
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return path, warnings, list(csv.reader(stream))


def by_student(rows, column):
    return {row[column]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


def test_checks_are_called_by_their_titles(course):
    checks = [CheckMark("check_a", "first", 0.0, 2.0, "vacío", "primero")]
    results = [Result("u1", "lab", 0.0, 2.0, GRADED, checks=checks)]
    _, _, rows = exported(course, "csv", results)
    assert "check_a: primero" in rows[0]
    _, _, rows = exported(course, "moodle", results)
    assert by_student(rows, 0)["u1"]["Feedback comments"].startswith("✗ primero: ")


def test_csv_has_everybody_with_totals_and_every_check(course):
    path, _, rows = exported(course, "csv")
    assert path == course.home / "reports" / "lab" / "lab.csv"
    header = ["student_id", "name", "email", "group", "score", "max_score", "percent", "status"]
    parts = ["check_a: step 0", "check_a: step 1", "essay"]
    assert rows[0] == [*header, "handed_in", "by_hand", "raw", "late", *parts, "notes"]
    marks = {row[0]: row[4:] for row in rows[1:]}
    assert marks == {
        "u1": ["5.25", "6", "87.5", "graded", "", "", "5.25", "", "2", "2", "1.25", ""],
        "u2": [
            *["1.5", "6", "25", "needs attention, waiting for manual marking", "", "", "1.5", ""],
            *["0", "1.5", "", ""],
        ],
        "u3": ["0", "6", "0", "failed", "", "", "0", "", "", "", "0", ""],
        "u4": ["", "6", "", "missing", "", "", "", "", "", "", "", ""],
    }


def test_what_people_and_lateness_change_is_said_and_the_parts_add_up(course):
    when = datetime(2030, 3, 4, 5, 6, tzinfo=UTC)
    by_ana = Change("u1", "lab", "check_a", "manual_score", None, 3.0, "ana", when, "a typo")
    of_old = Change("u1", "lab", "essay", "manual_comment", None, "vague", "bo", when)
    record = Record(
        "u1",
        6.0,
        result("u1", 2.0, 0.0),
        checked=2.0,
        written=(Written("essay", 1.5, 2.0, "which one?"),),
        adjustments=(Adjustment("check_a", 1.0, by_ana),),
        deductions=(Deduction(0.5, 2 * 86400 + 3700),),
        history=(of_old,),
        handed_in=when,
    )
    view = class_view([record], Roster(ROSTER.students[:1]), timezone(timedelta(hours=1)))
    _, _, rows = exported_view(course, "csv", view)
    row = by_student(rows, 0)["u1"]
    assert (row["score"], row["handed_in"]) == ("4", "2030-03-04 06:06:00+01:00")
    parts = ("check_a: step 0", "check_a: step 1", "essay", "by_hand", "late")
    assert sum(float(row[part]) for part in parts) == float(row["score"])
    adjusted = "check_a: +1 by hand (ana, 2030-03-04 06:06 UTC+01:00: a typo)"
    late = "handed in 2 d 1 h late: −0.5"
    earlier = "essay: of an earlier answer was said “vague” (bo, 2030-03-04 06:06 UTC+01:00)"
    assert row["notes"] == "; ".join([adjusted, late, earlier])
    _, _, rows = exported_view(course, "moodle", view)
    assert by_student(rows, 0)["u1"]["Feedback comments"].split("<br>") == [
        "✗ step 1: 0 of 2 marks: x &lt; 3",
        "✗ essay: 1.5 of 2 marks: which one?",
        adjusted,
        late,
    ]


def test_a_workbook_has_the_class_with_numbers_as_numbers_and_no_formula(course):
    path, warnings = export(course, "lab", "xlsx", class_view(records(RESULTS, TOTALS), ROSTER))
    assert path == course.home / "reports" / "lab" / "lab.xlsx"
    assert any("provisional" in line for line in warnings)
    book = load_workbook(path)
    assert book.sheetnames == [TITLE, "Class"]
    header, *rows = book[TITLE].iter_rows(values_only=True)
    by_id = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_id["u1"]["score"] == 5.25
    assert by_id["u1"]["name"] == 'Ñandú, "Ana"'
    assert by_id["u2"]["name"] == "'=cmd()|x"
    assert by_id["u4"]["score"] is None
    assert not [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"]
    of_class = [row for row in book["Class"].iter_rows(values_only=True) if any(row)]
    assert of_class[1][:4] == ("check_a: step 0", 1, 0, 2)
    assert ("Handed in", 3) in [row[:2] for row in of_class]
    assert ("Not handed in", 1) in [row[:2] for row in of_class]


@pytest.mark.parametrize("title", ["A/B [1]: 'what?' * \\", "x" * 70])
def test_a_sheet_may_have_any_title(title):
    book = load_workbook(io.BytesIO(as_xlsx([(title, [["a"]]), (title, [])])))
    assert len(book.sheetnames) == 2
    assert book.worksheets[0]["A1"].value == "a"


def test_who_left_the_roster_is_named_and_not_exported(course):
    roster = Roster(ROSTER.students[:2])
    for to in ("csv", "moodle", "canvas"):
        _, warnings, rows = exported(course, to, roster=roster)
        assert not any("u3" in row for row in rows)
        assert "not in the roster, so left out: u3" in warnings


def test_names_come_back_from_csv_as_they_were_and_formulas_as_text(course):
    students = by_student(exported(course, "csv")[2], 0)
    assert students["u1"]["name"] == 'Ñandú, "Ana"'
    assert students["u2"]["name"] == "'=cmd()|x"


def test_excel_sees_utf8(course):
    path, _, _ = exported(course, "csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_moodle_gets_who_how_much_and_why(course):
    path, warnings, rows = exported(course, "moodle")
    assert path.name == "lab-moodle.csv"
    students = by_student(rows, 0)
    assert set(students) == {"u1", "u2", "u3"}
    assert students["u1"] == {
        "ID number": "u1",
        "Full name": 'Ñandú, "Ana"',
        "Email address": "u1@example.org",
        TITLE: "5.25",
        f"{TITLE} (%)": "87.5",
        "Feedback comments": "✗ essay: 1.25 of 2 marks",
    }
    comments = students["u2"]["Feedback comments"].split("<br>")
    assert comments[:2] == [
        "✗ step 0: 0 of 2 marks: x &lt; 3",
        "✗ step 1: 1.5 of 2 marks: x &lt; 3",
    ]
    assert comments[2].startswith("Provisional")
    assert students["u3"]["Feedback comments"].split("<br>")[-1] == "not a notebook"
    assert any("u4" in line and "left out" in line for line in warnings)


def test_moodle_comments_are_in_the_courses_language(tmp_path):
    lab = LabInfo("lab", {"en": TITLE, "es": "Primera práctica"})
    spanish = Course(tmp_path, "C", "U", "2030", "es", "o/r", "main", tmp_path / "r.csv", (lab,))
    rows = exported(spanish, "moodle")[2]
    assert "Primera práctica" in rows[0]
    assert "0 de 2 puntos" in by_student(rows, 0)["u2"]["Feedback comments"]


def test_moodle_is_warned_of_where_it_would_misplace_or_refuse_grades(course):
    _, warnings, _ = exported(course, "moodle", roster=None)
    assert any("by ID number" in line and "u1, u2, u3" in line for line in warnings)
    totals = {"u1": (130.0, 158.0, False)}
    _, warnings, _ = exported(course, "moodle", RESULTS[:1], totals, ROSTER)
    assert any("158 marks" in line for line in warnings)
    assert not any("by ID number" in line for line in warnings)


def test_canvas_gets_its_columns_its_points_and_who_handed_in(course):
    path, warnings, rows = exported(course, "canvas")
    assert path.name == "lab-canvas.csv"
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TITLE]
    assert rows[1] == ["    Points Possible", "", "", "", "", "6"]
    assert sorted(rows[2:]) == sorted(
        [
            ['Ñandú, "Ana"', "", "u1", "u1@example.org", "A", "5.25"],
            ["'=cmd()|x", "", "u2", "u2@example.org", "B, waiting for manual marking", "1.5"],
            ["Wei", "", "u3", "u3@example.org", "", "0"],
        ]
    )
    assert any("u4" in line and "Canvas" in line for line in warnings)


@pytest.mark.parametrize("to", ["csv", "moodle", "canvas"])
def test_provisional_scores_are_said(course, to):
    _, warnings, _ = exported(course, to)
    assert [line for line in warnings if "provisional" in line and "u2" in line]
    _, warnings, _ = exported(course, to, RESULTS[:1], {}, Roster(ROSTER.students[:1]))
    assert not [line for line in warnings if "provisional" in line or "u1" in line]


def test_what_an_lms_would_make_of_a_composed_table_is_said(course):
    _, (line,), _ = exported(course, "moodle", RESULTS[:1], {}, Roster(ROSTER.students[:1]))
    assert "no longer be changed in the assignment" in line
    assert "--worksheet" in line
    _, (line,), _ = exported(course, "canvas", RESULTS[:1], {}, Roster(ROSTER.students[:1]))
    assert "makes a new assignment" in line
    assert "--gradebook" in line


def test_a_warning_names_only_the_first(course):
    totals = {f"s{place:02}": (1.0, 2.0, True) for place in range(30)}
    _, (warning,), _ = exported(course, "csv", [], totals, None)
    assert "s09 and 20 more" in warning
    assert "s10" not in warning


def test_errors_say_what_to_do(course):
    with pytest.raises(UserError, match="'excel'; expected one of csv, xlsx, moodle, canvas"):
        export(course, "lab", "excel", class_view(records(RESULTS, TOTALS), ROSTER))
    with pytest.raises(UserError, match="grading grade lab"):
        export(course, "lab", "csv", class_view([], ROSTER))
    assert not (course.home / "reports").exists()


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+34 600", "'+34 600"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\rtext", "'\rtext"),
        ("  =1", "'  =1"),
        ("＝1+1", "'＝1+1"),
        ("a;=1", "a;'=1"),
        ("-12.5", "-12.5"),
        ("0042", "0042"),
        ("a=b, c-d", "a=b, c-d"),
        ("", ""),
    ],
)
def test_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(text, cell):
    assert harmless(text) == cell


@given(st.lists(st.lists(st.text(alphabet="=+-@\t\r\n ;,\"'a1."), min_size=2, max_size=4)))
def test_no_cell_begins_a_formula_whatever_the_delimiter(table):
    text = as_csv(table)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [len(row) for row in rows] == [len(row) for row in table]
    cells = [cell for row in rows for cell in row]
    for part in (*cells, *(part for cell in cells for part in cell.split(";"))):
        start = part.lstrip(" ")[:1]
        assert not start or start not in "=+@\t\r\n"
        assert start != "-" or re.fullmatch(r"-[\d.]+", part)


@given(st.floats(-1000, 1000))
def test_numbers_stay_numbers(value):
    assert float(as_csv([[value]])) == pytest.approx(value, abs=0.00501)


def test_scores_follow_the_gradebook_as_people_mark(course, tmp_path):
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Marks(url):
        pass  # makes it
    with Gradebook(url) as gradebook:
        gradebook.add_assignment("lab")
        gradebook.add_notebook("lab", "lab")
        gradebook.add_grade_cell("check_a", "lab", "lab", max_score=4, cell_type="code")
        gradebook.add_grade_cell("essay", "lab", "lab", max_score=2, cell_type="markdown")
    with Marks(url) as marks:
        marks.save(result("u1", 2.0, 1.0))
        _, warnings, rows = exported_view(course, "csv", class_view(marks.records("lab")))
    assert len(warnings) == 1
    assert rows[1][4:8] == ["3", "6", "50", "graded, waiting for manual marking"]
    with Gradebook(url) as gradebook:
        grade = gradebook.find_grade("essay", "lab", "lab", "u1")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    with Marks(url) as marks:
        _, warnings, rows = exported_view(course, "csv", class_view(marks.records("lab")))
    assert warnings == []
    assert rows[1][4:8] == ["4.5", "6", "75", "graded"]
