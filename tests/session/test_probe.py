"""Whatever the student's code does, a check gets an answer and disturbs nothing."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from grading.answers.canonical import Canonical
from grading.answers.decoding import decode
from grading.answers.encoding import encode
from grading.answers.evidence import MAX_ANSWERS, MAX_LABEL, MAX_MESSAGE, Answer
from grading.answers.evidence import Evidence as EvidenceRecord
from grading.session.probe import draw_cases, generator, probe, probe_calls, raised, seeded


def answer(thunk: Any) -> Answer:
    return probe(thunk, seed=1, label="x")


def content(found: Answer) -> list[Any]:
    assert isinstance(found.value, Canonical)
    return found.value.numbers.tolist()


def calls(function: Any, *cases: tuple[Any, ...]) -> list[Answer]:
    return probe_calls(function, cases, seed=1, label="x")


def test_a_value() -> None:
    assert content(answer(lambda: [1, 2])) == [1, 2]


class Rude(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def throw(error: BaseException) -> Any:
    raise error


def recurse() -> Any:
    return recurse()


@pytest.mark.parametrize(
    ("thunk", "name", "message"),
    [
        (lambda: 1 / 0, "ZeroDivisionError", "division by zero"),
        (lambda: throw(ValueError("one\ntwo")), "ValueError", "one"),
        (lambda: throw(ValueError()), "ValueError", ""),
        (lambda: throw(SystemExit(3)), "SystemExit", "3"),
        (lambda: throw(Rude()), "Rude", ""),
        (lambda: throw(type("E" * 900, (Exception,), {})("m" * 9000)), "E" * 200, "m" * 300),
        (recurse, "RecursionError", "maximum recursion depth exceeded"),
        (lambda: throw(NotImplementedError("Complete f()")), "NotImplementedError", "Complete f()"),
        (object, "NotEvidence", "type: 'object'"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)  # fmt: skip
def test_an_exception_takes_the_value_s_place(thunk: Any, name: str, message: str) -> None:
    found = answer(thunk)
    assert (found.value, found.raised) == (None, name)
    assert found.message.startswith(message)
    assert len(found.raised) <= MAX_LABEL and len(found.message) <= MAX_MESSAGE
    decode(encode(EvidenceRecord("x", "value", (found,))))


def test_a_nameless_exception_still_has_a_name() -> None:
    assert raised(type("", (Exception,), {})()).raised == "Exception"


def test_the_stop_button_works() -> None:
    with pytest.raises(KeyboardInterrupt):
        answer(lambda: throw(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        calls(lambda x: throw(KeyboardInterrupt()), (1,))


def draw() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]


def test_random_numbers_are_those_of_the_check() -> None:
    first = content(answer(draw))
    draw()
    assert content(answer(draw)) == first
    assert content(probe(draw, seed=2, label="x")) != first
    assert content(probe(draw, seed=1, label="y")) != first
    assert content(calls(draw, ())[0]) != first


def test_each_case_has_random_numbers_of_its_own() -> None:
    one, other = (content(found) for found in calls(draw, (), ()))
    assert one != other
    assert [content(found) for found in calls(draw, (), ())] == [one, other]


def test_the_session_s_random_numbers_are_left_alone() -> None:
    for disturb in (draw, lambda: throw(ValueError()), lambda: random.seed(0)):
        random.seed(5), np.random.seed(5), torch.manual_seed(5)
        expected = draw()
        random.seed(5), np.random.seed(5), torch.manual_seed(5)
        answer(disturb)
        assert draw() == expected


def test_seeding_needs_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(__import__("sys").modules, "torch")
    with seeded("x"):
        one = random.random()
    with seeded("x"):
        assert random.random() == one


def test_a_check_draws_from_its_own_stream_of_the_run_s_seed() -> None:
    def drawn(seed: int, label: str) -> list[float]:
        return generator(seed, label).random(3).tolist()

    assert drawn(1, "a") == drawn(1, "a")
    assert drawn(1, "a") != drawn(2, "a")
    assert drawn(1, "a") != drawn(1, "b")


def test_each_case_is_called_once_and_costs_only_itself() -> None:
    seen: list[int] = []

    def invert(x: int) -> float:
        seen.append(x)
        return 1 / x

    found = calls(invert, (2,), (0,), (4,))
    assert seen == [2, 0, 4]
    assert [a.raised for a in found] == ["", "ZeroDivisionError", ""]
    assert content(found[2]) == [0.25]


def test_changes_of_the_inputs_are_noted() -> None:
    def change(array: Any, words: list[str], settings: dict[str, int], model: Any) -> int:
        array[0] = 9
        words.append("x")
        settings.get("a")
        model.weight.data += 1
        return 1

    arguments = (np.zeros(2), ["a"], {"a": 1}, torch.nn.Linear(1, 1))
    assert calls(change, arguments)[0].changed == (0, 1)


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        (np.array([np.nan, 1.0]), lambda a: None),
        (np.array([0.0]), lambda a: np.negative(a, out=a)),
        (torch.zeros(2, requires_grad=True), lambda t: (t * 2).sum().backward()),
        (torch.zeros(2), lambda t: t + 1),
        ([3, 1], sorted),
        ((n for n in range(3)), list),
        ("text", str.upper),
    ],
)
def test_what_is_no_change(argument: Any, change: Any) -> None:
    def function(x: Any) -> int:
        change(x)
        return 0

    assert calls(function, (argument,))[0].changed == ()


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        (np.array([1.0]), lambda a: np.negative(a, out=a)),
        (torch.zeros(2), lambda t: t.add_(1)),
        ([3, 1], list.sort),
        ({"a": [1]}, lambda d: d["a"].append(2)),
        ([1], lambda items: items.append(object())),
        ([1], lambda items: throw(items.append(2) or ValueError())),
    ],
)
def test_what_is_a_change(argument: Any, change: Any) -> None:
    assert calls(lambda x: change(x) and 0, (argument,))[0].changed == (0,)


def test_cases_are_drawn_from_the_seed() -> None:
    def drawn(seed: int) -> list[tuple[Any, ...]]:
        return draw_cases(lambda rng: [(rng.random(), random.random())] * 2, seed=seed, label="x")

    assert drawn(1) == drawn(1) != drawn(2)
    assert draw_cases(lambda rng: iter([("a",)]), seed=1, label="x") == [("a",)]


@pytest.mark.parametrize(
    ("cases", "error", "why"),
    [
        (lambda rng: ["ab", "c"], TypeError, r"case 1 is 'str'; expected a tuple .* \(text,\)"),
        (lambda rng: [(1,), [2]], TypeError, "case 2 is 'list'"),
        (lambda rng: None, TypeError, "not iterable"),
        (lambda rng: [(1,)] * (MAX_ANSWERS + 1), ValueError, "at most 1000 cases, got 1001"),
        (lambda rng: throw(KeyError("vocabulary")), KeyError, "vocabulary"),
    ],
)
def test_cases_that_cannot_be_used(cases: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        draw_cases(cases, seed=1, label="x")
