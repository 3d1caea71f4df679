import unicodedata
from dataclasses import replace

import pytest

from grading.course.roster import Student, read_roster
from grading.errors import UserError

PLAIN = """\
student_id,name,email,group
u1,Ana López Gil,ana@um.example,G1
u2,"Pérez, Juan",juan@um.example,G2
"""
EXPECTED = (
    Student("u1", "Ana López Gil", "ana@um.example", "G1"),
    Student("u2", "Pérez, Juan", "juan@um.example", "G2"),
)


@pytest.fixture
def roster(tmp_path):
    def read(content):
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_roster(path)

    return read


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("cp1252"),
        PLAIN.encode("utf-16"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace('"Pérez, Juan"', "Pérez# Juan").replace(",", ";").replace("#", ","),
        PLAIN.replace('"Pérez, Juan"', "Pérez# Juan").replace(",", "\t").replace("#", ","),
        PLAIN + "\n,,,\n   \n",
        PLAIN.replace("student_id", " Student_ID ").replace("u1", "  u1 "),
        PLAIN.replace("group\n", "group,,\n").replace("G1\n", "G1,,\n"),
    ],
    ids=[
        "plain",
        "BOM",
        "Windows-1252",
        "UTF-16",
        "CRLF",
        "CR",
        "semicolons",
        "tabs",
        "blank lines",
        "spaces",
        "empty columns",
    ],
)
def test_rosters_are_read_as_spreadsheets_save_them(roster, content):
    assert roster(content).students == EXPECTED


def test_columns_may_come_in_any_order_with_others_between(roster):
    students = roster("name,shoe size,student_id\nAna,37,u1\n").students
    assert students == (Student("u1", "Ana"),)


@pytest.mark.parametrize("title", ["surname", "Last_name", " Apellidos "])
def test_a_surname_may_have_a_column_of_its_own(roster, title):
    (student,) = roster(f"student_id,name,{title}\nu1,Ana López Gil,López  Gil\n").students
    assert student == Student("u1", "Ana López Gil", surname="López Gil")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("student_id,name,email,group\n", "no students"),
        ("id,name\nu1,Ana\n", r"line 1: expected one column student_id .*found 'id,name'"),
        ("student_id\nu1\n", "line 1: expected one column name"),
        ("student_id,name,student_id\nu1,Ana,u1\n", "line 1: expected one column student_id"),
        (PLAIN + "u1,Eva,,\n", "line 4: u1 is already on line 2"),
        (PLAIN + "U2,Eva,,\n", "line 4: U2 is already on line 3"),
        (PLAIN + "u3,,,\n", "line 4: the name of u3 is empty"),
        (PLAIN + ",Eva,,\n", "line 4: student_id '' cannot be used"),
        (PLAIN + "u3,Gil, Eva,e@um.example,G1\n", "line 4: expected 4 fields, found 5"),
        (PLAIN + '\nu3,"Eva\n', "line 5: not a line of CSV"),
        (PLAIN + '"u3\n4",Eva,,\n', "line 4: student_id 'u3 4' cannot"),
        (PLAIN + "../u3,Eva,,\n", "line 4: student_id '../u3' cannot"),
        (PLAIN + ".u3,Eva,,\n", "line 4: student_id '.u3' cannot"),
        (PLAIN + "u/3,Eva,,\n", "line 4: student_id 'u/3' cannot"),
        (PLAIN + "u3*,Eva,,\n", "line 4: student_id"),
        (PLAIN + "u" * 65 + ",Eva,,\n", "line 4: student_id"),
        (PLAIN + "u\0,Eva,,\n", "line 4: "),
        (
            PLAIN + "u3,Eva,ANA@um.example,\n",
            "line 4: the e-mail ANA@um.example is already on line 2",
        ),
        (PLAIN + "2.01812E+11,Eva,,\n", "line 4: .* a spreadsheet shortened the number"),
        (PLAIN + '"2,01812E+11",Eva,,\n', "line 4: .* a spreadsheet shortened the number"),
        (PLAIN.encode().decode("cp1252"), "line 2: .*'u1,Ana López Gil,.* misread"),
        (
            PLAIN.encode("ascii", "replace").decode().replace("?", "\ufffd"),
            "line 2: letters are lost",
        ),
        (PLAIN.replace("student_id", "sid"), "line 1: expected one column student_id"),
        (PLAIN.encode("utf-16")[:-1], "line 1: .*damaged UTF-16"),
        (b"PK\x03\x04\x14\0" + bytes(30), "line 1: this is a spreadsheet .*CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1" + bytes(30), "line 1: this is an .xls file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "line 1: "),
    ],
)
def test_what_is_not_clear_is_an_error_with_its_line(roster, content, reason):
    with pytest.raises(UserError, match=reason) as caught:
        roster(content)
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_roster_the_error_says_what_is_expected_and_where(tmp_path):
    path = tmp_path / "roster.csv"
    with pytest.raises(UserError, match=r"no roster at .*roster\.csv; .*student_id,name,email"):
        read_roster(path)
    with pytest.raises(UserError, match="cannot read the roster"):
        read_roster(tmp_path)


def test_students_are_found_by_id_whatever_the_case(roster):
    found = roster(PLAIN).find(" U1 ")
    assert found is not None
    assert found.id == "u1"
    assert roster(PLAIN).find("u") is None
    assert roster(PLAIN).find("") is None


@pytest.mark.parametrize(
    "name",
    [
        "Ana López Gil",
        "ana lopez gil",
        "López Gil, Ana",
        "lopezgilana",
        "LOPEZ_GIL Ana",
        unicodedata.normalize("NFD", "Ana López Gil"),
        "Ana\u200b López\xa0Gil",
    ],
)
def test_students_are_found_by_name_as_platforms_write_it(roster, name):
    assert [found.id for found in roster(PLAIN).named(name)] == ["u1"]


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ("Pat O'Brien-Smith", "Pat OBrien-Smith"),
        ("Pat O’Brien", "obrienpat"),
        ("Cy D'Été", "détécy"),
        ("Łucja Sørensen", "Lucja Sorensen"),
        ("Kaʻiulani Li", "Kaiulani Li"),
        ("Mª José Peña", "Ma Jose Pena"),
        ("Işıl Çelik", "isil celik"),
    ],
)
def test_apostrophes_and_letters_that_do_not_decompose_do_not_matter(roster, known, written):
    assert [found.id for found in roster(f"student_id;name\nu1;{known}\n").named(written)] == ["u1"]


@pytest.mark.parametrize("name", ["", "Ana", "Ana López", "Gil López Ana", "Participante 12"])
def test_other_names_find_nobody(roster, name):
    assert roster(PLAIN).named(name) == ()


def test_namesakes_are_found_both(roster):
    found = roster(PLAIN + "u3,Ana Lopez Gil,,\n").named("Ana López Gil")
    assert [item.id for item in found] == ["u1", "u3"]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("0777", ["777", "00777"]),
        ("123456", ["0123456"]),
        ("000123456", ["0123456"]),
        ("uo12", ["UO-012"]),
        ("UO 012.", ["UO-012"]),
        ("ANA@um.example", ["0123456"]),
        ("777@um.example", ["777"]),
        ("gil, ana", ["0123456"]),
        ("ana", []),
        ("", []),
        ("0", []),
        ("@", []),
    ],
)
def test_whom_a_slip_in_place_of_an_id_may_mean(roster, typed, ids):
    known = roster(
        "student_id,name,email\n777,Bo Li\n00777,Cy Li\n0123456,Ana Gil,ana@um.example\n"
        "UO-012,Di Ra\n"
    )
    assert [item.id for item in known.resembling(typed)] == ids


# --- exports and encodings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "First name,Last name,ID number,Email address,Groups",
        "Nombre,Apellido(s),Número de ID,Dirección de correo,Grupos",
        "Nombre,Apellidos,Número de identificación,Correo electrónico,Grupo",
        "NOMBRE,APELLIDO(S),NÚMERO DE ID,Dirección Email,GRUPOS",
        "name,surname,student_id,e-mail,group",
    ],
)
def test_moodles_participants_are_read_in_english_and_spanish(roster, header):
    students = roster(f"{header}\nAna,López Gil,u1,ana@um.example,G1\n").students
    assert students == (replace(EXPECTED[0], surname="López Gil"),)


@pytest.mark.parametrize("header", ["Full name", "Nombre completo", "Nombre / Apellido(s)"])
def test_moodles_participants_may_have_the_name_in_one_column(roster, header):
    assert roster(f"{header};Número de ID\nAna López;u1\n").students == (
        Student("u1", "Ana López"),
    )


def test_of_moodles_participants_the_students_are_taken(roster):
    text = "Nombre,Apellido(s),Número de ID,Roles\nEva,Gil,,Profesor\nAna,Gil,u1,Estudiante\n"
    ana = Student("u1", "Ana Gil", surname="Gil")
    assert roster(text).students == (ana,)
    assert roster(text.replace("Estudiante", "Élève").replace(",,", ",u0,")).students[1:] == (ana,)


@pytest.mark.parametrize("line", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "sep=;\r"])
def test_a_first_line_for_spreadsheets_is_obeyed(roster, line):
    text = f"{line}student_id;name\nu1;Gil, Ana\n"
    assert roster(text).students == (Student("u1", "Gil, Ana"),)
    with pytest.raises(UserError, match="line 4: u1 is already on line 3"):
        roster(text + "u1;Bo\n")


NAMES = [
    ["Ana López Gil", "Álvaro Muñoz Íñigo", "Raúl García"],
    ["BEGOÑA PÉREZ ÁLVAREZ", "ÍÑIGO GARCÍA"],
    ["Núria Gal·la", "François Muñoz", "Peña"],
]


ALONE = ["Ana López", "GARCÍA", "Raúl", "Peña", "JOSÉ", "Íñigo", "D’Été", "João", "Hernández"]


@pytest.mark.parametrize("names", NAMES, ids=["mixed case", "capitals", "neighbours"])
@pytest.mark.parametrize(
    ("encoding", "end"),
    [
        ("cp1252", "\r\n"),
        ("cp1252", "\n"),
        ("mac_roman", "\r"),
        ("mac_roman", "\n"),
        ("cp850", "\r\n"),
        ("utf-8", "\r"),
        ("utf-16", "\r\n"),
        ("utf-16-le", "\n"),
        ("utf-16-be", "\n"),
    ],
)
def test_names_are_read_whatever_the_encoding(roster, names, encoding, end):
    lines = ["student_id;name", *(f"u{place};{name}" for place, name in enumerate(names)), ""]
    students = roster(end.join(lines).encode(encoding)).students
    assert [student.name for student in students] == names


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850", "utf-8", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ALONE)
def test_one_accented_name_is_read_right_or_refused_in_one_line(roster, name, end, encoding):
    try:
        data = f"student_id,name{end}u1,{name}{end}".encode(encoding)
    except UnicodeEncodeError:
        pytest.skip("not in this encoding")
    try:
        assert [student.name for student in roster(data).students] == [name]
    except UserError as error:
        assert "line 2" in str(error) and "CSV UTF-8" in str(error) and "\n" not in str(error)
        assert encoding != "utf-8"


def test_decomposed_names_are_composed(roster):
    text = unicodedata.normalize("NFD", PLAIN)
    assert roster(text).students == EXPECTED


def test_invisible_characters_are_no_part_of_an_id(roster):
    text = "student_id,name,email\n\u200bu1\ufeff,Ana\xa0Gil,a@x\u200e\n"
    assert roster(text).students == (Student("u1", "Ana Gil", "a@x"),)
