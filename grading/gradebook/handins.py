"""The tables of the service that are kept as long as the marks: hand-ins, links, who did what.

They stand here so that a copy of the gradebook has them and forgetting a student empties them;
`grading.service` reads and writes them.
"""

import sqlalchemy as sa

table = sa.Table(
    "dl_handin",
    sa.MetaData(),
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("lab", sa.String(128), nullable=False),
    sa.Column("student", sa.String(128), nullable=False, index=True),  # who handed it in
    sa.Column("students", sa.Text, nullable=False),  # JSON: whose work it is
    sa.Column("attempt", sa.Integer, nullable=False),  # 0 for what was refused
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("received", sa.String(32), nullable=False),
    sa.Column("due", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("until", sa.String(32), nullable=False),  # of a lease, or of a pause before a retry
    sa.Column("worker", sa.String(64), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("result", sa.Text),  # JSON, as `grading.gradebook.stored` writes it
    sa.Column("settled", sa.Boolean, nullable=False),  # whether the gradebook knows of it
    sa.Column("failure", sa.Text, nullable=False),
    sa.Column("notice", sa.Text, nullable=False),  # what to look at, for instructors
    sa.Column("of", sa.String(32), nullable=False),  # the hand-in that this grades again, if any
    sa.Column("cell", sa.String(128), nullable=False),  # of it this check alone; empty for all
    sa.Index("dl_handin_queue", "state", "due", "attempt", "received"),
)
authors = sa.Table(  # whose work what was handed in is, to be found by them
    "dl_author",
    table.metadata,
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("handin", sa.String(32), primary_key=True),
)
links = sa.Table(
    "dl_link",
    table.metadata,
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("revoked", sa.Integer, nullable=False),  # how often
)
audits = sa.Table(
    "dl_audit",
    table.metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("lab", sa.String(128), nullable=False),
    sa.Column("student", sa.String(128), nullable=False),  # empty if it is of the whole lab
    sa.Column("old", sa.Float),
    sa.Column("new", sa.Float),
)
