"""What is stored and reported of a submission."""

import pytest

from grading.judging.results import MOST_FLAGS, lines_of
from grading.messages import Reason


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (MOST_FLAGS, 20), (1501, MOST_FLAGS + 1)])
def test_flags_are_as_many_lines_as_people_read(count: int, lines: int) -> None:
    flags = [Reason("flag.deleted", {"cell": f"c{number}"}) for number in range(count)]
    for lang in ("en", "es"):
        assert len(lines_of(flags, lang)) == lines
    assert (count <= MOST_FLAGS) or lines_of(flags, "en")[-1] == f"and {count - MOST_FLAGS} more"
