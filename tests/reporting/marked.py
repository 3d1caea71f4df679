"""Records for the tests of tables, pages and exports: results, and what a person added to them."""

from grading.judging.record import Record, Written

Totals = dict[str, tuple[float, float, bool]]  # (score, max score, waits) by student


def records(results, totals=None):
    """Return records whose totals are those given; the difference is an essay's."""
    totals = totals or {}
    by_student = {result.student: result for result in results}
    return [
        _record(student, by_student.get(student), totals.get(student))
        for student in {**by_student, **totals}
    ]


def _record(student, result, total):
    checked, most = (result.score, result.max_score) if result else (0.0, 0.0)
    score, max_score, waiting = total or (checked, most, False)
    marks = None if waiting else score - checked
    essay = (Written("essay", marks, max_score - most),) if max_score > most else ()
    return Record(student, max_score, result, checked, essay, waiting=waiting)
