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
    ["Ana López Gil", "ana lopez gil", "López Gil, Ana", "lopezgilana", "LOPEZ_GIL Ana"],
)
def test_students_are_found_by_name_as_platforms_write_it(roster, name):
    found = roster(PLAIN).named(name)
    assert found is not None
    assert found.id == "u1"


@pytest.mark.parametrize("name", ["", "Ana", "Ana López", "Gil López Ana", "Participante 12"])
def test_other_names_find_nobody(roster, name):
    assert roster(PLAIN).named(name) is None


def test_a_name_that_two_students_have_finds_nobody(roster):
    assert roster(PLAIN + "u3,Ana Lopez Gil,,\n").named("Ana López Gil") is None
