import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.errors import UserError
from grading.reporting.sheet import MARK, as_number, parsed

cell = st.text(alphabet='aé ,;"\n=', max_size=6)
tables = st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=60)
@given(
    table=tables,
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    start=st.sampled_from(["", MARK]),
)
def test_any_csv_comes_back_as_it_was_and_says_what_csv_says(table, delimiter, end, quoting, start):
    stream = io.StringIO(newline="")
    rows = [["Student", "x", "y"], *table]
    csv.writer(stream, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    text = start + stream.getvalue()
    sheet = parsed(text)
    assert sheet.filled({}) == text
    found = [[row.value(place) for place in range(3)] for row in (sheet.header, *sheet.body)]
    assert found == [[value.strip() for value in row] for row in rows]
    filled = sheet.filled({(sheet.body[0], 1): 'a";,\n'})
    expected = [list(row) for row in rows]
    expected[1][1] = 'a";,\n'
    read = csv.reader(io.StringIO(filled.removeprefix(MARK), newline=""), delimiter=delimiter)
    assert list(read) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file is empty"),
        (MARK, "line 1: the file is empty"),
        ('a,b\n"x,y\n', "line 2: .* a quote that never ends"),
        ('a,"b\nc"\n"x"y,z\n', "line 3: .* found text after"),
    ],
)
def test_what_is_no_csv_is_an_error_with_its_line(text, said):
    with pytest.raises(UserError, match=said):
        parsed(text)


def test_a_title_with_the_other_delimiters_does_not_mislead():
    sheet = parsed("Student;Práctica 1, redes, capas, y más\nLi, Bo;1\n")
    assert sheet.body[0].value(0) == "Li, Bo"


@pytest.mark.parametrize("text", ["", "-", "EX", "1.000,50", "1e3", "٣"])
def test_what_is_no_number(text):
    assert as_number(text) is None
