"""What a student's own session says of an answer: pure functions from answers and public keys.

Only what the key file holds is known here, so a ✗ can tell an unfinished answer, an exception, a
wrong shape or a changed input from a wrong value, but never what the right value is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from grading.answers.canonical import Canonical, canonical
from grading.answers.evidence import Answer
from grading.answers.metrics import METRICS, Unscorable, earns, measure, real_array
from grading.answers.reasons import UNFINISHED, describe, reason_of_changes, reason_of_exception
from grading.messages import Reason, Title
from grading.session.keyfile import agrees
from grading.session.probe import raised

Hint = dict[str, str]


class Verdict(Enum):
    """How a check stands in the student's session."""

    PASSED = "passed"
    FAILED = "failed"
    NEAR = "near"  # a score that may be on the other side of its limit with grading's own seed
    PENDING = "pending"  # the exercise is not done yet
    UNKNOWN = "unknown"  # the kit has no key for it


@dataclass(frozen=True)
class Outcome:
    """The verdict on one check and, where it did not pass, why."""

    label: str
    marks: float
    verdict: Verdict
    reason: Reason | None = None
    hint: Hint | None = None
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> Title:
        """What people read in place of the label."""
        return Title(self.label, self.words)

    @property
    def earned(self) -> float:
        """Marks that the student sees for this check."""
        return self.marks if self.verdict is Verdict.PASSED else 0.0


def outcome_of_answers(
    label: str,
    marks: float,
    answers: list[Answer],
    entry: dict[str, Any] | None,
    hint: Hint | None,
) -> Outcome:
    """Compare answers with their fingerprints."""
    early = _early(label, marks, answers, entry, "answers", hint)
    if early:
        return early
    assert entry is not None
    expected = entry["answers"]
    if len(answers) != len(expected):
        stopped = next((answer for answer in answers if answer.raised), None)
        if stopped:
            return Outcome(label, marks, Verdict.FAILED, reason_of_exception(stopped), hint)
        return Outcome(label, marks, Verdict.UNKNOWN)
    right = [agrees(answer, item) for answer, item in zip(answers, expected, strict=True)]
    if all(right):
        return Outcome(label, marks, Verdict.PASSED)
    first = right.index(False)
    reason = _visible_difference(answers[first], expected[first])
    if len(right) > 1:
        values = {"right": sum(right), "total": len(right), "first": first + 1, "why": reason}
        reason = Reason("reason.case", values)
    return Outcome(label, marks, Verdict.FAILED, reason, hint)


def outcome_of_metric(
    label: str,
    marks: float,
    answer: Answer,
    truth: Callable[[], Any],
    entry: dict[str, Any] | None,
    hint: Hint | None,
) -> Outcome:
    """Measure an answer and compare the score with the public limit."""
    early = _early(label, marks, [answer], entry, "metric", hint)
    if early:
        return early
    assert entry is not None
    if answer.value is None:
        return Outcome(label, marks, Verdict.FAILED, reason_of_exception(answer), hint)
    try:
        expected = real_array(canonical(truth()))
        score = measure(entry["metric"], real_array(answer.value), expected)
    except Unscorable as error:
        reason = Reason("reason.unscorable", {"detail": error.reason})
        return Outcome(label, marks, Verdict.FAILED, reason, hint)
    except Exception as error:  # the truth may come from a cell that was not run yet
        stopped = raised(error)
        early = _early(label, marks, [stopped], entry, "metric", hint)
        return early or Outcome(label, marks, Verdict.FAILED, reason_of_exception(stopped), hint)
    metric, limit = entry["metric"], entry["limit"]
    margin = entry.get("margin", 0.0)  # older keys have none
    values = {"metric": metric, "score": f"{score:.4g}", "limit": f"{limit:.4g}"}
    if abs(score - limit) < margin:
        safe = limit + margin if METRICS[metric].higher_is_better else limit - margin
        near = Reason("reason.near", values | {"safe": f"{safe:.4g}"})
        return Outcome(label, marks, Verdict.NEAR, near, hint)
    if earns(metric, score, limit):
        return Outcome(label, marks, Verdict.PASSED)
    return Outcome(label, marks, Verdict.FAILED, Reason("reason.below", values), hint)


def doubted(outcome: Outcome, refused: Title | None) -> Outcome:
    """Leave a score's outcome open where another check refused what the score rests on.

    What is trained with a wrong part reaches the limit with one seed and not with another.
    """
    below = outcome.reason is not None and outcome.reason.key == "reason.below"
    if refused is None or not (outcome.verdict is Verdict.PASSED or below):
        return outcome
    reason = Reason("reason.rests_on", {"label": refused})
    return replace(outcome, verdict=Verdict.NEAR, reason=reason)


def outcome_of_group(
    label: str,
    marks: float,
    outcomes: list[Outcome],
    stopped: Answer | None,
    hint: Hint | None,
) -> Outcome:
    """Combine the outcomes of a group: all must pass, and nothing may stop the block."""
    for verdict in (Verdict.PENDING, Verdict.FAILED, Verdict.UNKNOWN, Verdict.NEAR):
        for inner in outcomes:
            if inner.verdict is verdict:
                why = inner.reason or Reason("reason.value")
                reason = Reason("reason.item", {"label": inner.title, "why": why})
                return Outcome(label, marks, verdict, reason, inner.hint or hint)
    if stopped:
        verdict = Verdict.PENDING if stopped.raised in UNFINISHED else Verdict.FAILED
        return Outcome(label, marks, verdict, reason_of_exception(stopped), hint)
    return Outcome(label, marks, Verdict.PASSED)


def _early(
    label: str,
    marks: float,
    answers: list[Answer],
    entry: dict[str, Any] | None,
    needed: str,
    hint: Hint | None,
) -> Outcome | None:
    """Return the outcome of answers that are not done, or that the keys do not know."""
    for answer in answers:
        if answer.raised in UNFINISHED:
            return Outcome(label, marks, Verdict.PENDING, reason_of_exception(answer), hint)
    is_known = entry is not None and needed in entry
    return None if is_known else Outcome(label, marks, Verdict.UNKNOWN)


def expected_kind(expected: dict[str, Any]) -> Reason:
    """Say what kind of value an answer's public entry stands for."""
    if "tree" in expected:
        return Reason(expected["tree"])
    public = expected["fingerprint"]
    kind = expected.get("sketch", public["kind"])
    return describe(Canonical(kind, tuple(public["shape"]), "", np.zeros(0)))


def _visible_difference(answer: Answer, expected: dict[str, Any]) -> Reason:
    """Return what the public key tells of a wrong answer."""
    raises = expected.get("raises", "")
    if answer.raised and raises:
        return Reason("reason.should_raise_other", {"expected": raises, "found": answer.raised})
    if answer.value is None:
        return reason_of_exception(answer)
    if raises:
        return Reason("reason.should_raise", {"expected": raises})
    kind = expected.get("sketch", expected["fingerprint"]["kind"])
    shape = tuple(expected["fingerprint"]["shape"])
    if answer.value.shape != shape and "tree" not in (answer.value.kind, kind):
        return Reason("reason.shape", {"expected": shape, "found": answer.value.shape})
    found = describe(answer.value)
    if (answer.value.kind == "tree") != (kind == "tree") or found.key == "kind.none":
        return Reason("reason.kind", {"expected": expected_kind(expected), "found": found})
    return reason_of_changes(answer.changed, expected["changed"]) or Reason("reason.value")
