"""Execute a solution and submissions with one fresh seed, and judge them.

The solution runs first, with a seed of its own for the hidden inputs; what a submission may see
of them (the inputs, not the truth) is handed to its kernel as a file.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from grading.answers.evidence import Reference
from grading.cells.metadata import role_of
from grading.cells.names import locked
from grading.engine.executor import Executor
from grading.judging.judge import BadReference, Judgement, judge, reference_evidence
from grading.judging.rebuild import rebuild
from grading.messages import Reason
from utils.profile import Profile

HIDDEN_FILE = "hidden_inputs.json"


@dataclass(frozen=True)
class Terms:
    """What all submissions of one grading run share.

    Attributes
    ----------
    profile : str
    seed : int
        Seed of the run, known to the solution and to every submission.
    reference : NotebookNode
        The executed solution: answers, terms and truth. It never leaves the grader.
    hidden_inputs : bytes
        JSON: the inputs to predict on, by the label of their check.
    costs : tuple of float
        CPU time of each cell of the solution, in seconds.
    hidden_seed : int
        Seed of the hidden inputs, known to the solution alone.
    """

    profile: Profile
    seed: int
    reference: NotebookNode
    hidden_inputs: bytes
    costs: tuple[float, ...] = ()
    hidden_seed: int = 0

    @property
    def seeds(self) -> list[int]:
        """Those of the run and of its hidden inputs: with them it can be made again."""
        return [self.seed, self.hidden_seed]

    @property
    def evidence(self) -> list[tuple[str, Reference]]:
        """(cell, evidence) of every check of the reference."""
        return reference_evidence(self.reference)


@dataclass(frozen=True)
class Assessment:
    """What came of one submission.

    Attributes
    ----------
    notebook : NotebookNode
        The submission rebuilt from the release, with the outputs of its execution.
    judgement : Judgement
    flags : tuple of Reason
        What the instructor should know: edits, why a run was disturbed, scores too good.
    seconds : float
        Wall time of the execution.
    cpu_seconds : float or None
    older : bool
        Whether the student worked on a former release.
    """

    notebook: NotebookNode
    judgement: Judgement
    flags: tuple[Reason, ...]
    seconds: float
    cpu_seconds: float | None
    older: bool = False


async def prepare(
    engine: Executor,
    solution: NotebookNode,
    profile: Profile,
    seed: int | None = None,
    work: Path | None = None,
    hidden_seed: int | None = None,
) -> Terms:
    """Execute the solution and return the terms that submissions are judged on.

    Parameters
    ----------
    engine : Executor
    solution : NotebookNode
        The instructor's notebook.
    profile : {"quick", "full"}
    seed : int, optional
        Seed of the run and, without another one, of its hidden inputs; fresh ones by default.
    work : Path, optional
        A folder that outlives the run, from which an interrupted training goes on.
    hidden_seed : int, optional

    Raises
    ------
    BadReference
        If the solution does not run through, or its evidence cannot be judged against.
    """
    run_seed = secrets.randbelow(2**31) if seed is None else seed
    if hidden_seed is None:
        hidden_seed = secrets.randbits(62) if seed is None else seed
    env = environment("reference", profile, run_seed, solution)
    env["DL_HIDDEN_SEED"] = str(hidden_seed)
    if work:
        env["DL_WORK"] = str(work)
    execution = await engine.execute(solution, env=env)
    if execution.problems:
        raise BadReference(f"the solution did not run through: {execution.problems[0].text('en')}")
    error = first_error(execution.notebook)
    if error:
        raise BadReference(f"the solution did not run through: {error.text('en')}")
    hidden = hidden_inputs(execution.notebook)
    return Terms(
        profile=profile,
        seed=run_seed,
        reference=execution.notebook,
        hidden_inputs=json.dumps(hidden).encode(),
        costs=execution.costs,
        hidden_seed=hidden_seed,
    )


async def assess(
    engine: Executor,
    terms: Terms,
    release: NotebookNode,
    submitted: NotebookNode,
    former: Sequence[NotebookNode] = (),
) -> Assessment:
    """Rebuild a submission from the release, execute it and judge its evidence.

    What is done on hostile data is done beside the event loop, on which other submissions wait.
    """
    rebuilt = await asyncio.to_thread(rebuild, release, submitted, former)
    env = environment("grading", terms.profile, terms.seed, terms.reference)
    env["DL_HIDDEN_INPUTS"] = HIDDEN_FILE
    execution = await engine.execute(
        rebuilt.notebook, env=env, files={HIDDEN_FILE: terms.hidden_inputs}
    )
    problems = tuple(Reason("flag.unexpected", {"detail": item}) for item in execution.problems)
    judgement = await asyncio.to_thread(judge, terms.reference, execution.notebook)
    return Assessment(
        notebook=execution.notebook,
        judgement=judgement,
        flags=rebuilt.flags + problems + judgement.flags,
        older=rebuilt.older,
        seconds=execution.seconds,
        cpu_seconds=execution.cpu_seconds,
    )


def hidden_inputs(reference: NotebookNode) -> dict[str, Any]:
    """Return what a submission may see of the inputs to predict on, encoded, by label."""
    return {
        item.label: item.spec.inputs
        for _, evidence in reference_evidence(reference)
        for item in (evidence, *evidence.items)
        if item.check == "predictions"
    }


def environment(mode: str, profile: Profile, seed: int, solution: NotebookNode) -> dict[str, str]:
    """Return a run's environment variables.

    Where data is kept is all that comes from the grader's own.
    """
    data = {
        name: str(Path(os.environ[name]).resolve())
        for name in ("DL_DATA_MIRROR", "DL_DATA_CACHE")
        if os.environ.get(name)
    }
    cells = locked((role_of(cell), cell.source) for cell in solution.cells)
    return data | {
        "DL_MODE": mode,
        "LAB_PROFILE": profile,
        "DL_RUN_SEED": str(seed),
        "DL_LOCKED": json.dumps(cells.to_json()),
    }


def first_error(notebook: NotebookNode) -> Reason | None:
    """Return the first exception among a notebook's outputs."""
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                text = f"{output.get('ename')}: {output.get('evalue')}"
                values = {"cell": number, "error": " ".join(text.split())[:300]}
                return Reason("run.raised", values)
    return None
