"""The tables of an LMS that opens the service by LTI: whose account is whose, which marks it has.

They stand here for the same reason as those of `handins`; `grading.service` reads and writes them.
"""

import sqlalchemy as sa

accounts = sa.Table(
    "dl_lti_account",
    sa.MetaData(),
    sa.Column("issuer", sa.String(500), primary_key=True),
    sa.Column("account", sa.String(255), primary_key=True),  # the LMS's own id
    sa.Column("student", sa.String(128), nullable=False, index=True),
)
scores = sa.Table(  # what was sent last
    "dl_lti_score",
    accounts.metadata,
    sa.Column("issuer", sa.String(500), primary_key=True),
    sa.Column("lab", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("score", sa.Text, nullable=False),  # JSON, but for its time
    sa.Column("sent", sa.String(32), nullable=False),
)
