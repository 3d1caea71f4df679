"""What a run says of one submission, in the course's language: what is stored and reported."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from nbformat import NotebookNode

from grading.cells.metadata import grade_id, is_question
from grading.judging.assess import Assessment
from grading.messages import Reason, message

GRADED, ATTENTION, FAILED = "graded", "needs attention", "failed"
MOST_FLAGS = 20  # of a submission, one line each


@dataclass(frozen=True)
class CheckMark:
    """The marks of one check, and why not all of them, in words.

    Attributes
    ----------
    cell, label : str
        Which check it is, in every language.
    marks, max : float
    reason : str
        Empty if nothing was lost.
    title : str
        What people read in place of the label, which it is where there is nothing else.
    """

    cell: str
    label: str
    marks: float
    max: float
    reason: str
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.label)


@dataclass(frozen=True)
class Result:
    """All that a run says of one submission.

    Attributes
    ----------
    student, lab : str
    score, max_score : float
        Marks of the checks; written questions are marked by a person and are not in it.
    status : str
        ``graded``; ``needs attention`` (graded, with flags); ``failed`` (not a notebook).
    flags : list of str
        One line each.
    seconds : float
        Wall time of the execution.
    checks : list of CheckMark
    submission : str
        SHA-256 of the file handed in.
    unanswered : list of str
        Written questions left blank; they earn 0 without waiting for a person.
    notes : list of str
        How the run differed from a fully sandboxed one, or was of a former release; shown at the
        top of the report, one line for all whom it concerns.
    texts : dict of str to str
        Digest of every answer that a person reads, by ``notebook/cell``.
    team : list of str
        All who handed in this file together; empty for one alone.
    basis : str
        Digest of the release and the kit that made these marks; see `grading.judging.basis`.
    profile : str
        In which they were made.
    kit : str
        Digest of the kit alone; empty if it was not kept.
    seeds : list of int
        Of the run that made them, and of its hidden inputs; none where marks hang on no seed.
    """

    student: str
    lab: str
    score: float
    max_score: float
    status: str
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0
    checks: list[CheckMark] = field(default_factory=list)
    submission: str = ""
    unanswered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    team: list[str] = field(default_factory=list)
    basis: str = ""
    profile: str = ""
    kit: str = ""
    seeds: list[int] = field(default_factory=list)

    def read(self, notebook: str, cell: str) -> str:
        """Return the digest of what a person reads who marks a cell by hand."""
        return self.texts.get(f"{notebook}/{cell}", self.submission)

    def cell_marks(self) -> dict[str, float]:
        """Return the marks earned in each check cell."""
        marks: dict[str, float] = {}
        for check in self.checks:
            marks[check.cell] = marks.get(check.cell, 0.0) + check.marks
        return marks

    def to_json(self) -> dict[str, Any]:
        """Return the submission's entry of ``grade --json``."""
        shown = ("student", "score", "max_score", "status", "flags", "seconds", "checks")
        return {key: value for key, value in asdict(self).items() if key in shown}


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
        flags=lines_of(assessment.flags, lang),
        seconds=round(assessment.seconds, 3),
        checks=[
            CheckMark(
                cell=item.cell,
                label=item.label,
                marks=item.marks,
                max=item.max,
                reason=item.reason.text(lang) if item.reason else "",
                title=item.title.text(lang),
            )
            for item in judgement.results
        ],
        submission=digest(handed_in),
        unanswered=unanswered_questions(release, assessment.notebook),
        texts=texts(lab, filter(is_question, assessment.notebook.cells)),
        notes=[message("note.older", lang)] if assessment.older else [],
    )


def lines_of(flags: Sequence[Reason], lang: str) -> list[str]:
    """Return flags as lines, as many as people read, and how many more there are.

    Examples
    --------
    >>> lines_of([Reason("flag.deleted", {"cell": number}) for number in range(1500)], "en")[-1]
    'and 1480 more'
    """
    lines = [flag.text(lang) for flag in flags[:MOST_FLAGS]]
    if len(flags) > MOST_FLAGS:
        lines.append(message("flag.more", lang, count=len(flags) - MOST_FLAGS))
    return lines


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


def texts(notebook: str, cells: Iterable[NotebookNode]) -> dict[str, str]:
    """Return the digests of answers, pictures put into them included, by ``notebook/cell``."""
    found = {}
    for cell in cells:
        content = json.dumps([cell.source.strip(), cell.get("attachments", {})], sort_keys=True)
        found[f"{notebook}/{grade_id(cell)}"] = digest(content.encode("utf-8", "surrogatepass"))
    return found


def unanswered_questions(release: NotebookNode, notebook: NotebookNode) -> list[str]:
    """Return the ids of written questions that still hold what the release put there."""
    placeholder = {
        grade_id(cell): cell.source.strip() for cell in release.cells if is_question(cell)
    }
    return [
        grade_id(cell)
        for cell in notebook.cells
        if grade_id(cell) in placeholder
        and cell.source.strip() in ("", placeholder[grade_id(cell)])
    ]
