"""The outputs of an executed notebook as nbgrader's rules are to read them; pure functions.

nbgrader looks at a test cell's outputs in order: an error or anything on stderr earns nothing, a
value earns itself, everything else earns all the points. A cell that was never run, or whose
outputs are not all there, would so earn all of them: such cells get an error in front.
"""

import copy
import re
from collections.abc import Iterable
from dataclasses import replace

from nbformat import NotebookNode, v4
from nbgrader.utils import determine_grade, is_grade, is_solution

from grading.compat import partial_marks
from grading.engine.executor import Execution
from grading.messages import Reason, message
from grading.native import prelude

SKIPPED = "skip-execution"  # the tag by which nbclient, and so nbgrader, leaves a cell out
LINE_LIMIT = 300  # characters of a reason
_BLOCKS = re.compile(r"\bmarks\s*\(")


def is_test(cell: NotebookNode) -> bool:
    """Whether nbgrader marks the cell by its outputs."""
    return cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)


def to_execute(notebook: NotebookNode) -> NotebookNode:
    """Return what the engine is to run: the cells that nbgrader would, after one of ours.

    A tag that keeps a cell from being run is heeded, but not on tests: they would earn all points.
    """
    cells = [copy.copy(cell) for cell in notebook.cells]
    for cell in cells:
        if cell.cell_type == "code" and SKIPPED in _tags(cell) and not is_test(cell):
            cell.source = ""
    begin = f"__import__({prelude.__name__!r}, fromlist=['begin']).begin()"
    return NotebookNode(notebook, cells=[v4.new_code_cell(begin), *cells])


def executed(
    notebook: NotebookNode, execution: Execution, lang: str
) -> tuple[NotebookNode, list[Reason]]:
    """Return a copy of the notebook with its outputs, and the problems of the run.

    Parameters
    ----------
    notebook : NotebookNode
    execution : Execution
        Of what `to_execute` made of it.
    lang : str
        The language of the errors put in front.

    Raises
    ------
    RuntimeError
        If the kernel could not be prepared for it.
    """
    begin, *ran = execution.notebook.cells
    for output in begin.outputs:
        if output.output_type == "error":
            raise RuntimeError(f"the kernel is not prepared: {output.ename}: {output.evalue}")
    problems = [_one_cell_up(problem) for problem in execution.problems]
    named = {problem.values["cell"]: problem.text(lang) for problem in problems}
    done = copy.deepcopy(notebook)
    for number, (cell, source) in enumerate(zip(done.cells, ran, strict=True), start=1):
        if cell.cell_type != "code":
            continue
        cell.outputs = _as_shown(source.outputs, lang)
        cell.execution_count = source.execution_count
        if number in named:
            cell.outputs.insert(0, _error("Stopped", named[number]))
        elif is_test(cell):
            _settle(cell, lang)
    return done, problems


def as_marked(cell: NotebookNode) -> NotebookNode:
    """Return a test cell with the outputs from which nbgrader's rule takes its marks.

    They are its own, but where its source has ``with tick.marks(n):`` blocks: stderr takes nothing
    from those, and what came before an error counts.
    """
    outputs = _counted(cell)
    earned = partial_marks(outputs)[0] if _has_blocks(cell) else 0.0
    if earned and any(output.output_type == "error" for output in outputs):
        value = min(earned, float(cell.metadata.nbgrader.points))
        outputs = [v4.new_output("execute_result", {"text/plain": repr(value)})]
    return NotebookNode(cell, outputs=outputs)


def deciding(cell: NotebookNode) -> NotebookNode | None:
    """Return the output that cost a test cell its marks, None if there is none."""
    for output in _counted(cell):
        if output.output_type in ("error", "execute_result") or _is_stderr(output):
            return output
    return None


def one_line(text: str) -> str:
    """Return the first line of a text that has anything on it, cut to a reason's length."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return next(filter(None, lines), "")[:LINE_LIMIT]


def _counted(cell: NotebookNode) -> list[NotebookNode]:
    """Return the outputs that count; stderr does not where ``tick.marks`` blocks were run."""
    if not (_has_blocks(cell) and any(partial_marks(cell.outputs))):
        return list(cell.outputs)
    return [output for output in cell.outputs if not _is_stderr(output)]


def _has_blocks(cell: NotebookNode) -> bool:
    """Whether the course's test, and not only what the submission displays, has such blocks."""
    return _BLOCKS.search(cell.source) is not None


def _is_stderr(output: NotebookNode) -> bool:
    return output.output_type == "stream" and output.name == "stderr"


def _settle(cell: NotebookNode, lang: str) -> None:
    """Put an error in front of the outputs from which no marks can be had."""
    if cell.execution_count is None and cell.source.strip():
        cell.outputs.insert(0, _error("Stopped", message("plain.not_run", lang)))
        return
    try:
        determine_grade(cell)
    except (KeyError, ValueError) as error:
        cell.outputs.insert(0, _error(type(error).__name__, str(error.args[0])))


def _as_shown(outputs: Iterable[NotebookNode], lang: str) -> list[NotebookNode]:
    """Return outputs as nbgrader has them: an exception that was raised shows as an error."""
    shown, raised = [], []
    for output in outputs:
        said = output.get("data", {}).get(prelude.RAISED)
        if said is None:
            shown.append(output)
        elif isinstance(said, dict):
            raised.append(str(said.get("ename")))
    known = {output.ename for output in shown if output.output_type == "error"}
    return shown + [
        _error(name, message("plain.no_traceback", lang))
        for name in raised[-1:]
        if name not in known
    ]


def _error(name: str, value: str) -> NotebookNode:
    return v4.new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])


def _one_cell_up(problem: Reason) -> Reason:
    return replace(problem, values=problem.values | {"cell": problem.values["cell"] - 1})


def _tags(cell: NotebookNode) -> list[object]:
    tags = cell.metadata.get("tags")
    return tags if isinstance(tags, list) else []
