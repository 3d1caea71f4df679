"""What handing in late costs: one policy, nbgrader's plugin, for all who ask for a total.

The plugin of the course's settings decides (``c.LateSubmissionPlugin.penalty_method``, or a class
of the instructor's own in ``c.AssignLatePenalties.plugin_class``), from the due date, extensions
and the time of handing in that the gradebook has. It is asked again whenever totals are read, so
that a mark that a person gave since, or a due date that was moved, counts.
"""

import sqlalchemy as sa
from nbgrader.api import Assignment, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import Config

from grading.gradebook.changes import AnySession


class LatePolicy:
    """The course's policy on lateness.

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
