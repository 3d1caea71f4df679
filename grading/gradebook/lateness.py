"""What handing in late costs: one policy, the course's or nbgrader's, for all who ask for a total.

It decides from the due date, extensions and the time of handing in that the gradebook has. It is
asked again whenever totals are read, so that a mark that a person gave since, or a due date that
was moved, counts. What it takes stands where nbgrader keeps it; beside it, in a table of ours, by
what rule.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC
from itertools import groupby
from typing import Protocol

import sqlalchemy as sa
from nbgrader.api import Assignment, SubmittedAssignment, SubmittedNotebook
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
        session.execute(sa.delete(table).where(table.c.lab.in_(labs)))
        submissions = session.scalars(
            sa.select(SubmittedAssignment)
            .join(Assignment)
            .where(Assignment.name.in_(labs))
            .order_by(SubmittedAssignment.student_id)
        )
        for _, group in groupby(submissions, key=lambda one: one.student_id):
            mine = list(group)
            found = self._outcomes(mine)
            for submission in mine:
                _write(session, submission, found.get(submission.assignment.name))
        session.flush()

    def _outcomes(self, submissions: Iterable[SubmittedAssignment]) -> dict[str, Outcome]:
        hand_ins = [
            HandIn(
                lab=one.assignment.name,
                due=one.duedate.replace(tzinfo=UTC),
                at=one.timestamp.replace(tzinfo=UTC),
                raw=max(float(one.score), 0.0),
                worth=self._weights[one.assignment.name] / (float(one.max_score) or 1.0),
            )
            for one in submissions
            if one.timestamp and one.assignment.duedate
        ]
        return outcomes(self._late, hand_ins, self._zone)


def _write(session: AnySession, submission: SubmittedAssignment, outcome: Outcome | None) -> None:
    """Write what a submission loses, from each of its notebooks the same share, and why."""
    late = outcome if outcome and outcome.days else None
    for notebook in submission.notebooks:
        cost = max(float(notebook.score), 0.0) * late.share if late else None
        if notebook.late_submission_penalty != cost:
            notebook.late_submission_penalty = cost
    if late and late.rule:
        session.execute(
            sa.insert(table).values(
                lab=submission.assignment.name,
                student=submission.student_id,
                rule=json.dumps(asdict(late.rule), ensure_ascii=False),
            )
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
