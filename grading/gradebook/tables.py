"""The tables of our own in nbgrader's database; a row about a student has a column ``student``."""

from grading.gradebook import changes, handins, lateness, lms, marking, stored

OURS = (
    *(stored.table, changes.table, lateness.table, handins.table, handins.links),
    *(handins.audits, lms.accounts, lms.scores),
    *marking.TABLES,
)
