"""The tables of our own in nbgrader's database; each has a column ``student``."""

from grading.gradebook import changes, handins, lateness, stored

OURS = (
    stored.table,
    changes.table,
    lateness.table,
    handins.table,
    handins.links,
    handins.audits,
)
