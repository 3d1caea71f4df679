"""Every value has one form, or is refused in one line."""

import enum
import warnings
from collections import Counter, OrderedDict, deque, namedtuple
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grading.answers.canonical import (
    MAX_DEPTH,
    Canonical,
    NotEvidence,
    as_kind,
    canonical,
    finite_scale,
    split,
)
from tests.values import ARRAYS, SCALARS, TREES


def same(one: Canonical, other: Canonical) -> bool:
    return (
        (one.kind, one.shape, one.exact, one.types)
        == (other.kind, other.shape, other.exact, other.types)
        and one.numbers.dtype == other.numbers.dtype
        and np.array_equal(one.numbers, other.numbers, equal_nan=True)
    )


@given(TREES)
def test_every_value_has_a_form_and_always_the_same(value: Any) -> None:
    one, other = canonical(value), canonical(value)
    assert same(one, other)
    assert one.numbers.dtype == (np.int64 if one.is_exact else np.float64)
    if one.kind == "tree":
        assert len(one.types) == one.numbers.size and set(one.types) <= set("if")
        assert one.shape == ()
    else:
        assert one.exact == one.types == ""
        assert one.numbers.size == np.prod(one.shape, dtype=int) * (1 + (one.kind == "complex"))


@given(ARRAYS)
def test_an_array_is_its_list_and_its_tensor(array: np.ndarray) -> None:
    expected = canonical(array)
    listed = canonical(array.tolist())
    if array.size:
        assert same(listed, expected)
        assert same(canonical(torch.from_numpy(array.copy())), expected)
    assert same(canonical({"a": array}), canonical({"a": torch.tensor(array.copy())}))
    assert (listed.shape, listed.numbers.size) == (expected.shape, expected.numbers.size) or (
        0 in array.shape  # a list of no rows has no columns
    )


@given(SCALARS)
def test_a_scalar_is_its_zero_dimensional_array(value: Any) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        assert canonical(value).kind == "tree"
        return
    assert same(canonical(value), canonical(np.array(value)))
    assert same(canonical(value), canonical(np.array(value)[()]))
    assert not same(canonical(value), canonical([value]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        (deque([1.5]), [1.5]),
        ({"b": 1, "a": 2}, OrderedDict(a=2, b=1)),
        (Counter("aab"), {"b": 1, "a": 2}),
        ({1: "x"}.values(), ["x"]),
        ({"a": 1}.keys(), {"a"}),
        ({3, 1, 2}, frozenset([2, 3, 1])),
        (namedtuple("Pair", "x y")("u", 1), ("u", 1)),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([b"a"]), [b"a"]),
        (np.array(["a", 1], dtype=object), ["a", 1]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.DataFrame({"n": [1, 2], "w": ["x", "y"]}), [[1, "x"], [2, "y"]]),
        (pd.DataFrame({"n": [1.5, 2.5]}), [[1.5], [2.5]]),
        (torch.Size([2, 3]), [2, 3]),
        (bytearray(b"ab"), b"ab"),
        ([2**63, 1], np.array([2**63, 1], dtype=np.uint64)),
        ([torch.tensor([1, 2]), torch.tensor([3])], [[1, 2], [3]]),
        (-0.0, 0.0),
        (enum.IntEnum("Side", "LEFT")(1), 1),
    ],
)
def test_written_differently(one: Any, other: Any) -> None:
    assert same(canonical(one), canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", 1),
        ("a", b"a"),
        (None, "None"),
        ([1, 2], [2, 1]),
        ([[1, 2]], [1, 2]),
        (["a", ["b"]], ["a", "b"]),
        ({"a": "b"}, [["a", "b"]]),
        ({1, 2}, [1, 2]),
        ({"1": "x"}, {1: "x"}),
        (2**70, 2**70 + 1),
        ({"n": 2**60}, {"n": 2**60 + 1}),
        ([2**63, -1], [2**63 + 1, -1]),
        ({"a": np.zeros((2, 3))}, {"a": np.zeros((3, 2))}),
        ({"a": [[1], [2]]}, {"a": [[1, 2]]}),
        ({("a", 1): "x"}, {("a", 2): "x"}),
        ({True: "x"}, {"True": "x"}),
        ("\u00e9", "e\u0301"),
    ],
)
def test_different_values(one: Any, other: Any) -> None:
    assert not same(canonical(one), canonical(other))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        torch.tensor([1.0, 2.0]).bfloat16(),
        torch.tensor([1.0, 2.0]).half(),
        torch.tensor([1.0, 2.0]).to_sparse(),
        torch.tensor([2.0, 1.0]).flip(0),
        torch.tensor([[1.0, 9.0], [2.0, 9.0]])[:, 0],
        torch.tensor([1.0 + 0j, 2.0]).conj(),
        torch.tensor([1.0, 2.0], dtype=torch.float64),
    ],
)
def test_tensors_of_any_kind(tensor: torch.Tensor) -> None:
    seen = as_kind(canonical(tensor), "float")
    assert seen is not None and seen.numbers.tolist() == [1.0, 2.0]


def test_a_conjugated_tensor_is_resolved() -> None:
    assert canonical(torch.tensor([1.0 + 2.0j]).conj()).numbers.tolist() == [1.0, -2.0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_tensors_on_a_gpu() -> None:
    on_gpu = torch.tensor([[1.5, 2.0]], device="cuda", requires_grad=True)
    assert same(canonical(on_gpu), canonical(on_gpu.detach().cpu()))
    assert same(canonical({"w": [on_gpu]}), canonical({"w": [[[1.5, 2.0]]]}))


def test_the_form_does_not_share_memory_with_the_value() -> None:
    array = np.zeros(3)
    tensor = torch.zeros(3, dtype=torch.float64)
    forms = [canonical(array), canonical(tensor), canonical(array.astype(complex))]
    array += 1
    tensor += 1
    assert all(not form.numbers.any() for form in forms)


class Trap:
    """An object whose attributes cannot be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError("no")


class Liar:
    __class__ = str  # type: ignore[assignment]


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def endless_mapping() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["x"] = ["y", value]
    return value


def endless_array() -> np.ndarray:
    value = np.array(None, dtype=object)
    value[()] = value
    return value


def deep() -> Any:
    value: Any = "x"
    for _ in range(MAX_DEPTH + 2):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        torch.nn.Linear(1, 1),
        len,
        torch.Tensor,
        pd.DataFrame,
        (n for n in range(3)),
        map(str, [1]),
        iter([]),
        object(),
        ...,
        Fraction(1, 2),
        np.datetime64("2026-01-01"),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        pd.Timestamp("2026-01-01"),
        np.zeros(2, dtype=[("a", int)]),
        np.ma.array([1.0, 2.0], mask=[False, True]),
        [np.ma.array([1.0, 2.0], mask=[False, True])],
        {0.5: "x"},
        {0.5},
        Trap(),
        Liar(),
        endless(),
        endless_mapping(),
        endless_array(),
        deep(),
        ["x", {"y": object()}],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_evidence_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(NotEvidence, match=r"^expected .*found") as caught:
        canonical(value)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        1e308,
        5e-324,
        [1e308, -1e308],
        np.longdouble("1e4000"),
        np.array([1e4000], dtype=np.longdouble),
        np.array([np.inf, -np.inf, np.nan]),
        complex("inf+nanj"),
        np.array([np.nan], dtype=np.float16),
        -(2**63),
        {"n": -(2**63)},
        10**5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_extreme_numbers_raise_no_warning(value: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        form = canonical(value)
        finite_scale(form.numbers)
        for kind in ("bool", "int", "float", "complex"):
            as_kind(form, kind)
        assert split(form, form.types) is not None


@given(ARRAYS, st.sampled_from(["bool", "int", "float", "complex"]))
def test_seen_as_another_kind_no_number_changes(array: np.ndarray, kind: str) -> None:
    seen = as_kind(canonical(array), kind)
    if seen is None:
        return
    assert (seen.kind, seen.shape) == (kind, array.shape)
    numbers = seen.numbers[::2] if kind == "complex" else seen.numbers
    assert np.array_equal(numbers, np.real(array).ravel(), equal_nan=kind in ("float", "complex"))


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        (3.0, "int", True),
        (3.5, "int", False),
        (float("nan"), "int", False),
        (float("inf"), "int", False),
        (2.0**63, "int", False),
        (-(2.0**63), "int", True),
        (1, "bool", True),
        (1.0, "bool", True),
        (2, "bool", False),
        (True, "int", True),
        (True, "float", True),
        (1 + 0j, "int", True),
        (1 + 1e-9j, "float", False),
        (complex(1, float("nan")), "float", False),
        ([], "int", True),
        (np.zeros((0, 3)), "bool", True),
        ("3", "int", False),
        (None, "float", False),
    ],
)
def test_what_may_stand_for_another_kind(value: Any, kind: str, fits: bool) -> None:
    assert (as_kind(canonical(value), kind) is not None) == fits


def test_whole_numbers_in_a_structure_may_be_floats_and_real_ones_may_be_whole() -> None:
    reference = canonical([("the", 3), ("a", 0.5), ("an", 1.0)])
    student = canonical([("the", 3.0), ("a", 0.5), ("an", 1)])
    assert student.exact == reference.exact
    parts = split(student, reference.types)
    assert parts is not None
    assert parts[0].tolist() == [3] and parts[1].tolist() == [0.5, 1.0]
    assert split(canonical([("the", 3.1), ("a", 0.5), ("an", 1)]), reference.types) is None


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_the_scale_is_the_root_mean_square_of_the_finite(numbers: list[float]) -> None:
    array = np.array(numbers)
    finite = [Fraction(x) for x in array[np.isfinite(array)].tolist()]
    exact = sum(x * x for x in finite) / len(finite) if finite else Fraction(0)
    scale = Fraction(finite_scale(array))
    assert abs(scale * scale - exact) <= exact * Fraction(1, 10**12) + Fraction(5e-324) ** 2
