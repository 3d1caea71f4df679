"""How often somebody may ask."""

import pytest

from grading.service.web import limits
from grading.service.web.limits import Limits


def test_a_minutes_worth_at_once_then_as_it_comes_back() -> None:
    now = [0.0]
    limit = Limits(lambda: now[0])
    assert [limit.wait("page", "ada", 3) for _ in range(4)] == [0, 0, 0, 20]
    assert limit.wait("page", "bob", 3) == 0, "others are not concerned"
    assert limit.wait("form", "ada", 3) == 0, "nor are other pages"
    now[0] = 21.0
    assert [limit.wait("page", "ada", 3) for _ in range(2)] == [0, 19]
    now[0] = 1000.0
    assert [limit.wait("page", "ada", 3) for _ in range(4)] == [0, 0, 0, 20], "no more than that"


def test_those_who_are_known_are_not_ever_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KNOWN", 10)
    limit = Limits(lambda: 0.0)
    for number in range(100):
        limit.wait("page", str(number), 1)
    assert len(limit._left) == 10
