"""Which executor a run asks for; what the other one needs is not imported."""

from collections.abc import Iterable
from pathlib import Path

from grading.course.config import Course
from grading.engine.executor import Executor, RunOptions


def executor_of(course: Course, lab: str, options: RunOptions) -> Executor:
    """Return what executes submissions of a lab as it was released; see `executor_for`."""
    steps = ("source", "release")
    notebooks = [path for step in steps for path in course.home.glob(f"{step}/{lab}/*.ipynb")]
    return executor_for(course, options, notebooks)


def executor_for(course: Course, options: RunOptions, notebooks: Iterable[Path]) -> Executor:
    """Return what executes notebooks; on this machine it begins to start at once.

    Parameters
    ----------
    course : Course
        Its limits hold, and none of its own files is shown.
    options : RunOptions
    notebooks : iterable of Path
        Files of the assignment: what they mention is imported ahead, all that labs import if
        there are none.
    """
    if options.scheduler:
        from grading.engine.cluster import ClusterEngine

        return ClusterEngine(
            options.scheduler, course.limits, sandbox=options.sandbox, private=course.private
        )
    from grading.engine.kernels.preload import OF_NOTEBOOKS, mentioned
    from grading.engine.runner import Engine

    texts = [path.read_text(encoding="utf-8", errors="replace") for path in notebooks]
    modules = mentioned(texts) if texts else OF_NOTEBOOKS
    engine = Engine(course.limits, sandbox=options.sandbox, modules=modules, private=course.private)
    engine.begin()
    return engine
