"""What was handed in, as a folder or an archive, into one submission a student.

`archive` opens what was downloaded without trusting it, `layouts` knows how each platform names
its files, `identity` reads who signed, `submitted` writes, `collecting` decides.
"""

from grading.collect.collecting import Accepted, CollectReport, Replaced, check_lab, collect, credit

__all__ = ["Accepted", "CollectReport", "Replaced", "check_lab", "collect", "credit"]
