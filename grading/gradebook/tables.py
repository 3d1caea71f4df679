"""The tables of our own in nbgrader's database; each has a column ``student``."""

from grading.gradebook import changes, handins, lateness, lms, stored

OURS = (
    stored.table,
    changes.table,
    lateness.table,
    handins.table,
    handins.links,
    lms.accounts,
    lms.scores,
)
