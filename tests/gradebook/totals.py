"""What tests ask of a gradebook."""

from grading.gradebook.marks import Marks

Total = tuple[float, float, bool]


def totals(marks: Marks, lab: str) -> dict[str, Total]:
    """Return (score, max score, waits for a person) by student."""
    return {
        record.student: (record.score, record.max_score, record.waiting)
        for record in marks.records(lab)
    }
