"""What handing in late costs: one policy, the course's or nbgrader's, for all who ask for a total.

It decides from the due date, extensions and the time of handing in that the gradebook has. It is
asked again whenever totals are read, so that a mark that a person gave since, or a due date that
was moved, counts. What it takes stands where nbgrader keeps it; beside it, in a table of ours, by
what rule.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, timedelta
from itertools import groupby
from typing import Any, Protocol

import sqlalchemy as sa
from nbgrader.api import Assignment, Grade, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grading.course.config import Course
from grading.course.extensions import Extensions, read_extensions
from grading.course.late import HandIn, Late, Outcome, outcomes
from grading.gradebook.changes import AnySession
from grading.gradebook.deadlines import write_due_dates, write_extensions
from grading.gradebook.settings import read_settings
from grading.messages import Reason

table = sa.Table(
    "dl_late_rule",
    sa.MetaData(),
    sa.Column("lab", sa.String(128), primary_key=True),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("rule", sa.Text, nullable=False),
)


class LatePolicy(Protocol):
    """A policy on lateness."""

    def apply(self, session: AnySession, lab: str) -> None:
        """Write what every late submission of a lab costs where nbgrader keeps it."""


def late_policy(course: Course) -> LatePolicy:
    """Return the policy of a course: its own, if course.toml has one, else nbgrader's plugin.

    Raises
    ------
    UserError
        If the extensions or nbgrader's settings cannot be read.
    """
    extensions = read_extensions(course)
    if course.late is None:
        return Dated(course, extensions, PluginPolicy(read_settings(course.home)))
    return Dated(course, extensions, CoursePolicy(course, course.late))


def rules(session: AnySession, lab: str) -> dict[str, Reason]:
    """Return by what rule of the course's policy the late submissions of a lab were treated."""
    query = sa.select(table.c.student, table.c.rule).where(table.c.lab == lab)
    return {student: Reason(**json.loads(rule)) for student, rule in session.execute(query)}


class Dated:
    """A policy that goes by the due dates and extensions of the course's files.

    Parameters
    ----------
    course : Course
    extensions : Extensions
    policy : LatePolicy
    """

    def __init__(self, course: Course, extensions: Extensions, policy: LatePolicy) -> None:
        self._labs = course.labs
        self._extensions = extensions
        self._policy = policy

    def apply(self, session: AnySession, lab: str) -> None:
        """Bring the dates up to date, for all labs, and apply the policy."""
        write_due_dates(session, self._labs)
        write_extensions(session, self._labs, self._extensions)
        self._policy.apply(session, lab)


class CoursePolicy:
    """The policy ``[late]`` of course.toml.

    Parameters
    ----------
    course : Course
    late : Late
    """

    def __init__(self, course: Course, late: Late) -> None:
        self._late = late
        self._zone = course.zone or UTC
        self._weights = {lab.name: lab.weight for lab in course.labs}

    def apply(self, session: AnySession, lab: str) -> None:
        """Write what lateness costs in a lab; in all labs that share a budget of slip days."""
        labs = list(self._weights) if self._late.days else [lab]
        worth = self._worth(session, labs)
        costs: list[dict[str, Any]] = []
        reasons: list[dict[str, str]] = []
        for student, rows in groupby(_notebooks(session, labs), key=lambda row: row.student):
            mine = list(rows)
            found = self._outcomes(mine, worth)
            for row in mine:
                late = found.get(row.lab)
                cost = max(row.score, 0.0) * late.share if late and late.days else None
                if row.penalty != cost:
                    costs.append({"id": row.id, "late_submission_penalty": cost})
            for lab_name, outcome in found.items():
                if outcome.rule:
                    rule = json.dumps(asdict(outcome.rule), ensure_ascii=False)
                    reasons.append({"lab": lab_name, "student": student, "rule": rule})
        if costs:
            session.execute(sa.update(SubmittedNotebook), costs)
        session.execute(sa.delete(table).where(table.c.lab.in_(labs)))
        if reasons:
            session.execute(sa.insert(table), reasons)

    def _worth(self, session: AnySession, labs: Iterable[str]) -> dict[str, float]:
        """Return what a mark of each lab is worth in the course's."""
        maxima = sa.select(Assignment.name, Assignment.max_score).where(Assignment.name.in_(labs))
        return {name: self._weights[name] / (most or 1.0) for name, most in session.execute(maxima)}

    def _outcomes(
        self, notebooks: Iterable[sa.Row[Any]], worth: Mapping[str, float]
    ) -> dict[str, Outcome]:
        """Return what the policy makes of the notebooks of a student, by lab."""
        hand_ins = []
        for lab, rows in groupby(notebooks, key=lambda row: row.lab):
            first, *more = rows
            if first.timestamp and first.duedate:
                due = first.duedate + (first.extension or timedelta(0))
                raw = sum(max(row.score, 0.0) for row in (first, *more))
                hand_ins.append(
                    HandIn(
                        lab,
                        due.replace(tzinfo=UTC),
                        first.timestamp.replace(tzinfo=UTC),
                        raw,
                        worth[lab],
                    )
                )
        return outcomes(self._late, hand_ins, self._zone)


def _notebooks(session: AnySession, labs: Iterable[str]) -> Iterable[sa.Row[Any]]:
    """Return every notebook that was handed in of these labs, by student and lab.

    In one query: a class has thousands of them, and nbgrader asks for the score of each by itself.
    """
    return session.execute(
        sa.select(
            SubmittedNotebook.id,
            SubmittedAssignment.student_id.label("student"),
            Assignment.name.label("lab"),
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
            Assignment.duedate,
            SubmittedNotebook.late_submission_penalty.label("penalty"),
            sa.func.coalesce(sa.func.sum(Grade.score), 0.0).label("score"),
        )
        .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .where(Assignment.name.in_(labs))
        .group_by(SubmittedNotebook.id, SubmittedAssignment.id, Assignment.id)
        .order_by(SubmittedAssignment.student_id, Assignment.name, SubmittedNotebook.id)
    )


class PluginPolicy:
    """nbgrader's plugin, as the settings name it.

    The plugin decides (``c.LateSubmissionPlugin.penalty_method``, or a class of the instructor's
    own in ``c.AssignLatePenalties.plugin_class``).

    Parameters
    ----------
    settings : Config
        nbgrader's.
    """

    def __init__(self, settings: Config) -> None:
        assign = AssignLatePenalties(config=settings)
        assign.init_plugin()
        self._plugin = assign.plugin_inst

    def apply(self, session: AnySession, lab: str) -> None:
        """Write what every late submission of a lab costs where nbgrader keeps it."""
        session.execute(sa.delete(table).where(table.c.lab == lab))
        punished = sa.exists().where(
            SubmittedNotebook.assignment_id == SubmittedAssignment.id,
            SubmittedNotebook.late_submission_penalty.is_not(None),
        )
        late = SubmittedAssignment.timestamp > Assignment.duedate
        submissions = sa.select(SubmittedAssignment).join(Assignment)
        for submission in session.scalars(
            submissions.where(Assignment.name == lab, sa.or_(punished, late))
        ):
            for notebook in submission.notebooks:
                cost = self._cost(
                    submission.student_id, float(notebook.score), submission.total_seconds_late
                )
                if notebook.late_submission_penalty != cost:
                    notebook.late_submission_penalty = cost
        session.flush()

    def _cost(self, student: str, score: float, seconds: float) -> float | None:
        """Return the marks taken off, between none and all; None if it is not a case for it."""
        if seconds <= 0:
            return None
        cost = self._plugin.late_submission_penalty(student, score, seconds)
        return None if cost is None else min(max(float(cost), 0.0), max(score, 0.0))
