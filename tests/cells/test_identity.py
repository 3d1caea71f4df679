"""Who signs a notebook, however the identity cell is filled in."""

import nbformat.v4
import pytest

from grading.cells.identity import Identity, Member, read_identity
from grading.errors import UserError

RELEASED = """\
STUDENT_1 = ""      # your student id
SIGNATURE_1 = ""    # your full name: you sign the declaration above
STUDENT_2 = ""      # your partner's id, if you work as a pair
SIGNATURE_2 = ""    # your partner's full name"""


def notebook(source, metadata=True):
    about = {"nbgrader": {"grade_id": "identity"}} if metadata else {}
    cells = ["x = 1", "if student == STUDENT_1: pass", source]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.cells[-1].metadata.update(about)
    return notebook


def filled(one, signature="Ana"):
    return RELEASED.replace('STUDENT_1 = ""', f"STUDENT_1 = {one}").replace(
        'SIGNATURE_1 = ""', f'SIGNATURE_1 = "{signature}"'
    )


@pytest.mark.parametrize(
    ("source", "members"),
    [
        (RELEASED, ()),
        ("", ()),
        (filled('"u1"'), (Member("u1", "Ana"),)),
        ("STUDENT_1 = 'u1'\nSTUDENT_2 = ' u2 '", (Member("u1", ""), Member("u2", ""))),
        (filled("12345678"), (Member("12345678", "Ana"),)),
        ("STUDENT_1 = None\nSTUDENT_2 = 'u2'", (Member("u2", ""),)),
        ("STUDENT_1 = 'a'\nSTUDENT_1 = 'u1'  # better", (Member("u1", ""),)),
        ("SIGNATURE_1 = '''Ana\n  López'''\nSTUDENT_1 = 'u1'", (Member("u1", "Ana López"),)),
        ("OTHER = open('x')\nSTUDENT_1 = 'u1'", (Member("u1", ""),)),
        ("STUDENT_1 = 'u1'\nSTUDENT_2 = '-'", (Member("u1", ""),)),
        ("# STUDENT_1 = 'x'\nSTUDENT_1 = ''", ()),
        ('STUDENT_1 = "Pat O\'Brien"', (Member("Pat O'Brien", ""),)),
    ],
)
def test_a_cell_as_it_should_be_is_read_without_a_word(source, members):
    assert read_identity(notebook(source)) == Identity(members)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("“u1”", "u1"),
        ("‘u1’", "u1"),
        ("«u1»", "u1"),
        ("`u1`", "u1"),
        ('"u1', "u1"),
        ('u1"', "u1"),
        ("“Pat O’Brien”", "Pat O’Brien"),
        ("“Gil, Ana”,", "Gil, Ana"),
        ("u1", "u1"),
        ("uo-123", "uo-123"),
        ("00123", "00123"),
        ("12345678Z", "12345678Z"),
        ("ana@um.es", "ana@um.es"),
        ('"u1",', "u1"),
        ('("u1",)', "u1"),
        ("['u1']", "u1"),
        ("{'u1'}", "u1"),
        ("b'u1'", "u1"),
        ("f'u1'", "u1"),
        ('\u200b"u1"\ufeff', "u1"),
        ('\xa0"u1"\xa0', "u1"),
        ("True", "True"),
    ],
)
def test_slips_are_read_and_said(typed, read):
    members, slips = read_identity(notebook(filled(typed)))
    assert members == (Member(read, "Ana"),)
    assert len(slips) == 1 and "STUDENT_1" in slips[0].text("es")


@pytest.mark.parametrize(
    "line",
    [
        "STUDENT_1: str = 'u1'",
        "STUDENT_1: 'u1'",
        "STUDENT_1 == 'u1'",
        "student_1 = 'u1'",
        "STUDENT_1 'u1'",
        "STUDENT_1 ＝ 'u1'",
        "  STUDENT_1 = 'u1'",
        "\u200bSTUDENT_1\xa0=\xa0'u1'",
        "if True:\n    STUDENT_1 = 'u1'",
    ],
)
def test_lines_that_are_no_assignment_are_read_and_said(line):
    members, slips = read_identity(notebook(f"{line}\nSIGNATURE_1 = 'Ana'"))
    assert members == (Member("u1", "Ana"),)
    assert len(slips) == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("STUDENT_1 = " + "9" * 9000, "not valid Python"),
        ("STUDENT_1 = 0x" + "f" * 9000, ""),
        ("STUDENT_1 = " + "(" * 3000, "not valid Python"),
        ("STUDENT_1 = 'a\0b'", "not valid Python"),
        ("STUDENT_1 = '" * 700, "not valid Python"),
        ("STUDENT_1 = " + "' " * 4001, "not valid Python"),
        ("STUDENT_1 = (", "not valid Python"),
    ],
    ids=range(7),
)
def test_what_nobody_types_by_a_slip_is_read_within_bounds(source, said):
    members, slips = read_identity(notebook(source))
    assert all(len(member.id) <= 200 for member in members)
    assert said in "; ".join(slip.text("en") for slip in slips)


def test_a_cell_that_is_far_too_long_is_refused_in_one_line():
    with pytest.raises(UserError, match="18017 characters"):
        read_identity(notebook("STUDENT_1 = 'u1'\n" + "# " * 9000))


def test_nothing_in_the_identity_cell_is_run(tmp_path):
    trap = tmp_path / "trap"
    source = f"open({str(trap)!r}, 'w')\nSTUDENT_1 = 'u1' if open({str(trap)!r}, 'w') else ''"
    members, slips = read_identity(notebook(source))
    assert members != (Member("u1", ""),) and slips
    assert not trap.exists()


def test_without_metadata_the_cell_is_known_by_its_assignment():
    for source in ("STUDENT_1 = 'u1'", "STUDENT_1: str = 'u1'", " STUDENT_1 = “u1”"):
        assert read_identity(notebook(source, metadata=False)).members == (Member("u1", ""),)


def test_two_identity_cells_must_agree():
    twice = notebook(filled('"u1"'))
    twice.cells.append(twice.cells[-1].copy())
    assert read_identity(twice) == Identity((Member("u1", "Ana"),))
    twice.cells[-1].source = RELEASED
    assert read_identity(twice) == Identity((Member("u1", "Ana"),))
    twice.cells[-1].source = filled('"u2"')
    with pytest.raises(UserError, match="several identity cells"):
        read_identity(twice)
