"""The tables of our own in nbgrader's database; a row about a student has a column ``student``.

Those of a gradebook that an earlier version of the kit made follow by the steps of `schema`.
"""

from grading.gradebook import changes, handins, lateness, lms, marking, schema, stored

OURS = (
    *(schema.table, stored.table, changes.table, lateness.table),
    *(handins.table, handins.authors, handins.links, handins.audits),
    *(lms.accounts, lms.scores),
    *marking.TABLES,
)
