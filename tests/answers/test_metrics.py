"""Metrics agree with other implementations, and refuse what cannot be scored."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grading.answers.canonical import canonical
from grading.answers.metrics import (
    METRICS,
    Unscorable,
    earns,
    limit_between,
    margin_of,
    measure,
    real_array,
)
from grading.messages import languages

FLOATS = st.floats(-1e6, 1e6)


@given(hnp.arrays(float, 12, elements=FLOATS), hnp.arrays(float, 12, elements=FLOATS))
def test_errors_agree_with_scikit_learn(outputs: np.ndarray, truth: np.ndarray) -> None:
    from sklearn.metrics import mean_squared_error  # seconds, in each process that would collect it

    expected = mean_squared_error(truth, outputs)
    assert measure("mse", outputs, truth) == pytest.approx(expected)
    assert measure("rmse", outputs, truth) == pytest.approx(math.sqrt(expected))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_accuracy_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import accuracy_score

    outputs, truth = np.array(pairs).T
    expected = accuracy_score(truth, outputs)
    assert measure("accuracy", outputs, truth) == pytest.approx(expected)
    assert measure("accuracy", outputs.astype(float), truth) == pytest.approx(expected)
    assert measure("accuracy", np.eye(5)[outputs], truth) == pytest.approx(expected)


@given(hnp.arrays(float, (9, 4), elements=st.floats(-30, 30)), st.integers(0, 2**32))
def test_cross_entropy_agrees_with_torch(logits: np.ndarray, seed: int) -> None:
    truth = np.random.default_rng(seed).integers(4, size=9)
    score = measure("cross_entropy", logits, truth)
    expected = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(truth))
    assert score == pytest.approx(float(expected))


@given(hnp.arrays(float, (9, 4), elements=st.floats(-30, 30)), st.floats(-1e3, 1e3))
def test_scores_that_are_no_distribution_gain_nothing(logits: np.ndarray, shift: float) -> None:
    truth = np.arange(9) % 4
    score = measure("cross_entropy", logits, truth)
    assert measure("cross_entropy", logits + shift, truth) == pytest.approx(score, abs=1e-9)
    assert score >= 0


def test_neighbour_precision() -> None:
    truth = np.array([0, 0, 1, 1, -1])
    good = np.array([[1, 0], [9, 1], [0, 1], [1, 9], [1, 0.1]])
    assert measure("neighbour_precision", good, truth) == 1.0
    assert measure("neighbour_precision", good[[0, 2, 1, 3, 4]], truth) == 0.0
    assert measure("neighbour_precision", 1e200 * good, truth) >= 0
    assert measure("neighbour_precision", np.zeros((5, 2)), truth) <= 0.5


@pytest.mark.parametrize(
    ("metric", "outputs", "truth", "key"),
    [
        ("rmse", [1.0], [1.0, 2.0], "score.shape"),
        ("rmse", [[1.0], [2.0]], [1.0, 2.0], "score.shape"),
        ("rmse", [], [1.0], "score.none"),
        ("mse", [1.0, math.nan], [1.0, 2.0], "score.finite"),
        ("mse", [1.0, math.inf], [1.0, 2.0], "score.finite"),
        ("accuracy", [[[1.0, 0.0]]], [1], "score.shape"),
        ("accuracy", 1.0, [1], "score.shape"),
        ("cross_entropy", [1.0, 2.0], [0, 1], "score.rows"),
        ("cross_entropy", [[1.0, 2.0]], [0, 1], "score.rows"),
        ("cross_entropy", [[1.0, 2.0]], [[0]], "score.rows"),
        ("cross_entropy", [[1.0, 2.0]], [2], "score.classes"),
        ("neighbour_precision", [1.0, 2.0], [0, 1], "score.rows"),
    ],
)
def test_what_cannot_be_scored(metric: str, outputs: Any, truth: Any, key: str) -> None:
    with pytest.raises(Unscorable) as caught:
        measure(metric, outputs, truth)
    assert caught.value.reason.key == key
    for lang in languages():
        assert caught.value.reason.text(lang)


@pytest.mark.parametrize("value", ["text", [1j], {"a": 1}, None, ["a", 1.0]])
def test_only_real_numbers_are_scored(value: Any) -> None:
    with pytest.raises(Unscorable, match="expected real numbers, found"):
        real_array(canonical(value))


@given(hnp.arrays(float, (3, 2), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_of_any_size_are_measured_without_a_warning(outputs: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for metric, truth in (
            ("mse", np.zeros((3, 2))),
            ("rmse", np.zeros((3, 2))),
            ("accuracy", [0, 1, 1]),
            ("cross_entropy", [0, 1, 1]),
            ("neighbour_precision", [0, 0, 1]),
        ):
            measure(metric, outputs, truth)


# What an answer can say that knows nothing of the labels: for every item the same, or noise.
SIZES = [0.0, 5e-324, 1e-38, 1e-3, 1.0, 1e3, 1e17, 1e154, 1e200, 1.7e308]
NUMBERS = st.sampled_from(SIZES) | st.floats(allow_nan=False, allow_infinity=False)
ITEMS, CLASSES = 30, 5


def best_constant(metric: str, truth: np.ndarray) -> float:
    """Return the score of the best answer that is the same for every item."""
    counts = np.bincount(truth.astype(int), minlength=CLASSES)
    match metric:
        case "accuracy":
            return float(counts.max() / ITEMS)
        case "mse":
            return float(truth.var())
        case "rmse":
            return float(truth.std())
        case "cross_entropy":
            shares = counts[counts > 0] / ITEMS
            return float(-(shares * np.log(shares)).sum())
        case "neighbour_precision":
            return float((counts * (counts - 1)).sum() / (ITEMS * (ITEMS - 1)))  # by chance
    raise AssertionError(f"{metric}: say what its best uninformative answer scores")


@given(
    st.sampled_from(sorted(METRICS)),
    st.lists(NUMBERS, min_size=CLASSES, max_size=CLASSES),
    st.sampled_from([1.0, -1.0]),
    st.integers(0, 2**32),
)
def test_an_answer_that_is_always_the_same_never_beats_the_baseline(
    metric: str, row: list[float], sign: float, seed: int
) -> None:
    truth = np.random.default_rng(seed).integers(CLASSES, size=ITEMS).astype(float)
    wide = metric in ("cross_entropy", "neighbour_precision")
    answers = [np.tile(sign * np.array(row), (ITEMS, 1))]
    if not wide:
        answers = [np.full(ITEMS, sign * row[0])] + (answers if metric == "accuracy" else [])
    for answer in answers:
        score, best = measure(metric, answer, truth), best_constant(metric, truth)
        higher = METRICS[metric].higher_is_better
        assert (score <= best + 1e-9) if higher else (score >= best - 1e-9)
        assert not earns(metric, score, best + (1e-6 if higher else -1e-6))


@given(st.sampled_from(SIZES[1:]), st.integers(0, 2**32))
def test_noise_of_any_size_scores_as_chance_does(size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, n = rng.permutation(np.arange(400) % 4), 400
    noise = size * rng.normal(size=(n, 4)).clip(-1, 1)
    assert measure("accuracy", noise, truth) < 0.25 + 0.15  # 7 deviations
    assert measure("neighbour_precision", noise, truth) < 0.25 + 0.15
    assert measure("cross_entropy", noise, truth) > math.log(4) - 0.2


@pytest.mark.parametrize("size", SIZES)
def test_the_order_of_a_table_decides_nothing(size: float) -> None:
    groups = np.repeat(np.arange(6), 10)
    for vectors in (np.full((60, 8), size), np.full((60, 8), -size), size * np.eye(60)):
        assert measure("neighbour_precision", vectors, groups) == pytest.approx(9 / 59)


def test_one_good_item_in_a_heap_earns_no_more_than_its_share() -> None:
    groups = np.repeat(np.arange(6), 10)
    vectors = np.ones((60, 8))
    vectors[:2] = np.eye(8)[0]
    assert measure("neighbour_precision", vectors, groups) < 2 / 60 + 58 / 60 * 9 / 57


@pytest.mark.parametrize("logit", [1e17, -1e17, 1e300, 1.7e308])
def test_equal_logits_are_a_guess(logit: float) -> None:
    truth = np.arange(40) % 8
    assert measure("cross_entropy", np.full((40, 8), logit), truth) == pytest.approx(math.log(8))
    beside = np.full((40, 8), logit)
    beside[:, 0] = -logit
    assert measure("cross_entropy", beside, truth) > math.log(7) - 1e-9


@given(st.sampled_from(sorted(METRICS)), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_limit_lies_between_the_baseline_and_the_reference(
    metric: str, one: float, other: float, share: float
) -> None:
    worse, better = sorted((one, other), reverse=not METRICS[metric].higher_is_better)
    limit = limit_between(metric, worse, better, share, 10**9)
    assert earns(metric, better, limit) or limit == pytest.approx(better)
    assert limit == pytest.approx(worse + share * (better - worse), abs=1e-4)
    assert earns(metric, worse, limit) == (limit == worse) or limit == pytest.approx(worse)
    assert not earns(metric, math.nan, limit)
    assert margin_of(worse, better, limit) <= abs(better - limit) or limit == pytest.approx(better)


@pytest.mark.parametrize("share", [0.5, 0.95, 1.0])
def test_the_draw_does_not_decide_an_accuracy_near_the_references(share: float) -> None:
    """Another run of a network as good loses no marks by which images were drawn."""
    rng, items, quality, guessing = np.random.default_rng(3), 2000, 0.907, 0.783
    scores = rng.binomial(items, quality, size=4000) / items
    limit = limit_between("accuracy", guessing, quality, share, items)
    assert np.mean(scores >= limit) > 0.96
    few = limit_between("accuracy", guessing, quality, share, 10)
    assert few == pytest.approx((guessing + quality) / 2)  # at least half of the way
