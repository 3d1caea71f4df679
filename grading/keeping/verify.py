"""What the marks of a lab were made of, and whether that is still there to be seen; pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from grading.judging.record import TOLERANCE, Adjustment, Record
from grading.judging.results import Result

SHORT = 12  # characters of a digest that people compare
AGAIN = "`grade --resume` grades it again"


@dataclass(frozen=True)
class There:
    """What is there of a lab, to which its marks are to be traced.

    Attributes
    ----------
    submissions : mapping of str to str
        By student: the digest of what was handed in.
    kit : str
        Digest of the kit.
    bases : mapping of str to str
        By the digest of each kit that made marks: the basis with the release that is there; see
        `grading.judging.basis`. None at all without a release.
    seeded : bool
        Whether marks hang on a run's seeds.
    unnoted : collection of (str, str)
        Student and cell of what somebody gave and nobody knows who.
    """

    submissions: Mapping[str, str]
    kit: str
    bases: Mapping[str, str]
    seeded: bool
    unnoted: Collection[tuple[str, str]] = ()


def doubts(record: Record, there: There) -> Iterator[str]:
    """Yield a line for each thing that a student's marks cannot be traced to."""
    result = record.result
    if result is None:
        yield "nothing says what its marks were made of: it was not graded by this kit"
        return
    yield from _of_submission(result, there)
    yield from _of_basis(result, there)
    if there.seeded and not result.seeds:
        yield f"nothing says with which seed it was graded; {AGAIN}"
    for adjustment in record.adjustments:
        if _is_unknown(record.student, adjustment, there):
            yield (
                f"{adjustment.cell} has {adjustment.marks:+g} to what the judge gave, and nobody "
                "knows by whom; `mark` gives marks with a name and a reason"
            )


def differences(before: Result, after: Result) -> Iterator[str]:
    """Yield a line for each check that has other marks when it is graded again."""
    was, now = before.cell_marks(), after.cell_marks()
    for cell in {**was, **now}:
        if abs(was.get(cell, 0.0) - now.get(cell, 0.0)) > TOLERANCE:
            yield (
                f"{cell} has {was.get(cell, 0.0):g} in the gradebook and {now.get(cell, 0.0):g} "
                "when it is graded again"
            )


def _of_submission(result: Result, there: There) -> Iterator[str]:
    found = there.submissions.get(result.student)
    if found is None:
        yield f"what was handed in is gone; it was {result.submission[:SHORT]}"
    elif found != result.submission:
        yield (
            f"what was handed in was changed since: the marks are of {result.submission[:SHORT]}, "
            f"there is {found[:SHORT]}; {AGAIN}"
        )


def _of_basis(result: Result, there: There) -> Iterator[str]:
    if not there.bases:
        yield "the release that it was graded on is gone"
    elif not result.basis:
        yield f"grading it again was stopped; {AGAIN}"
    elif not result.kit:
        if result.basis != there.bases[there.kit]:
            yield f"it was graded on another release, or by another version of the kit; {AGAIN}"
    else:
        if result.basis != there.bases[result.kit]:
            yield f"it was graded on another release than the one that is there; {AGAIN}"
        if result.kit != there.kit:
            yield (
                f"it was graded by another version of the kit, {result.kit[:SHORT]}; this is "
                f"{there.kit[:SHORT]}; {AGAIN}"
            )


def _is_unknown(student: str, adjustment: Adjustment, there: There) -> bool:
    change = adjustment.change
    return change is None or not change.who or (student, adjustment.cell) in there.unnoted
