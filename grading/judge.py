"""The judge: marks from the outputs of two executed notebooks, and from nothing else.

``judge(reference, submission)`` is pure. The reference's outputs hold the answers and the terms
(marks, tolerances, limits); the submission's outputs hold its evidence. Both were executed with
the same seed. Every check scores on its own.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from nbformat import NotebookNode

from grading.canonical import Canonical, as_kind, describe
from grading.errors import UserError
from grading.evidence import (
    MIME,
    SENT_PROJECTIONS,
    Answer,
    Evidence,
    MalformedEvidence,
    Spec,
    decode,
    label_of,
)
from grading.fingerprint import RELATIVE_TOLERANCE, projected_tolerance, tolerance_of
from grading.messages import Reason
from grading.metrics import METRICS, earns, limit_between, measure
from grading.reasons import UNFINISHED, reason_of_exception

Bools = npt.NDArray[np.bool_]


class BadReference(UserError):
    """The reference's own run cannot be judged against; the lab is at fault, not a student."""


@dataclass(frozen=True)
class CheckResult:
    """The marks of one check, and why not all of them."""

    cell: str
    label: str
    marks: float
    max: float
    reason: Reason | None


@dataclass(frozen=True)
class Judgement:
    """The marks of every check of the reference, in its order."""

    results: tuple[CheckResult, ...]

    @property
    def score(self) -> float:
        """Marks earned."""
        return math.fsum(result.marks for result in self.results)

    @property
    def max_score(self) -> float:
        """Marks that could be earned."""
        return math.fsum(result.max for result in self.results)

    def of_cell(self, cell: str) -> float:
        """Return the marks earned in one check cell."""
        return math.fsum(result.marks for result in self.results if result.cell == cell)


def judge(reference: NotebookNode, submission: NotebookNode) -> Judgement:
    """Return the marks that the submission's evidence earns.

    Parameters
    ----------
    reference, submission : NotebookNode
        Executed notebooks: the solution, and the submission rebuilt from the release.

    Raises
    ------
    BadReference
        If the reference's own evidence is missing or malformed, or does not beat its baseline.
    """
    found = {cell: list(payloads) for cell, payloads in _payloads(submission)}
    results = []
    for cell, evidence in reference_evidence(reference):
        assert evidence.spec is not None  # reference_evidence makes sure
        reason = _check(evidence, found.get(cell))
        marks = 0.0 if reason else evidence.spec.marks
        results.append(CheckResult(cell, evidence.label, marks, evidence.spec.marks, reason))
    return Judgement(tuple(results))


def reference_evidence(reference: NotebookNode) -> list[tuple[str, Evidence]]:
    """Return (cell, evidence) for every check of the executed solution, in order.

    Raises
    ------
    BadReference
        If evidence is malformed, a label occurs twice, a solution's answer is an exception that
        says that it is not done, or a metric does not beat its baseline.
    """
    checks: list[tuple[str, Evidence]] = []
    seen: set[str] = set()
    for cell, payloads in _payloads(reference):
        for payload in payloads:
            try:
                evidence = decode(payload, trusted=True)
            except (MalformedEvidence, KeyError, TypeError, ValueError) as error:
                raise BadReference(f"check cell {cell!r} of the reference: {error}") from None
            if evidence.label in seen:
                raise BadReference(f"two checks of the lab are called {evidence.label!r}")
            seen.add(evidence.label)
            _accept_reference(cell, evidence)
            checks.append((cell, evidence))
    return checks


def _accept_reference(cell: str, evidence: Evidence) -> None:
    name = f"the reference's check {evidence.label!r} in cell {cell!r}"
    for answer in (*evidence.answers, *(a for item in evidence.items for a in item.answers)):
        if answer.raised and (evidence.check != "call" or answer.raised in UNFINISHED):
            raise BadReference(f"{name} raised {answer.raised}: {answer.message}")
    if evidence.check == "group" and not evidence.items:
        raise BadReference(f"{name} leaves no evidence; put tick.value, array or call in it")
    for item in (evidence, *evidence.items):
        if item.spec is not None and item.spec.metric:
            _metric_terms(item)


def _payloads(notebook: NotebookNode) -> Iterator[tuple[str, list[Any]]]:
    """Yield (grade id, evidence payloads) of every check cell."""
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not meta.get("grade") or meta.get("solution"):
            continue
        yield (
            meta["grade_id"],
            [
                output["data"][MIME]
                for output in cell.get("outputs", [])
                if output.get("output_type") == "display_data"
                and MIME in (output.get("data") or {})
            ],
        )


def _check(reference: Evidence, payloads: list[Any] | None) -> Reason | None:
    """Return why the payloads of a check's cell do not earn its marks, or None if they do."""
    mine = [payload for payload in payloads or [] if _is_labelled(payload, reference.label)]
    if not mine:
        return Reason("reason.missing")
    if len(mine) > 1:
        return Reason("reason.repeated")
    try:
        evidence = decode(mine[0])
    except MalformedEvidence as error:
        return Reason("reason.malformed", {"detail": str(error)})
    return _compare_evidence(reference, evidence)


def _is_labelled(payload: Any, label: str) -> bool:
    try:
        return label_of(payload) == label
    except MalformedEvidence:
        return False


def _compare_evidence(reference: Evidence, evidence: Evidence) -> Reason | None:
    spec = reference.spec
    assert spec is not None
    if evidence.check != reference.check:
        return Reason("reason.other_check", {"found": evidence.check})
    if reference.check == "group":
        return _compare_group(reference, evidence)
    if len(evidence.answers) != len(reference.answers):
        return Reason(
            "reason.count", {"expected": len(reference.answers), "found": len(evidence.answers)}
        )
    if spec.metric:
        return _score(reference, evidence.answers[0])
    reasons = [
        compare_answers(expected, answer, spec)
        for expected, answer in zip(reference.answers, evidence.answers, strict=True)
    ]
    wrong = [index for index, reason in enumerate(reasons) if reason]
    if not wrong:
        return None
    first = reasons[wrong[0]]
    assert first is not None
    if len(reasons) == 1 or first.key == "reason.unfinished":
        return first
    return Reason(
        "reason.case",
        {
            "right": len(reasons) - len(wrong),
            "total": len(reasons),
            "first": wrong[0] + 1,
            "why": first,
        },
    )


def _compare_group(reference: Evidence, evidence: Evidence) -> Reason | None:
    by_label: Mapping[str, list[Evidence]] = {
        item.label: [other for other in evidence.items if other.label == item.label]
        for item in reference.items
    }
    for item in reference.items:
        match by_label[item.label]:
            case [only]:
                reason = _compare_evidence(item, only)
            case []:
                stopped = next((a for a in evidence.answers if a.raised), None)
                reason = reason_of_exception(stopped) if stopped else Reason("reason.missing")
            case _:
                reason = Reason("reason.repeated")
        if reason:
            return Reason("reason.item", {"label": item.label, "why": reason})
    stopped = next((answer for answer in evidence.answers if answer.raised), None)
    return reason_of_exception(stopped) if stopped else None


def _score(reference: Evidence, answer: Answer) -> Reason | None:
    spec = reference.spec
    assert spec is not None and spec.truth is not None
    if answer.raised:
        return reason_of_exception(answer)
    assert answer.value is not None
    if answer.value.kind in ("complex", "tree"):
        return Reason("reason.unscorable", {"detail": describe(answer.value)})
    baseline, best = _metric_terms(reference)
    limit = limit_between(baseline, best, spec.share)
    try:
        score = measure(spec.metric, _array(answer.value), _array(spec.truth))
    except (ValueError, IndexError) as error:
        return Reason("reason.unscorable", {"detail": str(error)})
    if earns(spec.metric, score, limit):
        return None
    return Reason(
        "reason.metric",
        {
            "metric": spec.metric,
            "score": f"{score:.4g}",
            "limit": f"{limit:.4g}",
            "baseline_name": spec.baseline_name,
            "baseline": f"{baseline:.4g}",
            "reference": f"{best:.4g}",
        },
    )


def _metric_terms(reference: Evidence) -> tuple[float, float]:
    """Return (baseline's score, reference's score), both measured in the reference's run."""
    spec, answer = reference.spec, reference.answers[0]
    if spec is None or spec.truth is None or spec.baseline is None or answer.value is None:
        raise BadReference(f"the reference's check {reference.label!r} lacks its metric's terms")
    truth = _array(spec.truth)
    try:
        baseline = measure(spec.metric, _array(spec.baseline), truth)
        best = measure(spec.metric, _array(answer.value), truth)
    except (KeyError, ValueError, IndexError) as error:
        raise BadReference(f"the reference's check {reference.label!r}: {error}") from None
    better = best > baseline if METRICS[spec.metric].higher_is_better else best < baseline
    if not better:
        raise BadReference(
            f"the reference's check {reference.label!r}: {spec.metric} {best:.4g} does not beat "
            f"{spec.baseline_name} {baseline:.4g}; train the reference better or choose another "
            "baseline"
        )
    return baseline, best


def metric_limit(reference: Evidence) -> float:
    """Return the score that earns the marks of a check that measures."""
    assert reference.spec is not None
    return limit_between(*_metric_terms(reference), reference.spec.share)


def _array(value: Canonical) -> npt.NDArray[np.float64]:
    return value.numbers.astype(np.float64).reshape(value.shape)


def compare_answers(reference: Answer, answer: Answer, spec: Spec) -> Reason | None:
    """Return why ``answer`` is not the reference's, or None if it is within its tolerance."""
    if reference.raised:
        if not answer.raised:
            return Reason("reason.should_raise", {"expected": reference.raised})
        if answer.raised in UNFINISHED:
            return reason_of_exception(answer)
        if answer.raised != reference.raised:
            return Reason(
                "reason.should_raise_other", {"expected": reference.raised, "found": answer.raised}
            )
        return None
    if answer.raised:
        return reason_of_exception(answer)
    assert reference.value is not None and answer.value is not None
    reason = compare_values(
        reference.value, answer.value, spec.tol, (reference.projected, answer.projected)
    )
    if reason:
        return reason
    added = sorted(set(answer.changed) - set(reference.changed))
    if added:
        return Reason("reason.changed", {"arguments": _positions(added)})
    missed = sorted(set(reference.changed) - set(answer.changed))
    if missed:
        return Reason("reason.unchanged", {"arguments": _positions(missed)})
    return None


def _positions(indices: list[int]) -> str:
    return ", ".join(str(index + 1) for index in indices)


def compare_values(
    reference: Canonical,
    value: Canonical,
    tol: float | None = None,
    projected: tuple[bool, bool] = (False, False),
) -> Reason | None:
    """Return how ``value`` differs from ``reference`` beyond the tolerance, or None.

    A real number may differ by `grading.fingerprint.tolerance_of`'s tolerance and, without an
    explicit ``tol``, by `RELATIVE_TOLERANCE` of its own magnitude. Whole numbers, text, shapes,
    NaN and infinities must be equal.
    """
    if projected[0] and projected[1]:
        return _compare_projections(reference, value, tol)
    seen = None if projected[1] else as_kind(value, reference.kind)
    if seen is None:
        if value.shape != reference.shape and "tree" not in (value.kind, reference.kind):
            return Reason("reason.shape", {"expected": reference.shape, "found": value.shape})
        return Reason("reason.kind", {"expected": describe(reference), "found": describe(value)})
    if seen.shape != reference.shape:
        return Reason("reason.shape", {"expected": reference.shape, "found": seen.shape})
    if seen.exact != reference.exact or seen.numbers.size != reference.numbers.size:
        return Reason("reason.structure")
    if reference.is_exact:
        wrong = seen.numbers != reference.numbers
    else:
        wrong = ~_close(reference, seen, tol)
    return _differences(reference, wrong)


def _close(reference: Canonical, value: Canonical, tol: float | None) -> Bools:
    allowed = np.full(reference.numbers.shape, tolerance_of(reference, tol))
    with np.errstate(invalid="ignore", over="ignore"):
        if tol is None:
            finite = np.where(np.isfinite(reference.numbers), reference.numbers, 0.0)
            allowed = np.maximum(allowed, RELATIVE_TOLERANCE * np.abs(finite))
        near = np.abs(value.numbers - reference.numbers) <= allowed
        same = value.numbers == reference.numbers
    both_nan = np.isnan(value.numbers) & np.isnan(reference.numbers)
    finite_both = np.isfinite(value.numbers) & np.isfinite(reference.numbers)
    return np.asarray((near & finite_both) | same | both_nan)


def _differences(reference: Canonical, wrong: Bools) -> Reason | None:
    if not wrong.any():
        return None
    if reference.kind == "tree":
        return Reason("reason.structure")
    if reference.shape == ():
        return Reason("reason.value")
    if reference.kind == "complex":
        wrong = wrong.reshape(-1, 2).any(axis=1)
    first = np.unravel_index(int(np.argmax(wrong)), reference.shape)
    return Reason(
        "reason.elements",
        {
            "wrong": int(wrong.sum()),
            "total": int(wrong.size),
            "first": [int(index) for index in first],
        },
    )


def _compare_projections(
    reference: Canonical, value: Canonical, tol: float | None
) -> Reason | None:
    if value.shape != reference.shape:
        return Reason("reason.shape", {"expected": reference.shape, "found": value.shape})
    if value.exact != reference.exact or ("complex" in {value.kind, reference.kind}) != (
        value.kind == reference.kind == "complex"
    ):
        return Reason("reason.kind", {"expected": describe(reference), "found": describe(value)})
    size = math.prod(reference.shape) * (2 if reference.kind == "complex" else 1)
    norm = float(reference.numbers[-1])
    if reference.is_exact:
        allowed = max(0.25, 1e-12 * norm)  # one step of one whole number moves a sum by 0.5
    else:
        scale = np.array([norm / math.sqrt(max(size, 1))])
        root_mean_square = Canonical("float", (1,), "", scale)
        allowed = projected_tolerance(tolerance_of(root_mean_square, tol), size)
    difference = np.abs(value.numbers - reference.numbers)
    sums, masks = difference[:SENT_PROJECTIONS], difference[SENT_PROJECTIONS:-1]
    if np.all(sums <= allowed) and np.all(masks <= 1e-6):
        return None
    return Reason("reason.projection")
