"""The reason for an exception in an answer's place, as the student and the judge both see it."""

from grading.evidence import Answer
from grading.messages import Reason

# What a stub, or a name that an earlier unfinished cell should have defined, raises.
UNFINISHED = ("NotImplementedError", "NameError", "UnboundLocalError")


def reason_of_exception(answer: Answer) -> Reason:
    """Return why an answer that raised earns nothing."""
    detail = answer.message or answer.raised
    if answer.raised in UNFINISHED:
        return Reason("reason.unfinished", {"detail": detail})
    if answer.raised == "NotEvidence":
        return Reason("reason.not_evidence", {"detail": detail})
    return Reason("reason.raised", {"error": f"{answer.raised}: {answer.message}".rstrip(": ")})
