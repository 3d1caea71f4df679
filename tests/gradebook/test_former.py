"""A release that another one replaces is kept, for those who worked on it."""

from pathlib import Path

import pytest

from grading.gradebook.former import former_releases
from grading.gradebook.release import release
from tests import mini


@pytest.mark.kernels
def test_a_release_is_kept_when_another_replaces_it(tmp_path: Path) -> None:
    course = mini.make_course(tmp_path)
    url = f"sqlite:///{course.home / 'gradebook.db'}"
    source = tmp_path / "notebooks" / "source" / "mini.py"
    for _ in range(2):
        release(course, "mini", url)
        assert former_releases(course.home, "mini") == ()
    source.write_text(source.read_text().replace("linspace(1.0", "linspace(0.5"))
    release(course, "mini", url)
    (former,) = former_releases(course.home, "mini")
    given = [cell.source for cell in former.cells if cell.id == "check-slope"]
    assert len(given) == 1 and "linspace(1.0" in given[0]
    source.write_text(source.read_text().replace("linspace(0.5", "linspace(0.7"))
    release(course, "mini", url)
    assert len(former_releases(course.home, "mini")) == 2
