"""The judge: marks from the outputs of two executed notebooks, and from nothing else.

``judge(reference, submission)`` is pure. The reference's outputs hold the answers and the terms
(marks, tolerances, limits); the submission's outputs hold its evidence. Both were executed with
the same seed. Every check scores on its own.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from nbformat import NotebookNode

from grading.answers.canonical import Canonical, as_kind, finite_scale, split
from grading.answers.decoding import MalformedEvidence, decode, decode_reference, label_of
from grading.answers.evidence import (
    MAX_MESSAGE,
    MIME,
    SKETCH_BLOCKS,
    Answer,
    Evidence,
    Reference,
    Sketch,
    Spec,
)
from grading.answers.metrics import (
    METRICS,
    Unscorable,
    earns,
    is_far_beyond,
    limit_between,
    margin_of,
    measure,
    real_array,
)
from grading.answers.reasons import UNFINISHED, describe, reason_of_changes, reason_of_exception
from grading.answers.tolerance import tolerance_of
from grading.cells.metadata import grade_id, is_check
from grading.errors import UserError
from grading.judging.differences import Bools, reason_of_numbers, reason_of_structure
from grading.messages import Reason, Title


class BadReference(UserError):
    """The reference's own run cannot be judged against; the lab is at fault, not a student."""


@dataclass(frozen=True)
class CheckResult:
    """The marks of one check, and why not all of them."""

    cell: str
    title: Title
    marks: float
    max: float
    reason: Reason | None

    @property
    def label(self) -> str:
        """The check's id."""
        return self.title.label


@dataclass(frozen=True)
class Judgement:
    """The marks of every check of the reference, in its order, and what a person should look at."""

    results: tuple[CheckResult, ...]
    flags: tuple[Reason, ...] = ()

    @property
    def score(self) -> float:
        """Marks earned."""
        return math.fsum(result.marks for result in self.results)

    @property
    def max_score(self) -> float:
        """Marks that could be earned."""
        return math.fsum(result.max for result in self.results)


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
    found: dict[str, list[Any]] = {}
    for cell, payloads in _payloads(submission):
        found.setdefault(cell, []).extend(payloads)
    at = {grade_id(cell): n for n, cell in enumerate(submission.cells, 1) if is_check(cell)}
    results: list[CheckResult] = []
    flags: list[Reason] = []
    raised = _raised(submission)
    for cell, evidence in reference_evidence(reference):
        payloads = found.get(cell, [])
        reason = _check(evidence, payloads)
        if reason is None:
            flags += _too_good(evidence, payloads)
        else:
            reason = _with_cause(reason, [one for one in raised if one.number < at.get(cell, 0)])
        marks = 0.0 if reason else evidence.spec.marks
        results.append(CheckResult(cell, evidence.title, marks, evidence.spec.marks, reason))
    return Judgement(tuple(results), tuple(flags))


def reference_evidence(reference: NotebookNode) -> list[tuple[str, Reference]]:
    """Return (cell, evidence) for every check of the executed solution, in order.

    Raises
    ------
    BadReference
        If evidence is malformed, a label occurs twice, a check has nothing to compare or its
        answer is an exception that says that it is not done, or a metric does not beat its
        baseline.
    """
    checks: list[tuple[str, Reference]] = []
    seen: set[str] = set()
    for cell, payloads in _payloads(reference):
        for payload in payloads:
            try:
                evidence = decode_reference(payload)
            except MalformedEvidence as error:
                raise BadReference(f"check cell {cell!r} of the reference: {error}") from None
            for item in (evidence, *evidence.items):
                if item.label in seen:
                    raise BadReference(f"two checks of the lab are called {item.label!r}")
                seen.add(item.label)
            _accept_reference(cell, evidence)
            checks.append((cell, evidence))
    return checks


def _accept_reference(cell: str, evidence: Reference) -> None:
    name = f"the reference's check {evidence.label!r} in cell {cell!r}"
    if evidence.check == "group" and not evidence.items:
        raise BadReference(f"{name} leaves no evidence; put tick.value, array or call in it")
    for item in (evidence, *evidence.items):
        if item.check != "group" and not item.answers:
            raise BadReference(f"{name} has no cases; give it at least one")
        for answer in item.answers:
            if answer.raised and (item.check != "call" or answer.raised in UNFINISHED):
                raise BadReference(f"{name} raised {answer.raised}: {answer.message}")
        if item is not evidence and item.spec.marks:
            raise BadReference(f"{name}: {item.label!r} takes no marks of its own in a group")
        if item.check in ("predictions", "metric"):
            _metric_terms(item)


def _payloads(notebook: NotebookNode) -> Iterator[tuple[str, list[Any]]]:
    """Yield (grade id, evidence payloads) of every check cell."""
    for cell in notebook.cells:
        if not is_check(cell):
            continue
        bundles = (
            output.get("data")
            for output in cell.get("outputs", [])
            if output.get("output_type") == "display_data"
        )
        yield (
            grade_id(cell),
            [data[MIME] for data in bundles if isinstance(data, dict) and MIME in data],
        )


def _check(reference: Reference, payloads: list[Any]) -> Reason | None:
    """Return why the payloads of a check's cell do not earn its marks, or None if they do."""
    mine = [payload for payload in payloads if _is_labelled(payload, reference.label)]
    if not mine:
        return Reason("reason.missing")
    if len(mine) > 1:
        return Reason("reason.repeated")
    try:
        return _compare_evidence(reference, decode(mine[0]))
    except MalformedEvidence as error:
        return Reason("reason.malformed", {"detail": error.reason})
    except BadReference:
        raise
    except Exception as error:  # of what nobody foresaw, no other check of the submission is lost
        detail = Reason("malformed.other", {"found": type(error).__name__})
        return Reason("reason.malformed", {"detail": detail})


def _is_labelled(payload: Any, label: str) -> bool:
    try:
        return label_of(payload) == label
    except MalformedEvidence:
        return False


# --- why a name is not there -------------------------------------------------------------------

MOST_RAISED, MOST_SOURCE, MOST_STEPS = 50, 10_000, 5  # cells, characters and causes looked at
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")


@dataclass(frozen=True)
class _Raised:
    """A cell that raised; ``undefined`` is the name that it lacked, if that was why."""

    number: int
    name: str
    source: str
    error: str
    text: str
    undefined: str


def _raised(notebook: NotebookNode) -> list[_Raised]:
    """Return the cells of a submission that ended with an exception, in order."""
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        errors = [one for one in cell.get("outputs", []) if one.get("output_type") == "error"]
        for last in errors[-1:]:
            error, text = str(last.get("ename")), str(last.get("evalue"))[:MAX_MESSAGE]
            undefined = _undefined(text) if error in UNFINISHED else ""
            source = cell.source[:MOST_SOURCE]
            found.append(_Raised(number, grade_id(cell), source, error, text, undefined))
    return found[:MOST_RAISED]


def _undefined(text: str) -> str:
    found = _UNDEFINED.search(text)
    return found[1] if found else ""


def _with_cause(reason: Reason, before: Sequence[_Raised]) -> Reason:
    """Return a reason that says why a name is not there: which cell before did not get to it."""
    if isinstance(why := reason.values.get("why"), Reason):
        return replace(reason, values=reason.values | {"why": _with_cause(why, before)})
    name = _undefined(str(reason.values["detail"])) if reason.key == "reason.unfinished" else ""
    cause = _cause(name, before) if name else None
    if cause is None:
        return reason
    if cause.error == UNFINISHED[0]:  # a stub, which says what to complete
        return Reason(reason.key, {"detail": cause.text or cause.error})
    where = f"{cause.number} ({cause.name})" if cause.name else cause.number
    error = f"{cause.error}: {cause.text}".rstrip(": ")
    return Reason("reason.undefined", {"name": name, "cell": where, "error": error})


def _cause(name: str, before: Sequence[_Raised]) -> _Raised | None:
    """Return the first cell that has to do with a name and raised for a reason of its own."""
    found = None
    for _ in range(MOST_STEPS):
        word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        place = next(
            (
                n
                for n, one in enumerate(before)
                if one.undefined != name and word.search(one.source)
            ),
            None,
        )
        if place is None:
            break
        found, before = before[place], before[:place]
        name = found.undefined
        if not name:
            break
    return found


# --- evidence of one check ---------------------------------------------------------------------


def _compare_evidence(reference: Reference, evidence: Evidence) -> Reason | None:
    if evidence.check != reference.check:
        return Reason("reason.other_check", {"found": evidence.check})
    if reference.check == "group":
        return _compare_group(reference, evidence)
    if len(evidence.answers) != len(reference.answers):
        stopped = next((answer for answer in evidence.answers if answer.raised), None)
        if stopped:
            return reason_of_exception(stopped)
        return Reason(
            "reason.count", {"expected": len(reference.answers), "found": len(evidence.answers)}
        )
    if reference.spec.metric:
        return _score(reference, evidence.answers[0])
    reasons = [
        compare_answers(expected, answer, reference.spec)
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


def _compare_group(reference: Reference, evidence: Evidence) -> Reason | None:
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
            return Reason("reason.item", {"label": item.title, "why": reason})
    stopped = next((answer for answer in evidence.answers if answer.raised), None)
    return reason_of_exception(stopped) if stopped else None


def _score(reference: Reference, answer: Answer) -> Reason | None:
    spec = reference.spec
    assert spec.truth is not None  # as of all that measure, see `_accept_reference`
    if answer.value is None:
        return reason_of_exception(answer)
    baseline, best = _metric_terms(reference)
    limit, _ = metric_limit(reference)
    try:
        score = measure(spec.metric, real_array(answer.value), real_array(spec.truth))
    except Unscorable as error:
        return Reason("reason.unscorable", {"detail": error.reason})
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


def _too_good(reference: Reference, payloads: list[Any]) -> Iterator[Reason]:
    """Yield what to say of scores, in evidence that earned its marks, far beyond the reference."""
    (evidence,) = (decode(p) for p in payloads if _is_labelled(p, reference.label))
    parts = {item.label: item for item in (evidence, *evidence.items)}
    for item in (reference, *reference.items):
        value = parts[item.label].answers[0].value if item.spec.metric else None
        if value is None:
            continue
        assert item.spec.truth is not None  # as of all that measure, see `_accept_reference`
        metric, (baseline, best) = item.spec.metric, _metric_terms(item)
        score = measure(metric, real_array(value), real_array(item.spec.truth))
        if is_far_beyond(metric, score, baseline, best):
            shown = {"score": f"{score:.4g}", "reference": f"{best:.4g}"}
            yield Reason("flag.too_good", {"label": item.title, "metric": metric, **shown})


def _metric_terms(reference: Reference) -> tuple[float, float]:
    """Return (baseline's score, reference's score), both measured in the reference's run."""
    name, spec = f"the reference's check {reference.label!r}", reference.spec
    value = reference.answers[0].value
    if spec.truth is None or spec.baseline is None or value is None:
        raise BadReference(f"{name} lacks its metric's terms")
    if spec.metric not in METRICS:
        raise BadReference(f"{name}: no metric {spec.metric!r}; there are {', '.join(METRICS)}")
    try:
        truth = real_array(spec.truth)
        baseline = measure(spec.metric, real_array(spec.baseline), truth)
        best = measure(spec.metric, real_array(value), truth)
    except (ValueError, IndexError) as error:
        raise BadReference(f"{name}: {error}") from None
    if not (math.isfinite(baseline) and math.isfinite(best)):
        raise BadReference(
            f"{name}: {spec.metric} of {spec.baseline_name.label} or of it is not finite"
        )
    better = best > baseline if METRICS[spec.metric].higher_is_better else best < baseline
    if not better:
        raise BadReference(
            f"{name}: {spec.metric} {best:.4g} does not beat {spec.baseline_name.label} "
            f"{baseline:.4g}; train the reference better or choose another baseline"
        )
    return baseline, best


def metric_limit(reference: Reference) -> tuple[float, float]:
    """Return the score that earns the marks of a check that measures, and the margin around it.

    A score within the margin is on the other side of the limit at another seed, perhaps.
    """
    spec, terms = reference.spec, _metric_terms(reference)
    assert spec.truth is not None  # as of all that measure, see `_accept_reference`
    limit = limit_between(spec.metric, *terms, spec.share, math.prod(spec.truth.shape))
    return limit, margin_of(*terms, limit)


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
    reason = compare_values(reference.value, answer.value, spec.tol)
    return reason or reason_of_changes(answer.changed, reference.changed)


def compare_values(
    reference: Canonical | Sketch, value: Canonical | Sketch, tol: float | None = None
) -> Reason | None:
    """Return how ``value`` differs from ``reference`` beyond the tolerance, or None.

    Real numbers may differ by `tolerance_of`'s tolerance. Whole numbers, text, shapes,
    NaN and infinities must be equal.
    """
    if value.shape != reference.shape and "tree" not in (value.kind, reference.kind):
        return Reason("reason.shape", {"expected": reference.shape, "found": value.shape})
    if isinstance(reference, Sketch) and isinstance(value, Sketch):
        return _compare_sketches(reference, value, tol)
    if isinstance(reference, Sketch) or isinstance(value, Sketch):
        return _other_kind(reference, value)
    seen = as_kind(value, reference.kind)
    if seen is None:
        return _other_kind(reference, value)
    expected, found = split(reference, reference.types), split(seen, reference.types)
    assert expected is not None  # a value fits its own types
    if found is None or seen.exact != reference.exact:
        return reason_of_structure(reference, seen)
    close = tolerance_of(finite_scale(expected[1]), tol).close(found[1], expected[1])
    wrong = ~np.concatenate([found[0] == expected[0], close])
    return reason_of_numbers(reference, seen, _in_order(wrong, reference.types))


def _in_order(wrong: Bools, types: str) -> Bools:
    """Put what `split` took apart, the whole numbers of a tree and the real ones, in its order."""
    if not types:
        return wrong
    is_real = np.frombuffer(types.encode("ascii"), "S1") != b"i"
    ordered = np.empty_like(wrong)
    ordered[np.argsort(is_real, kind="stable")] = wrong
    return ordered


def _other_kind(reference: Canonical | Sketch, value: Canonical | Sketch) -> Reason:
    expected, found = describe(reference), describe(value)
    if expected == found:
        return Reason("reason.structure")
    return Reason("reason.kind", {"expected": expected, "found": found})


def _compare_sketches(reference: Sketch, value: Sketch, tol: float | None) -> Reason | None:
    for kind in ("tree", "complex"):
        if (value.kind == kind) != (reference.kind == kind):
            return _other_kind(reference, value)
    if value.exact != reference.exact or value.size != reference.size:
        return Reason("reason.structure")
    if reference.is_exact or reference.kind == "tree":
        if value.whole != reference.whole:
            return Reason("reason.projection")
        if reference.is_exact:
            return None
    tolerance = tolerance_of(reference.scale, tol).of_sums(-(-reference.size // SKETCH_BLOCKS))
    if value.specials == reference.specials and tolerance.close(value.sums, reference.sums).all():
        return None
    return Reason("reason.projection")
