"""The metrics that a judge computes from predictions and labels.

Each is a pure function of two arrays and says whether more of it is better.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from grading.answers.canonical import Canonical
from grading.answers.evidence import Sketch
from grading.answers.reasons import describe
from grading.messages import Reason

Array = npt.NDArray[np.float64]

AT_MOST = 0.1  # of the way from the baseline to the reference: how near a limit is too near
EQUALLY_NEAR = 1e-12  # of a cosine: what the order of a sum can change


class Unscorable(ValueError):
    """Predictions that no metric can measure, and why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text("en"))
        self.reason = reason


@dataclass(frozen=True)
class Metric:
    """A named score of predictions against the truth."""

    name: str
    score: Callable[[Array, Array], float]
    higher_is_better: bool


def _accuracy(outputs: Array, truth: Array) -> float:
    """Share of right classes; outputs are class ids (n,) or a score for each class (n, k)."""
    classes = outputs.argmax(axis=-1) if outputs.ndim == truth.ndim + 1 else outputs
    _same_shape(classes, truth)
    return float(np.mean(classes == truth))


def _rmse(outputs: Array, truth: Array) -> float:
    """Root mean squared error, in the unit of the truth."""
    return float(np.sqrt(_mse(outputs, truth)))


def _mse(outputs: Array, truth: Array) -> float:
    """Mean squared error."""
    _same_shape(outputs, truth)
    return float(np.mean((outputs - truth) ** 2))


def _cross_entropy(outputs: Array, truth: Array) -> float:
    """Mean negative log-probability of the true class, in nats.

    ``outputs`` (n, k) are log-probabilities or logits: they are normalised here, so that
    numbers which are no distribution cannot score.
    """
    _one_row_each(outputs, truth)
    classes = int(truth.max()) + 1
    if outputs.shape[1] < classes:
        raise Unscorable(Reason("score.classes", {"classes": classes, "found": outputs.shape[1]}))
    # First of all, or large logits drown what they are compared with.
    below_top = outputs - outputs.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(below_top).sum(axis=1))
    rows = np.arange(len(truth))
    return float(np.mean(log_sum - below_top[rows, truth.astype(np.int64)]))


def _neighbour_precision(outputs: Array, truth: Array) -> float:
    """Share of items whose nearest other item by cosine belongs to the same group.

    ``outputs`` (n, d) is one vector an item, ``truth`` (n,) the group of each; items of group
    -1 belong nowhere and are left out. Of several that are equally near, each counts its share,
    so that their order in the table decides nothing.
    """
    _one_row_each(outputs, truth)
    grouped = truth >= 0
    vectors, groups = outputs[grouped], truth[grouped]
    unit = _divided(vectors, np.abs(vectors).max(axis=1, keepdims=True))  # numbers of any size
    unit = _divided(unit, np.linalg.norm(unit, axis=1, keepdims=True))
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = similarity >= similarity.max(axis=1, keepdims=True) - EQUALLY_NEAR
    np.fill_diagonal(nearest, False)
    alike = groups == groups[:, None]
    return float(np.mean((nearest & alike).sum(axis=1) / nearest.sum(axis=1)))


def _divided(vectors: Array, lengths: Array) -> Array:
    """Return each row over its length; a row of length 0 stays as it is."""
    return vectors / np.where(lengths > 0, lengths, 1.0)


def _same_shape(outputs: Array, truth: Array) -> None:
    if outputs.shape != truth.shape:
        raise Unscorable(Reason("score.shape", {"expected": truth.shape, "found": outputs.shape}))


def _one_row_each(outputs: Array, truth: Array) -> None:
    if outputs.ndim != 2 or outputs.shape[:1] != truth.shape:
        raise Unscorable(Reason("score.rows", {"rows": truth.size, "found": outputs.shape}))


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", _accuracy, higher_is_better=True),
        Metric("rmse", _rmse, higher_is_better=False),
        Metric("mse", _mse, higher_is_better=False),
        Metric("cross_entropy", _cross_entropy, higher_is_better=False),
        Metric("neighbour_precision", _neighbour_precision, higher_is_better=True),
    )
}


def real_array(value: Canonical | Sketch) -> Array:
    """Return the numbers of ``value`` in its shape, as metrics take them.

    Raises
    ------
    Unscorable
        If they are complex, or no array of numbers at all.
    """
    if isinstance(value, Sketch) or value.kind in ("complex", "tree"):
        raise Unscorable(Reason("score.kind", {"found": describe(value)}))
    return value.numbers.astype(np.float64).reshape(value.shape)


def measure(metric: str, outputs: npt.ArrayLike, truth: npt.ArrayLike) -> float:
    """Return the score of ``outputs`` against ``truth``.

    Raises
    ------
    Unscorable
        If the shapes do not fit, or a prediction is NaN or infinite.
    """
    predicted = np.asarray(outputs, dtype=np.float64)
    expected = np.asarray(truth, dtype=np.float64)
    if predicted.size == 0:
        raise Unscorable(Reason("score.none"))
    if not np.all(np.isfinite(predicted)):
        raise Unscorable(Reason("score.finite"))
    with np.errstate(all="ignore"):  # a score beyond float64 is infinite, and reaches no limit
        return METRICS[metric].score(predicted, expected)


def limit_between(
    metric: str, baseline: float, reference: float, share: float, items: int
) -> float:
    """Return the score that earns the marks.

    It lies ``share`` of the way from the baseline's score to the reference's. An accuracy's lies
    two standard errors, 2 √(p (1 − p) / items) (the binomial's), below the reference's p at
    least, though not under half of the way: nearer by, the draw of the ``items`` would decide.
    """
    on_the_way = baseline + share * (reference - baseline)
    if metric != "accuracy":
        return on_the_way
    below = reference - 2 * math.sqrt(reference * (1 - reference) / items)
    return min(on_the_way, max(below, (baseline + reference) / 2))


def margin_of(baseline: float, reference: float, limit: float) -> float:
    """Return how far from the limit a score has to be for a run with another seed to agree.

    It is a tenth of the way from the baseline to the reference, or half of what there is between
    the limit and the reference, if that is less: the reference itself is never in doubt.
    """
    return min(AT_MOST * abs(reference - baseline), abs(reference - limit) / 2)


def earns(metric: str, score: float, limit: float) -> bool:
    """Whether ``score`` reaches ``limit``."""
    return score >= limit if METRICS[metric].higher_is_better else score <= limit


def is_far_beyond(metric: str, score: float, baseline: float, reference: float) -> bool:
    """Whether a score is so much better than the reference's that a person should see why.

    An error is when it is less than a quarter of the reference's, unless that itself is less than
    a sixth of the baseline's: a slip or two are all that is left, and luck can spare those. A share
    is when it is further from the reference than half of the way that the reference came from the
    baseline.
    """
    if METRICS[metric].higher_is_better:
        return score > reference + (reference - baseline) / 2
    return score < reference / 4 and reference > baseline / 6
