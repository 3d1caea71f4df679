"""The same executions on a Dask cluster: a worker process owns an engine.

Only notebooks travel: the reference's answers, the judge and the gradebook stay with the
coordinator.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import nbformat
from nbformat import NotebookNode

from grading.course.config import Limits
from grading.engine.executor import Execution
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.messages import Reason

CONNECT_SECONDS = 10.0  # until a scheduler counts as absent
ATTEMPTS = 8  # workers that may die under one notebook before it is given up

_engines: dict[tuple[Limits, bool], "asyncio.Task[Engine]"] = {}  # in a worker's own process


class ClusterEngine:
    """Executes notebooks on the workers of a Dask scheduler; stands in for `Engine`.

    Parameters
    ----------
    address : str
        Of the scheduler, ``tcp://host:port``.
    limits : Limits
    sandbox : bool
        As in `Engine`.

    Attributes
    ----------
    warnings : tuple of Reason
        What the workers' machines cannot do.
    slots : int
        Notebooks that the workers execute at once.
    """

    def __init__(self, address: str, limits: Limits, *, sandbox: bool = True) -> None:
        self.warnings: tuple[Reason, ...] = ()
        self.slots = 0
        self._address, self._limits, self._sandbox = address, limits, sandbox
        self._client: Any = None

    async def __aenter__(self) -> Self:
        try:
            from distributed import Client
        except ImportError:
            raise UserError(
                "--scheduler needs Dask: install it with pip install 'dl-course-kit[cluster]'"
            ) from None
        try:
            self._client = await Client(
                self._address, asynchronous=True, timeout=CONNECT_SECONDS, name="grading"
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise UserError(
                f"no Dask scheduler answers at {self._address} ({error}); start one with "
                "`dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`"
            ) from None
        self.slots = sum((await self._client.nthreads()).values())
        if not self.slots:
            await self._client.close()
            raise UserError(
                f"the scheduler at {self._address} has no workers; start some with "
                f"`dask worker {self._address} --nthreads 1`"
            )
        said = await self._client.run(_warnings_of_worker, self._limits, self._sandbox)
        self.warnings = tuple(dict.fromkeys(item for items in said.values() for item in items))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def execute(
        self,
        notebook: NotebookNode,
        *,
        env: Mapping[str, str],
        files: Mapping[str, bytes] | None = None,
    ) -> Execution:
        """Execute a notebook on some worker; on another one should that worker die."""
        from distributed import CancelledError as Forgotten
        from distributed.scheduler import KilledWorker

        text = nbformat.writes(notebook)
        for attempt in range(1, ATTEMPTS + 1):
            future = self._client.submit(
                _execute_on_worker,
                text,
                dict(env),
                dict(files or {}),
                self._limits,
                self._sandbox,
                pure=False,
            )
            try:
                done, seconds, cpu_seconds, problems = await future
                break
            except (KilledWorker, Forgotten):
                if attempt == ATTEMPTS:
                    raise
            finally:
                future.release()
        return Execution(nbformat.reads(done, as_version=4), seconds, cpu_seconds, problems)


async def _engine_of_worker(limits: Limits, sandbox: bool) -> Engine:
    """Return the engine of this worker's process, started by the first one to ask."""
    key = (limits, sandbox)
    if key not in _engines:
        _engines[key] = asyncio.ensure_future(Engine(limits, sandbox=sandbox).__aenter__())
    return await asyncio.shield(_engines[key])


async def _warnings_of_worker(limits: Limits, sandbox: bool) -> tuple[Reason, ...]:
    return (await _engine_of_worker(limits, sandbox)).warnings


async def _execute_on_worker(
    text: str, env: dict[str, str], files: dict[str, bytes], limits: Limits, sandbox: bool
) -> tuple[str, float, float | None, tuple[Reason, ...]]:
    engine = await _engine_of_worker(limits, sandbox)
    notebook = nbformat.reads(text, as_version=4)
    execution = await engine.execute(notebook, env=env, files=files)
    return (
        nbformat.writes(execution.notebook),
        execution.seconds,
        execution.cpu_seconds,
        execution.problems,
    )
