"""The tables of our own in nbgrader's database; each has a column ``student``."""

from grading.gradebook import changes, lateness, stored

OURS = (stored.table, changes.table, lateness.table)
