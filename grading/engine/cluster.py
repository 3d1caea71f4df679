"""The same executions on a Dask cluster: a worker process owns an engine.

Only notebooks travel: the reference's answers, the judge and the gradebook stay with the
coordinator.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nbformat
from nbformat import NotebookNode

from grading.course.config import Limits
from grading.engine.executor import Execution, ExecutorLost
from grading.engine.kernels.work import Work
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.messages import Reason

CONNECT_SECONDS = 10.0  # until a scheduler counts as absent
ATTEMPTS = 8  # workers that may die under one notebook before it is given up

# Of an engine: its limits, whether it has a sandbox, what is private.
Terms = tuple[Limits, bool, tuple[Path, ...]]
_engines: dict[Terms, "asyncio.Task[Engine]"] = {}  # in a worker's own process


class ClusterEngine:
    """Executes notebooks on the workers of a Dask scheduler; stands in for `Engine`.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tls://host:port``, or ``tcp://`` on this machine.
    limits : Limits
    sandbox : bool
        As in `Engine`.
    private : sequence of Path
        As in `Engine`; a worker on another machine may share the folder.

    Attributes
    ----------
    warnings : tuple of Reason
        What the workers' machines cannot do.
    slots : int
        Notebooks that the workers execute at once.
    """

    def __init__(
        self,
        address: str,
        limits: Limits,
        *,
        sandbox: bool = True,
        private: Sequence[Path] = (),
    ) -> None:
        self.warnings: tuple[Reason, ...] = ()
        self.slots = 0
        self._address = _trusted(address)
        self._terms = (limits, sandbox, tuple(private))
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
        said = await self._client.run(_warnings_of_worker, self._terms)
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
        keep_work: bool = False,
    ) -> Execution:
        """Execute a notebook on some worker; on another one should that worker die.

        Raises
        ------
        ExecutorLost
            If the scheduler is gone.
        """
        from distributed import CancelledError as Forgotten
        from distributed.scheduler import KilledWorker

        text = nbformat.writes(notebook)
        for attempt in range(1, ATTEMPTS + 1):
            self._check_connection()
            future = self._client.submit(
                _execute_on_worker,
                text,
                dict(env),
                dict(files or {}),
                keep_work,
                self._terms,
                pure=False,
            )
            try:
                done, *rest = await future
                break
            except (KilledWorker, Forgotten):
                self._check_connection()
                if attempt == ATTEMPTS:
                    raise
            finally:
                future.release()
        return Execution(nbformat.reads(done, as_version=4), *rest)

    def _check_connection(self) -> None:
        """Raise `ExecutorLost` if Dask has given the scheduler up."""
        if self._client.status in ("closing", "closed"):
            raise ExecutorLost(
                f"the Dask scheduler at {self._address} does not answer any more; what was being "
                "graded is graded again once it is up"
            )


def _trusted(address: str) -> str:
    """Return the address of a scheduler if none but who may can speak to it, or listen.

    Whoever reaches a scheduler runs code on its workers, so on a network it must ask for
    certificates; Dask's own settings say which (``distributed.comm.tls``).
    """
    scheme, _, place = address.rpartition("://")
    host = place.rpartition(":")[0].strip("[]")
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if scheme in ("tls", "wss") or (scheme in ("", "tcp", "ws") and is_here):
        return address
    raise UserError(
        f"--scheduler {address}: whoever reaches a scheduler on a network can run code on its "
        "workers; expected tls://host:port, with Dask's certificates, or one on 127.0.0.1"
    )


async def _engine_of_worker(terms: Terms) -> Engine:
    """Return the engine of this worker's process, started by the first one to ask."""
    if terms not in _engines:
        limits, sandbox, private = terms
        engine = Engine(limits, sandbox=sandbox, private=private)
        _engines[terms] = asyncio.ensure_future(engine.__aenter__())
    return await asyncio.shield(_engines[terms])


async def _warnings_of_worker(terms: Terms) -> tuple[Reason, ...]:
    return (await _engine_of_worker(terms)).warnings


async def _execute_on_worker(
    text: str,
    env: dict[str, str],
    files: dict[str, bytes],
    keep_work: bool,
    terms: Terms,
) -> tuple[str, float, float | None, tuple[Reason, ...], Work, tuple[float, ...]]:
    engine = await _engine_of_worker(terms)
    notebook = nbformat.reads(text, as_version=4)
    execution = await engine.execute(notebook, env=env, files=files, keep_work=keep_work)
    return (
        nbformat.writes(execution.notebook),
        execution.seconds,
        execution.cpu_seconds,
        execution.problems,
        execution.work,
        execution.costs,
    )
