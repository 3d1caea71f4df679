"""Work on a submission's bytes is done beside the event loop, on which the other ones wait."""

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

import nbformat
import pytest

from grading.engine.executor import Execution, Executor
from grading.gradebook import grade
from grading.gradebook.grader import Submission
from grading.judging import assess
from tests import mini


class _Deaf:
    """Executes nothing."""

    async def execute(self, notebook: Any, *, env: Any, files: Any = None) -> Execution:
        return Execution(notebook, 0.0, 0.0, ())


@pytest.mark.parametrize(
    ("module", "name"),
    [(grade, "read_notebook"), (grade, "annotated"), (assess, "rebuild"), (assess, "judge")],
    ids=str,
)
def test_hostile_bytes_are_not_worked_on_in_the_loop(
    module: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, threads, does = mini.make_course(tmp_path), [], getattr(module, name)

    def watched(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return does(*arguments)

    monkeypatch.setattr(module, name, watched)
    path = tmp_path / "mini.ipynb"
    nbformat.write(mini.answered(course, mini.solved(course)), path)
    terms = assess.Terms("quick", 1, mini.blank(course), b"{}")
    grader = grade.EvidenceGrader(course, "mini")
    graded = asyncio.run(
        grader._assess(
            cast(Executor, _Deaf()), terms, [mini.blank(course)], Submission(("ada",), path)
        )
    )
    assert graded.notebook is not None
    assert threads and threading.main_thread() not in threads
