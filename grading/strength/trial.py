"""Answers to the exercises of a lab, each tried in a fork of the lab as it stands before it.

One run of the solution, cell by cell in this process, is the state that answers are tried in: at
each exercise it forks for every answer to it, and the fork runs the answer and what follows, up to
the last check that covers the exercise, and says which of these checks it passed. The answers are
the author's own and their mutants: they are trusted as the solution is, and stopped when they hang.
"""

import ast
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, from_dict

from grading import tick
from grading.answers.evidence import MIME
from grading.cells.metadata import grade_id, is_check, role_of
from grading.cells.syntax import parsed
from grading.errors import UserError
from grading.judging.assess import environment, hidden_inputs
from grading.judging.judge import judge
from grading.session.outcomes import Outcome, Verdict

PATIENCE, LEAST_PATIENCE = 10, 10  # times the solution's processor time, and so many seconds
WALL = 20  # times as long it may take by the clock, on a busy machine
CONTROL = -1  # the number of the trial of the solution itself


@dataclass(frozen=True)
class Trial:
    """An answer to try.

    Attributes
    ----------
    number : int
    exercise : str
    code : str
        The exercise's cell.
    """

    number: int
    exercise: str
    code: str


@dataclass(frozen=True)
class Job:
    """Trials in one state of a lab.

    Attributes
    ----------
    solution : NotebookNode
        The instructor's notebook.
    covering : dict
        Ids of the check cells that cover each exercise.
    seed : int
    in_session : bool
        Whether the checks are read as in a student's session, and not as in grading.
    trials : tuple of Trial
    keys : Path
        The folder of the public keys.
    work : Path
        A folder to run in.
    """

    solution: NotebookNode
    covering: dict[str, tuple[str, ...]]
    seed: int
    in_session: bool
    trials: tuple[Trial, ...]
    keys: Path
    work: Path


@dataclass(frozen=True)
class Seen:
    """What a trial showed.

    Attributes
    ----------
    number : int
        The trial's; `CONTROL` is the solution's own.
    exercise : str
    passed : dict
        By label, whether the check was passed, or None where a session leaves that open; empty if
        the answer had to be stopped.
    why : dict
        By label, what was said of a check that was not passed.
    crash : str
        The first given cell that raised, and what it raised; ``""`` if none did.
    seconds : float
        Of the processor.
    """

    number: int
    exercise: str
    passed: dict[str, bool | None]
    why: dict[str, str]
    crash: str
    seconds: float


def run(job: Job) -> list[Seen]:
    """Run the solution and try each answer in its place.

    In a process of its own, which this leaves altered.

    Raises
    ------
    UserError
        If a cell of the solution raises.
    """
    _begin(job)
    return list(_Lab(job).seen())


def run_together(job: Job) -> Seen:
    """Run the lab once, with every answer in its place, as `run` does each alone."""
    _begin(job)
    return _Lab(job).seen_together()


def _begin(job: Job) -> None:
    """Make this process the lab's."""
    job.work.mkdir(parents=True, exist_ok=True)
    os.chdir(job.work)
    mode = "student" if job.in_session else "reference"
    os.environ |= environment(mode, "quick", job.seed, job.solution)
    os.environ |= {"DL_HIDDEN_SEED": str(job.seed), "DL_KEYS": str(job.keys)}
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    plt.switch_backend("agg")
    torch.set_num_threads(1)  # a fork has no other threads


class _Shell(InteractiveShell):
    """IPython without a history, and without the time that it takes to draw a traceback."""

    raised = ""

    def init_history(self) -> None:
        """Keep none."""
        super().init_history()  # type: ignore[no-untyped-call]
        assert self.history_manager is not None
        self.history_manager.enabled = False

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Remember what was raised, which a cell may have caught and shown."""
        error = sys.exc_info()[1]
        self.raised = f"{type(error).__name__}: {error}"


class _Lab:
    """The solution's state, in which answers are tried."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cells = [cell for cell in job.solution.cells if cell.cell_type == "code"]
        self.at = {grade_id(cell): number for number, cell in enumerate(self.cells)}
        self.shell = _Shell.instance()
        self.shown = self.shell.display_pub = CapturingDisplayPublisher(parent=self.shell)

    def seen(self) -> Iterator[Seen]:
        """Run the solution as far as it is needed; yield what the trials on the way showed."""
        last = max(self.at[trial.exercise] for trial in self.job.trials)
        for cell in self.cells[: last + 1]:
            here = [trial for trial in self.job.trials if trial.exercise == grade_id(cell)]
            if here:
                yield from self._try_all(here)
            if error := self._run(cell.source):
                raise UserError(f"the solution's cell {grade_id(cell)!r} raised {error}")

    def seen_together(self) -> Seen:
        """Run all cells, the answers in place of the solution's; return what all checks showed."""
        codes = {trial.exercise: trial.code for trial in self.job.trials}
        crash = ""
        for cell in self.cells:
            name = grade_id(cell)
            error = self._run(codes.get(name, cell.source))
            if error and role_of(cell) == "given" and not crash:
                crash = f"{name}: {error}"
        passed, why = _verdicts(tick.outcomes().values())
        return Seen(CONTROL, "", passed, why, crash, time.process_time())

    def _try_all(self, trials: Sequence[Trial]) -> Iterator[Seen]:
        """Try answers to one exercise, after the solution that they are compared with."""
        exercise = trials[0].exercise
        control = Trial(CONTROL, exercise, self.cells[self.at[exercise]].source)
        gc.freeze()  # what a fork does not touch, it does not copy
        reference, seconds = _in_a_fork(partial(self._outputs, control))
        if not reference:
            raise UserError(f"the solution of {exercise!r} ended its process")
        patience = LEAST_PATIENCE + round(PATIENCE * seconds)
        if not self.job.in_session:
            tick.predict_on(hidden_inputs(_notebook(reference["cells"])))
        for trial in (control, *trials):
            found, seconds = _in_a_fork(partial(self._result, trial, reference), patience)
            fields = found or {"passed": {}, "why": {}, "crash": ""}
            yield Seen(trial.number, exercise, seconds=seconds, **fields)

    def _result(self, trial: Trial, reference: dict[str, Any]) -> dict[str, Any]:
        """Run a trial and return its fields of `Seen`."""
        if not self.job.in_session:
            os.environ["DL_MODE"] = "grading"
        earlier = tick.outcomes()
        outputs = self._outputs(trial)
        if self.job.in_session:
            shown = [one for name, one in tick.outcomes().items() if one is not earlier.get(name)]
            passed, why = _verdicts(shown)
        else:
            judgement = judge(_notebook(reference["cells"]), _notebook(outputs["cells"]))
            passed = {one.label: one.marks == one.max for one in judgement.results}
            why = {one.label: one.reason.text("en") for one in judgement.results if one.reason}
        return {"passed": passed, "why": why, "crash": outputs["crash"]}

    def _outputs(self, trial: Trial) -> dict[str, Any]:
        """Run a trial's cells; return the evidence by check cell, and where given code raised."""
        start = self.at[trial.exercise]
        covering = set(self.job.covering[trial.exercise])
        last = max(self.at[name] for name in covering)
        found: dict[str, Any] = {"cells": {}, "crash": ""}
        self._run(trial.code)
        for cell in self.cells[start + 1 : last + 1]:
            name, checks = grade_id(cell), is_check(cell)
            if checks and name not in covering:
                self._run(without_checks(cell.source))
                continue
            self.shown.outputs.clear()
            error = self._run(cell.source)
            if checks:
                data = [output["data"] for output in self.shown.outputs]
                found["cells"][name] = [one[MIME] for one in data if MIME in one]
            elif error and role_of(cell) == "given" and not found["crash"]:
                found["crash"] = f"{name}: {error}"
        return found

    def _run(self, source: str) -> str:
        """Run a cell and return what it raised, ``""`` if nothing."""
        self.shell.raised = ""
        result = self.shell.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
        plt.close("all")
        error = result.error_before_exec or result.error_in_exec
        return f"{type(error).__name__}: {error}" if error else self.shell.raised


def without_checks(source: str) -> str:
    """Return what a check's cell defines for the cells below, without the checks themselves.

    Examples
    --------
    >>> without_checks("size = 3; tick.value('size', lambda: size)")
    'size = 3'
    """
    kept = [node for node in parsed(source).body if not _is_check(node)]
    return "\n".join(ast.unparse(node) for node in kept)


def _is_check(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=call) | ast.With(items=[ast.withitem(context_expr=call)]):
            text = ast.unparse(call)
            return text.startswith("tick.")
    return False


def _verdicts(shown: Iterable[Outcome]) -> tuple[dict[str, bool | None], dict[str, str]]:
    """Return by label whether a check was passed, and what was said of those that were not."""
    said = {Verdict.PASSED: True, Verdict.NEAR: None}
    outcomes = list(shown)
    return (
        {one.label: said.get(one.verdict, False) for one in outcomes},
        {one.label: one.reason.text("en") for one in outcomes if one.reason},
    )


def _notebook(cells: dict[str, list[Any]]) -> NotebookNode:
    """Return an executed notebook of check cells alone, with the evidence that they left."""
    return from_dict(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "source": "",
                    "metadata": {"nbgrader": {"grade_id": name, "grade": True, "solution": False}},
                    "outputs": [
                        {"output_type": "display_data", "data": {MIME: item}} for item in items
                    ],
                }
                for name, items in cells.items()
            ]
        }
    )


def _in_a_fork(
    work: Callable[[], dict[str, Any]], patience: int | None = None
) -> tuple[dict[str, Any], float]:
    """Return what ``work`` does in a fork, and the seconds of the processor that it took.

    What it does is empty if it fails, or takes longer than ``patience`` seconds.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.setsid()
            os.close(reading)
            if patience:
                resource.setrlimit(resource.RLIMIT_CPU, (patience, patience))
            answer = json.dumps(work()).encode()
            with open(writing, "wb") as pipe:
                pipe.write(answer)
        os._exit(0)
    os.close(writing)
    try:
        text = _read(reading, patience and WALL * patience)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, _, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    try:
        return json.loads(text), seconds
    except ValueError:
        return {}, seconds


def _read(reading: int, seconds: float | None) -> bytes:
    """Read a pipe to its end, or nothing if that does not come in time."""
    text = bytearray()
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reading], [], [], left)[0]:
            return b""
        if not (read := os.read(reading, 1 << 20)):
            return bytes(text)
        text += read
