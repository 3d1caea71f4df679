"""Reasons that the student's session and the judge give in the same words."""

from collections.abc import Iterable

from grading.answers.canonical import Canonical
from grading.answers.evidence import Answer, Sketch
from grading.messages import Reason, names

# What a stub, or a name that an earlier unfinished cell should have defined, raises.
UNFINISHED = ("NotImplementedError", "NameError", "UnboundLocalError")

# How the exact part of a tree begins, by what the tree is.
_TREES = {
    '["n': "none",
    '["s': "text",
    '["l': "list",
    '["d': "mapping",
    '["S': "set",
    '["i': "int",
}


def reason_of_exception(answer: Answer) -> Reason:
    """Return why an answer that raised earns nothing."""
    detail = answer.message or answer.raised
    if answer.raised in UNFINISHED:
        return Reason("reason.unfinished", {"detail": detail})
    if answer.raised == "NotEvidence":
        return Reason("reason.not_evidence", {"detail": _why_not_evidence(detail)})
    return Reason("reason.raised", {"error": f"{answer.raised}: {answer.message}".rstrip(": ")})


def _why_not_evidence(code: str) -> Reason | str:
    """Return what the code of a `NotEvidence` says, other text as it is."""
    kind, _, found = code.partition(": ")
    if kind in names("not_evidence"):
        return Reason(f"not_evidence.{kind}", {"found": found})
    return code


def reason_of_changes(found: Iterable[int], expected: Iterable[int]) -> Reason | None:
    """Return why the arguments that a call changed in place are not those that it should change."""
    for key, positions in (
        ("reason.changed", set(found) - set(expected)),
        ("reason.unchanged", set(expected) - set(found)),
    ):
        if positions:
            arguments = ", ".join(str(position + 1) for position in sorted(positions))
            return Reason(key, {"arguments": arguments})
    return None


def describe(value: Canonical | Sketch) -> Reason:
    """Say what a value is in a few words, without its content."""
    if value.kind == "tree":
        return Reason(f"kind.{_TREES.get(value.exact[:3], 'tree')}")
    if value.shape == ():
        return Reason(f"kind.{value.kind}")
    return Reason(f"kind.{value.kind}s", {"shape": value.shape})
