"""What a student's own session says of an answer: pure functions from answers and public keys.

Only what the key file holds is known here, so a ✗ can tell an unfinished answer, an exception, a
wrong shape or a changed input from a wrong value, but never what the right value is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from grading.canonical import Canonical, describe
from grading.evidence import Answer
from grading.keyfile import agrees
from grading.messages import Reason
from grading.metrics import earns, measure
from grading.reasons import UNFINISHED, reason_of_exception

Hint = dict[str, str]


class Verdict(Enum):
    """How a check stands in the student's session."""

    PASSED = "passed"
    FAILED = "failed"
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
    early = _early(label, marks, answers, entry)
    if early:
        return early
    assert entry is not None
    expected = entry.get("answers", [])
    if len(answers) != len(expected):
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
    early = _early(label, marks, [answer], entry)
    if early:
        return early
    assert entry is not None
    if answer.value is None:
        return Outcome(label, marks, Verdict.FAILED, reason_of_exception(answer), hint)
    try:
        outputs = answer.value.numbers.reshape(answer.value.shape)
        score = measure(entry["metric"], outputs, np.asarray(truth()))
    except (ValueError, IndexError) as error:
        reason = Reason("reason.unscorable", {"detail": str(error)})
        return Outcome(label, marks, Verdict.FAILED, reason, hint)
    if earns(entry["metric"], score, entry["limit"]):
        return Outcome(label, marks, Verdict.PASSED)
    values = {"metric": entry["metric"], "score": f"{score:.4g}", "limit": f"{entry['limit']:.4g}"}
    return Outcome(label, marks, Verdict.FAILED, Reason("reason.below", values), hint)


def outcome_of_group(
    label: str,
    marks: float,
    outcomes: list[Outcome],
    stopped: Answer | None,
    hint: Hint | None,
) -> Outcome:
    """Combine the outcomes of a group: all must pass, and nothing may stop the block."""
    for verdict in (Verdict.PENDING, Verdict.FAILED, Verdict.UNKNOWN):
        for inner in outcomes:
            if inner.verdict is verdict:
                why = inner.reason or Reason("reason.value")
                reason = Reason("reason.item", {"label": inner.label, "why": why})
                return Outcome(label, marks, verdict, reason, inner.hint or hint)
    if stopped:
        verdict = Verdict.PENDING if stopped.raised in UNFINISHED else Verdict.FAILED
        return Outcome(label, marks, verdict, reason_of_exception(stopped), hint)
    return Outcome(label, marks, Verdict.PASSED)


def _early(
    label: str, marks: float, answers: list[Answer], entry: dict[str, Any] | None
) -> Outcome | None:
    for answer in answers:
        if answer.raised in UNFINISHED:
            return Outcome(label, marks, Verdict.PENDING, reason_of_exception(answer))
    return Outcome(label, marks, Verdict.UNKNOWN) if entry is None else None


def _visible_difference(answer: Answer, expected: dict[str, Any]) -> Reason:
    """Return what the public key tells of a wrong answer."""
    raises = expected.get("raises", "")
    if answer.raised and raises:
        return Reason("reason.should_raise_other", {"expected": raises, "found": answer.raised})
    if answer.raised:
        return reason_of_exception(answer)
    if raises:
        return Reason("reason.should_raise", {"expected": raises})
    assert answer.value is not None
    public = expected["fingerprint"]
    shape = tuple(public["shape"])
    if answer.value.shape != shape and "tree" not in (answer.value.kind, public["kind"]):
        return Reason("reason.shape", {"expected": shape, "found": answer.value.shape})
    if (answer.value.kind == "tree") != (public["kind"] == "tree"):
        wanted = Canonical(public["kind"], shape, "", answer.value.numbers)
        return Reason(
            "reason.kind", {"expected": describe(wanted), "found": describe(answer.value)}
        )
    extra = sorted(set(answer.changed) - set(expected["changed"]))
    if extra:
        return Reason("reason.changed", {"arguments": ", ".join(str(index + 1) for index in extra)})
    return Reason("reason.value")
