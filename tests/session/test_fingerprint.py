"""A value within the tolerance always matches, a value outside never does."""

import json
import math
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading.answers.canonical import canonical
from grading.answers.projections import project
from grading.answers.tolerance import ABSOLUTE_FLOOR, EDGE, RELATIVE_TOLERANCE
from grading.session.fingerprint import NUMBER_BY_NUMBER, Fingerprint, fingerprint, matches
from tests.values import (
    ANY_FLOATS,
    ARRAYS,
    COMPUTATIONS,
    FLOATS,
    INT_DTYPES,
    SHAPES,
    TREES,
    fast_hashes,
)

# Between a tolerance and this much more of it, a value may be either.
MARGIN = Fraction(1, 1_000_000)


@pytest.fixture(autouse=True, scope="module")
def _fast() -> Iterator[None]:
    with fast_hashes():
        yield


def agree(reference: Any, value: Any, tol: float | None = None) -> bool:
    return matches(canonical(value), fingerprint(canonical(reference), tol))


@given(TREES)
def test_every_value_is_itself(value: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert agree(value, value)
        assert agree(value, value, tol=0.1)


@given(FLOATS, st.floats(1e-12, 1e6), st.floats(-3, 3))
def test_a_number_within_the_tolerance_and_no_other(
    reference: float, tol: float, share: float
) -> None:
    value = reference + share * tol
    distance = abs(Fraction(value) - Fraction(reference)) / Fraction(tol)
    assume(not 1 < distance <= 1 + MARGIN)
    assert agree(reference, value, tol) == (distance <= 1)


@pytest.mark.parametrize(
    ("reference", "value", "tol"),
    [(1.0, 1.5, 0.5), (1.0, 0.5, 0.5), (0.3, 0.4, 0.1), (10.0, 9.0, 1.0), (10, 11, 1)],
)
def test_the_very_edge_of_the_tolerance_is_inside(
    reference: float, value: float, tol: float
) -> None:
    assert agree(float(reference), value, tol)


@given(
    hnp.arrays(np.float64, SHAPES, elements=FLOATS).filter(lambda array: array.size),
    st.floats(1e-9, 1e6),
    st.integers(0, 2**32),
    st.data(),
)
def test_an_array_within_the_tolerance_and_no_other(
    reference: np.ndarray, tol: float, seed: int, data: st.DataObject
) -> None:
    value = reference + tol * np.random.default_rng(seed).uniform(-1, 1, reference.shape)
    assume(all(_distance(a, b, tol) <= 1 for a, b in zip(value.flat, reference.flat, strict=True)))
    assert agree(reference, value, tol)
    place = data.draw(st.integers(0, reference.size - 1))
    value.flat[place] = reference.flat[place] + tol * data.draw(st.floats(1.01, 1e9))
    assume(_distance(value.flat[place], reference.flat[place], tol) > 1 + MARGIN)
    assert not agree(reference, value, tol)


def _distance(value: float, reference: float, tol: float) -> Fraction:
    return abs(Fraction(float(value)) - Fraction(float(reference))) / Fraction(tol)


@given(hnp.arrays(np.float64, SHAPES, elements=FLOATS).filter(lambda array: array.size), st.data())
def test_the_default_tolerance_is_relative(reference: np.ndarray, data: st.DataObject) -> None:
    share = data.draw(hnp.arrays(np.float64, reference.shape, elements=st.floats(-0.99, 0.99)))
    assert agree(reference, reference * (1 + RELATIVE_TOLERANCE * share))
    place = data.draw(st.integers(0, reference.size - 1))
    most = math.hypot(reference.flat[place], math.sqrt(np.mean(reference**2)))
    step = max(1.01 * RELATIVE_TOLERANCE * most, 2 * ABSOLUTE_FLOOR)
    value = reference.copy()
    value.flat[place] += step * data.draw(st.sampled_from([-1, 1])) * data.draw(st.floats(1, 1e6))
    assert not agree(reference, value)


@given(st.floats(-ABSOLUTE_FLOOR, ABSOLUTE_FLOOR))
def test_what_is_left_of_a_sum_that_cancels_out_is_zero(rest: float) -> None:
    assert agree(0.0, rest)
    assert agree(3e-17, rest / 2)


@given(INT_DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)), st.data())
def test_whole_numbers_have_no_tolerance(reference: np.ndarray, data: st.DataObject) -> None:
    assume(reference.size)
    wide = reference.astype(np.int64)
    assert agree(reference, wide)
    place = data.draw(st.integers(0, reference.size - 1))
    changed = wide.copy()
    changed.flat[place] ^= 1  # the number beside it, which is always there
    assert not agree(reference, changed, tol=10.0)
    assert not agree(changed, reference)


@given(st.sampled_from([math.nan, math.inf, -math.inf]), ANY_FLOATS)
def test_nan_and_infinities_are_only_themselves(one: float, other: float) -> None:
    assert agree(one, other) == (one == other or (math.isnan(one) and math.isnan(other)))
    assert agree([one, 1.0], [other, 1.0]) == agree(one, other)


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=40, unique=True), st.randoms())
def test_a_permutation_never_matches(numbers: list[int], random: Any) -> None:
    shuffled = list(numbers)
    random.shuffle(shuffled)
    assume(shuffled != numbers)
    for scale in (1, 0.1, 1e-3 + 0j):
        assert not agree(np.array(numbers) * scale, np.array(shuffled) * scale)


@pytest.mark.parametrize("size", [NUMBER_BY_NUMBER, NUMBER_BY_NUMBER + 1, 3000, 40_000])
def test_in_a_large_array_every_element_and_its_place_count(size: int) -> None:
    rng = np.random.default_rng(size)
    reference = rng.normal(size=size)
    public = fingerprint(canonical(reference))
    for _ in range(20):
        one, other = rng.choice(size, 2, replace=False)
        value = reference.copy()
        value[one] += rng.choice([-1, 1]) * rng.uniform(0.3, 3)
        assert not matches(canonical(value), public)
        swapped = reference.copy()
        swapped[one], swapped[other] = reference[other], reference[one]
        if abs(reference[one] - reference[other]) > 0.5:
            assert not matches(canonical(swapped), public)
    assert not matches(canonical(reference[::-1]), public)
    assert not matches(canonical(np.roll(reference, 1)), public)
    assert not matches(canonical(-reference), public)


@pytest.mark.parametrize("size", [300, 5000, 40_000])
def test_a_large_array_whose_elements_are_all_within_the_tolerance_matches(size: int) -> None:
    rng = np.random.default_rng(size)
    reference = rng.normal(size=size)
    public = fingerprint(canonical(reference), 0.01)
    for noise in (
        0.01 * rng.uniform(-1, 1, size),
        0.0099 * rng.choice([-1, 1], size),
        np.full(size, 0.0099),
    ):
        assert matches(canonical(reference + noise), public)


@given(ARRAYS)
def test_another_shape_never_matches(array: np.ndarray) -> None:
    public = fingerprint(canonical(array))
    for shape in {(array.size,), (1, *array.shape), (*array.shape, 1), array.shape[::-1]}:
        matched = matches(canonical(array.reshape(shape)), public)
        assert matched == (shape == array.shape)


@settings(max_examples=20)
@given(st.sampled_from(sorted(COMPUTATIONS)), st.integers(2, 40), st.integers(0, 2**32))
def test_float32_matches_float64(name: str, rows: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, 30)).astype(np.float32)
    single, double = COMPUTATIONS[name](x), COMPUTATIONS[name](x.astype(np.float64))
    assert agree(double, single) and agree(single, double)
    assert agree(double, torch.tensor(single))


@pytest.mark.parametrize("name", sorted(COMPUTATIONS))
def test_float32_matches_float64_in_large_arrays(name: str) -> None:
    x = np.random.default_rng(7).normal(size=(400, 300)).astype(np.float32)
    assert agree(COMPUTATIONS[name](x.astype(np.float64)), COMPUTATIONS[name](x))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_gpu_computes_the_same() -> None:
    x = torch.randn(64, 300, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for compute in (torch.softmax, torch.log_softmax, torch.cumsum):
        assert agree(compute(x, -1), compute(x.float().cuda(), -1))
    assert agree(x @ x.T, x.float().cuda() @ x.float().cuda().T)


@given(st.text(), st.text())
def test_text_matches_exactly(one: str, other: str) -> None:
    assert agree(one, other) == (one == other)
    assert agree({"k": [one]}, {"k": [other]}) == (one == other)


def test_numbers_inside_a_structure() -> None:
    reference = {"loss": 0.5, "steps": 3, "weights": [1.0, 2.0]}
    assert agree(reference, {"weights": (1.00001, 2), "steps": 3.0, "loss": np.float32(0.500001)})
    assert agree(reference, {"loss": 0.6, "steps": 3, "weights": [1.0, 2.0]}, tol=0.11)
    for wrong in (
        {"loss": 0.51, "steps": 3, "weights": [1.0, 2.0]},
        {"loss": 0.5, "steps": 4, "weights": [1.0, 2.0]},
        {"loss": 0.5, "steps": 3.5, "weights": [1.0, 2.0]},
        {"loss": 0.5, "steps": 3, "weights": [2.0, 1.0]},
        {"loss": 0.5, "steps": 3, "weights": [1.0, 2.0, 3.0]},
        {"loss": 0.5, "steps": 3},
        [0.5, 3, 1.0, 2.0],
        None,
    ):
        assert not agree(reference, wrong)


@pytest.mark.parametrize("reference", [[], np.zeros((0, 3)), np.zeros(0, int), "", {}, set()])
def test_empty_values(reference: Any) -> None:
    assert agree(reference, reference)
    for other in ([0.0], np.zeros((3, 0)), "x", {"a": 1}, None, 0):
        assert not agree(reference, other)


def test_an_empty_list_is_an_empty_array_of_any_type() -> None:
    assert agree(np.zeros(0, int), []) and agree([], np.zeros(0, bool))


@pytest.mark.parametrize(
    "numbers",
    [
        [1e308, 1e308, -1e308],
        [1e308] * 300,
        [1.7e308, -1.7e308] * 200,
        [5e-324, 1e-310],
        [5e-324] * 300,
        [1e300, 1e-300, 0.0],
        [np.nan, np.inf, -np.inf, 1e308] * 100,
        [2.0**900, 2.0**901] * 200,
    ],
    ids=lambda numbers: f"{len(numbers)} like {numbers[0]}",
)
@pytest.mark.parametrize("tol", [None, 1e-300, 1e300])
def test_extreme_numbers(numbers: list[float], tol: float | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert agree(numbers, numbers, tol)
        assert agree(numbers[0], numbers[0], tol)
    if tol is None and abs(numbers[0]) > 1e299:
        assert agree(numbers, np.array(numbers) * (1 + 1e-7))
        assert not agree(numbers, np.array(numbers) / 2)
        assert not agree(numbers[0], numbers[0] / 2)


def test_a_key_tells_nothing_of_its_answer_but_kind_shape_and_scale() -> None:
    number = fingerprint(canonical(0.7312))
    other = fingerprint(canonical(0.7312))
    assert number.salt != other.salt and number.digest != other.digest
    public = json.dumps(number.to_json())
    assert "0.73" not in public and "7312" not in public
    text = json.dumps(fingerprint(canonical({"secret": "word"})).to_json())
    assert "secret" not in text and "word" not in text


def test_the_public_shift_is_the_same_for_all_buckets() -> None:
    width = 2 * 0.125 * (1 + EDGE)
    answers = [1.0 + k * width for k in range(50)]
    assert len({fingerprint(canonical(answer), 0.125).shifts for answer in answers}) == 1


def test_json_and_back() -> None:
    for value in (0.5, 3, "x", [1.5, 2.5], {"a": 1, "b": 2.5}, np.arange(2000) / 7):
        public = fingerprint(canonical(value))
        data = json.loads(json.dumps(public.to_json()))
        assert Fingerprint.from_json(data) == public
        assert matches(canonical(value), Fingerprint.from_json(data))


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=FLOATS), st.integers(1, 9))
def test_projections_are_linear_and_the_same_everywhere(numbers: np.ndarray, blocks: int) -> None:
    once = project(numbers, "key", 2, blocks)
    assert once.shape == (2 * blocks,)
    np.testing.assert_array_equal(once, project(numbers, "key", 2, blocks))
    doubled = project(2 * numbers, "key", 2, blocks)
    np.testing.assert_allclose(doubled, 2 * once, atol=1e-300)  # denormal numbers round coarsely
    assert not numbers.any() or not np.array_equal(once, project(numbers, "other", 2, blocks))


def test_projections_are_those_that_the_keys_were_made_with() -> None:
    """Other weights, as from another version of numpy, would void the keys of every lab."""
    sums = project(np.array([1.0, 2.0, 4.0]), "key", 2, 1)
    np.testing.assert_allclose(sums, [-1.07644052, -4.26005831], rtol=1e-8)
