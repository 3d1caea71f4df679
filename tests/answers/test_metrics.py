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
from sklearn.metrics import accuracy_score, mean_squared_error

from grading.answers.canonical import canonical
from grading.answers.metrics import METRICS, Unscorable, earns, limit_between, measure, real_array
from grading.messages import languages

FLOATS = st.floats(-1e6, 1e6)


@given(hnp.arrays(float, 12, elements=FLOATS), hnp.arrays(float, 12, elements=FLOATS))
def test_errors_agree_with_scikit_learn(outputs: np.ndarray, truth: np.ndarray) -> None:
    expected = mean_squared_error(truth, outputs)
    assert measure("mse", outputs, truth) == pytest.approx(expected)
    assert measure("rmse", outputs, truth) == pytest.approx(math.sqrt(expected))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_accuracy_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
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


@given(st.sampled_from(sorted(METRICS)), FLOATS, FLOATS, st.floats(0, 1))
def test_the_limit_lies_between_the_baseline_and_the_reference(
    metric: str, one: float, other: float, share: float
) -> None:
    worse, better = sorted((one, other), reverse=not METRICS[metric].higher_is_better)
    limit = limit_between(worse, better, share)
    assert earns(metric, better, limit) or limit == pytest.approx(better)
    assert limit == pytest.approx(worse + share * (better - worse))
    assert earns(metric, worse, limit) == (limit == worse) or limit == pytest.approx(worse)
    assert not earns(metric, math.nan, limit)
