"""From an assessment to the result that is stored and reported, in the course's language."""

import hashlib

from nbformat import NotebookNode

from grading.engine.assess import Assessment
from grading.gradebook import (
    ATTENTION,
    FAILED,
    GRADED,
    CheckMark,
    Result,
    unanswered_questions,
)


def result_of(
    assessment: Assessment,
    release: NotebookNode,
    student: str,
    lab: str,
    handed_in: bytes,
    lang: str,
) -> Result:
    """Return the result of an assessed submission, its reasons in ``lang``."""
    judgement = assessment.judgement
    return Result(
        student=student,
        lab=lab,
        score=judgement.score,
        max_score=judgement.max_score,
        status=ATTENTION if assessment.flags else GRADED,
        flags=[flag.text(lang) for flag in assessment.flags],
        seconds=round(assessment.seconds, 3),
        checks=[
            CheckMark(
                cell=item.cell,
                label=item.label,
                marks=item.marks,
                max=item.max,
                reason=item.reason.text(lang) if item.reason else "",
            )
            for item in judgement.results
        ],
        submission=digest(handed_in),
        unanswered=unanswered_questions(release, assessment.notebook),
    )


def failed_result(
    student: str, lab: str, max_score: float, reason: str, handed_in: bytes
) -> Result:
    """Return the result of a submission that cannot be read or run: no marks, and why."""
    return Result(
        student=student,
        lab=lab,
        score=0.0,
        max_score=max_score,
        status=FAILED,
        flags=[reason],
        submission=digest(handed_in),
    )


def digest(handed_in: bytes) -> str:
    """Return the SHA-256 of a file handed in."""
    return hashlib.sha256(handed_in).hexdigest()
