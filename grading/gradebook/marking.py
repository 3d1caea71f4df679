"""The tables of marking together, kept as long as the marks.

They stand here so that a copy of the gradebook has them and forgetting a student empties them;
`grading.marking` reads and writes them. The marks and the comments themselves are nbgrader's.
"""

import sqlalchemy as sa

metadata = sa.MetaData()


def _names(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(128), nullable=False) for name in names]


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(128), primary_key=True) for name in names]


rubrics = sa.Table(
    "dl_rubric",
    metadata,
    *_key("lab", "cell"),
    sa.Column("rubric", sa.Text, nullable=False),  # JSON
    sa.Column("version", sa.Integer, nullable=False),
)
markings = sa.Table(  # what people gave, each time; undone ones are followed by what they undo
    "dl_marking",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *_names("lab", "cell", "student", "text", "who", "at"),
    sa.Column("batch", sa.String(32), nullable=False),  # what was saved at once
    sa.Column("before", sa.Text, nullable=False),  # JSON
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("undoes", sa.String(32), nullable=False),  # a batch
    sa.Index("dl_marking_place", "lab", "cell", "student"),
)
seconds = sa.Table(  # second markings, by people who did not see the first
    "dl_second",
    metadata,
    *_key("lab", "cell", "student"),
    *_names("text", "who", "at"),
    sa.Column("given", sa.Text, nullable=False),  # JSON
    sa.Column("first", sa.Text, nullable=False),  # JSON, as it stood then
    sa.Column("settled", sa.Boolean, nullable=False),
)
leases = sa.Table(  # who has an answer open
    "dl_open",
    metadata,
    *_key("lab", "cell", "student"),
    *_names("who", "until"),
)
allocations = sa.Table(  # a rule of who marks what; an empty cell or section is any
    "dl_allocation",
    metadata,
    *_key("lab", "cell", "section", "who"),
    sa.Column("share", sa.Float, nullable=False),
)
looks = sa.Table(  # who looked whose answer it is
    "dl_look",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    *_names("lab", "cell", "student", "who", "at"),
)
shown = sa.Table(  # labs whose marks of written answers students see
    "dl_shown",
    metadata,
    *_key("lab"),
    *_names("who", "at"),
)
requests = sa.Table(  # questions about a mark
    "dl_request",
    metadata,
    *_key("lab", "cell", "student"),
    *_names("at", "who", "answered"),
    sa.Column("asked", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("before", sa.Float),  # the marks, as it was asked and as it was answered
    sa.Column("after", sa.Float),
)
suggestions = sa.Table(
    "dl_suggestion",
    metadata,
    *_key("lab", "cell", "student"),
    *_names("text"),
    sa.Column("items", sa.Text, nullable=False),  # JSON
    sa.Column("why", sa.Text, nullable=False),
)
TABLES = tuple(metadata.sorted_tables)
TEXTS = (requests.c.asked, requests.c.reason, suggestions.c.why)  # that people wrote, or may tell
JSON = (markings.c.before, markings.c.after, seconds.c.given, seconds.c.first)
