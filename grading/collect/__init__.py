"""What was handed in, as a folder or an archive, into one submission a student.

`archive` opens what was downloaded without trusting it, `spelling` reads its names, `layouts` knows
how each platform names its files, `crediting` weighs that against who signed, `submitted` writes,
`collecting` decides, and `report` says what became of each file.
"""

from grading.collect.collecting import check_lab, collect, is_untouched
from grading.collect.crediting import Credit, credit
from grading.collect.report import Accepted, CollectReport, Replaced

__all__ = [
    "Accepted",
    "CollectReport",
    "Credit",
    "Replaced",
    "check_lab",
    "collect",
    "credit",
    "is_untouched",
]
