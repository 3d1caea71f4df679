"""The name by which ``nbgrader_config.py`` files import what nbgrader runs in our place."""

from grading.gradebook.nbgrader_plugin import JudgeSubmission, ReleaseCells, configured

__all__ = ["JudgeSubmission", "ReleaseCells", "configured"]
