"""The roster as Moodle and Canvas have it, in English and Spanish."""

import pytest
from typer.testing import CliRunner

from grading.cli.app import app
from grading.course.importing import imported, read_export, write_roster
from grading.course.roster import Roster, Student, read_roster
from grading.errors import UserError
from tests import mini
from tests.reporting.lms import CANVAS_EN, CANVAS_ES, MOODLE_EN

PARTICIPANTS = {
    "en": "\ufeffFirst name,Last name,ID number,Email address,Roles,Groups\n"
    'Ana,López Gil,u1,ana@um.example,Student,"G1, Tuesdays"\n'
    '"José ""Pepe""",Ñu,u2,pepe@um.example,Student,\n'
    "Eva,Prof,,eva@um.example,Teacher,\n",
    "es": "\ufeffNombre;Apellido(s);Número de ID;Dirección de correo;Roles;Grupos\r\n"
    'Ana;López Gil;u1;ana@um.example;Estudiante;"G1, Tuesdays"\r\n'
    '"José ""Pepe""";Ñu;u2;pepe@um.example;Estudiante;\r\n'
    "Eva;Prof;;eva@um.example;Profesor;\r\n",
}
GRADES = {
    "en": "First name,Last name,ID number,Institution,Department,Email address,"
    '"Assignment: Lab, 0 (Real)",Course total (Real)\n'
    "Ana,López Gil,u1,,,ana@um.example,7.50,7.50\n"
    '"José ""Pepe""",Ñu,u2,,,pepe@um.example,-,-\n',
    "es": "Nombre;Apellido(s);Número de ID;Institución;Departamento;Dirección de correo;"
    "Tarea: Lab, 0 (Real);Total del curso (Real)\r\n"
    "Ana;López Gil;u1;;;ana@um.example;7,50;7,50\r\n"
    '"José ""Pepe""";Ñu;u2;;;pepe@um.example;-;-\r\n',
}


def export_of(folder, text):
    path = folder / "courseid_7_participants.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_export(path)


@pytest.mark.parametrize("lang", ["en", "es"])
def test_moodles_participants_are_its_students(tmp_path, lang):
    assert export_of(tmp_path, PARTICIPANTS[lang]).students == (
        Student("u1", "Ana López Gil", "ana@um.example", "G1, Tuesdays", "López Gil"),
        Student("u2", 'José "Pepe" Ñu', "pepe@um.example", "", "Ñu"),
    )


@pytest.mark.parametrize("lang", ["en", "es"])
def test_moodles_grades_have_them_too(tmp_path, lang):
    assert export_of(tmp_path, GRADES[lang]).students == (
        Student("u1", "Ana López Gil", "ana@um.example", "", "López Gil"),
        Student("u2", 'José "Pepe" Ñu', "pepe@um.example", "", "Ñu"),
    )


def test_canvass_gradebook_is_its_students_but_the_one_for_tests(tmp_path):
    assert export_of(tmp_path, CANVAS_EN).students == (
        Student("u1", "López Gil, Ana", "ana@um.example", "G1"),
        Student("u2", 'Ñu de, José "Pepe"', "", "G2"),
        Student("u3", "Wei", "", "G1"),
        Student("eva@um.example", "Sanz, Eva", "eva@um.example", "G1"),
        Student("u9", "Gone, Bo", "", "G1"),
    )
    ids = [student.id for student in export_of(tmp_path, CANVAS_ES).students]
    assert ids == ["u1", "u2", "u3", "eva@um.example"]


def test_canvass_names_in_two_columns(tmp_path):
    text = (
        "LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,Lab (1)\n"
        "    Points Possible,,,,,,10\nLópez Gil,Ana,5120,u1,ana,G1,\n"
    )
    assert export_of(tmp_path, text).students == (Student("u1", "López Gil, Ana", "", "G1"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CANVAS_EN.replace("Points Possible", "Max"), "a line that begins with 'Points Possible'"),
        (CANVAS_EN.replace("u3,wei", ","), "line 6: student_id '' cannot be used"),
        (CANVAS_EN.replace("u3,wei", "u1,wei"), "line 6: u1 is already on line 4"),
        (PARTICIPANTS["en"].replace(",u2,", ",,"), "line 3: student_id '' cannot be used"),
        (PARTICIPANTS["en"].replace("ID number", "City"), "line 1: expected one column student_id"),
        (MOODLE_EN, "line 6: student_id '' cannot be used"),
        ("", "the roster is empty"),
    ],
)
def test_an_export_that_is_not_clear_is_one_line(tmp_path, text, said):
    with pytest.raises(UserError) as caught:
        export_of(tmp_path, text)
    (line,) = str(caught.value).splitlines()
    assert said in line and "courseid_7_participants.csv" in line


WITHOUT_IDS = (
    "First name,Last name,Email address,Groups\n"
    "Ana,López Gil,ana.lopez@um.example,G1\n"
    "Wei,,wei@um.example,\n"
)


def test_without_id_numbers_a_refusal_says_what_to_do(tmp_path):
    for text in (WITHOUT_IDS, PARTICIPANTS["es"].replace(";u2;", ";;")):
        with pytest.raises(UserError, match=r"give --ids-from-email, which takes what stands"):
            export_of(tmp_path, text)


def test_ids_are_taken_from_addresses_where_there_are_none(tmp_path):
    (tmp_path / "p.csv").write_text(WITHOUT_IDS, encoding="utf-8")
    assert read_export(tmp_path / "p.csv", ids_from_email=True).students == (
        Student("ana.lopez", "Ana López Gil", "ana.lopez@um.example", "G1", "López Gil"),
        Student("wei", "Wei", "wei@um.example"),
    )
    (tmp_path / "p.csv").write_text(PARTICIPANTS["es"].replace(";u2;", ";;"), encoding="utf-8")
    ids = [one.id for one in read_export(tmp_path / "p.csv", ids_from_email=True).students]
    assert ids == ["u1", "pepe"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WITHOUT_IDS.replace("wei@um", "ana.lopez@alum"), "line 3: ana.lopez is already on line 2"),
        (WITHOUT_IDS.replace("wei@", "wei+x@"), "line 3: student_id 'wei+x' cannot be used"),
        (WITHOUT_IDS.replace("wei@um.example", ""), "line 3: student_id '' cannot be used"),
    ],
)
def test_addresses_that_make_no_ids_are_one_line(tmp_path, text, said):
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_export(tmp_path / "p.csv", ids_from_email=True)
    (line,) = str(caught.value).splitlines()
    assert said in line


# --- what it changes -----------------------------------------------------------------------------

NOW = Roster(
    (
        Student("U1", "Ana López Gil", "ana@um.example", "G1"),
        Student("eva", "Eva Sanz", "Eva@um.example", "G3"),
        Student("u8", "Left Early", "left@um.example"),
    )
)


def test_students_keep_their_id_and_what_the_export_does_not_say():
    export = Roster(
        (
            Student("u1", "López Gil, Ana", "", "G2"),
            Student("eva@um.example", "Sanz, Eva", "eva@um.example"),
            Student("u7", "Li, Bo", "bo@um.example", "G1"),
        )
    )
    change = imported(NOW, export)
    assert change.roster.students == (
        Student("U1", "Ana López Gil", "ana@um.example", "G2"),
        Student("eva", "Eva Sanz", "eva@um.example", "G3"),
        Student("u7", "Li, Bo", "bo@um.example", "G1"),
    )
    assert change.lines() == [
        "+ u7, Li, Bo, bo@um.example, G1",
        "~ U1: group G1 → G2",
        "~ eva: email Eva@um.example → eva@um.example",
        "- u8, Left Early, left@um.example",
    ]
    assert change.totals() == "1 added, 2 changed, 1 gone, 0 as before"


def test_another_name_is_a_change_and_an_id_goes_before_an_address():
    export = Roster(
        (Student("u1", "Ana Gil López", "left@um.example"), Student("x1", "Bo", "ana@um.example"))
    )
    change = imported(NOW, export)
    assert [student.id for student in change.roster.students] == ["U1", "x1"]
    assert [student.id for student in change.gone] == ["eva", "u8"]
    assert "name Ana López Gil → Ana Gil López" in change.lines()[1]


def test_the_same_again_changes_nothing():
    change = imported(NOW, NOW)
    assert change.lines() == []
    assert change.roster == NOW


@pytest.mark.parametrize("lang", ["en", "es"])
def test_what_is_written_is_read_as_the_same(tmp_path, lang):
    export = export_of(tmp_path, PARTICIPANTS[lang])
    path = tmp_path / "roster.csv"
    write_roster(path, export.students)
    assert read_roster(path) == export
    write_roster(path, NOW.students)
    assert read_roster(path) == NOW
    assert path.read_text("utf-8-sig").splitlines()[0] == "student_id,name,email,group"


def run(*words):
    return CliRunner().invoke(app, ["roster", "import", *words])


def test_the_roster_is_written_only_when_asked(tmp_path, monkeypatch):
    course = mini.make_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    course.roster.write_text("student_id,name,notes\nu1,Ana López Gil,dyslexia\nu8,Left\n")
    before = course.roster.read_bytes()
    (tmp_path / "p.csv").write_text(PARTICIPANTS["es"], encoding="utf-8")
    done = run("p.csv")
    assert done.exit_code == 0, done.output
    assert "1 added, 1 changed, 1 gone, 0 as before" in done.output
    assert "not kept: notes" in done.output
    assert "nothing is written yet" in done.output
    assert course.roster.read_bytes() == before
    done = run("p.csv", "--yes")
    assert done.exit_code == 0, done.output
    assert [student.id for student in read_roster(course.roster).students] == ["u1", "u2"]
    done = run("p.csv", "--yes")
    assert "0 added, 0 changed, 0 gone, 2 as before" in done.output
    assert "stays as it is" in done.output


def test_without_a_roster_all_are_new_and_a_bad_file_writes_nothing(tmp_path, monkeypatch):
    course = mini.make_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    course.roster.unlink()
    (tmp_path / "p.csv").write_text(PARTICIPANTS["en"].replace(",u2,", ",u1,"), encoding="utf-8")
    done = run("p.csv", "--yes")
    assert isinstance(done.exception, UserError)
    assert not course.roster.exists()
    (tmp_path / "p.csv").write_text(PARTICIPANTS["en"], encoding="utf-8")
    done = run("p.csv", "--yes")
    assert "2 added, 0 changed, 0 gone, 0 as before" in done.output
    assert read_roster(course.roster).students[0].id == "u1"


def test_the_option_takes_ids_from_addresses_and_keeps_those_there_are(tmp_path, monkeypatch):
    course = mini.make_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    course.roster.write_text("student_id,name,email\nu7,Wei,wei@um.example\n")
    (tmp_path / "p.csv").write_text(WITHOUT_IDS, encoding="utf-8")
    assert isinstance(run("p.csv", "--yes").exception, UserError)
    done = run("p.csv", "--ids-from-email", "--yes")
    assert done.exit_code == 0, done.output
    ids = {one.name: one.id for one in read_roster(course.roster).students}
    assert ids == {"Ana López Gil": "ana.lopez", "Wei": "u7"}
