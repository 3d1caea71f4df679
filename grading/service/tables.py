"""The tables that only the running service needs: a copy of the gradebook is complete without."""

import sqlalchemy as sa

metadata = sa.MetaData()

devices = sa.Table(  # notebooks that wait for somebody to sign them in, by RFC 8628
    "dl_device",
    metadata,
    sa.Column("device", sa.String(64), primary_key=True),  # SHA-256 of the code
    sa.Column("code", sa.String(16), nullable=False, unique=True),  # what people read
    sa.Column("student", sa.String(128), nullable=False),  # who confirmed; empty until then
    sa.Column("denied", sa.Boolean, nullable=False),
    sa.Column("expires", sa.String(32), nullable=False),
    sa.Column("polled", sa.String(32), nullable=False),
)
tickets = sa.Table(  # what is good for once: a sign-in that was begun, a launch that was checked
    "dl_ticket",
    metadata,
    sa.Column("ticket", sa.String(64), primary_key=True),  # its SHA-256
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("about", sa.Text, nullable=False),  # JSON
    sa.Column("expires", sa.String(32), nullable=False),
)
platforms = sa.Table(  # where an LMS takes marks and lists members, as its launches say
    "dl_lti_platform",
    metadata,
    sa.Column("issuer", sa.String(500), primary_key=True),
    sa.Column("line_items", sa.Text, nullable=False),
    sa.Column("members", sa.Text, nullable=False),
)
sendings = sa.Table(  # how far the marks of a published lab are in an LMS
    "dl_lti_sending",
    metadata,
    sa.Column("issuer", sa.String(500), primary_key=True),
    sa.Column("lab", sa.String(128), primary_key=True),
    sa.Column("until", sa.String(32), nullable=False),  # nobody looks at it before
    sa.Column("tries", sa.Integer, nullable=False),  # in a row that failed
    sa.Column("failure", sa.Text, nullable=False),
    sa.Column("marks", sa.Integer, nullable=False),  # that the LMS has
    sa.Column("waiting", sa.Text, nullable=False),  # JSON: students
    sa.Column("unknown", sa.Text, nullable=False),
)
workers = sa.Table(
    "dl_worker",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("seen", sa.String(32), nullable=False),
    sa.Column("doing", sa.String(256), nullable=False),
)
published = sa.Table(  # labs whose marks students see
    "dl_published",
    metadata,
    sa.Column("lab", sa.String(128), primary_key=True),
)
pauses = sa.Table(  # labs that take no hand-ins now
    "dl_pause",
    metadata,
    sa.Column("lab", sa.String(128), primary_key=True),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)
