"""A way for tests to run cells through the real engine, one line each."""

import asyncio
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode, v4

from grading.course.config import Limits
from grading.engine.executor import Execution
from grading.engine.runner import Engine
from grading.engine.walls import outer

LIMITS = Limits(
    memory_mb=512 + os.getpid() % 1000 / 1024,  # by which this process's sandbox is told apart
    processes=40,
    file_mb=16,
    cell_output_kb=256,
    output_mb=2,
    cell_seconds=30,
    submission_seconds=120,
)
MODULES = ("numpy", "torch", "matplotlib.pyplot", "matplotlib_inline.backend_inline")  # of cells


def notebook(*sources: str) -> NotebookNode:
    return v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])


def text(execution: Execution, number: int = 1) -> str:
    """What cell ``number``, counted from 1, printed, returned and raised."""
    said = []
    for output in execution.notebook.cells[number - 1].outputs:
        if output.output_type == "stream":
            said.append(output.text)
        elif output.output_type == "error":
            said.append(f"{output.ename}: {output.evalue}")
        else:
            said.append(output.data.get("text/plain", ""))
    return "".join(said).strip()


def problems(execution: Execution) -> tuple[str, ...]:
    """Why it did not run undisturbed."""
    return tuple(problem.text("en") for problem in execution.problems)


class Bench:
    """An engine in an event loop of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def wait_for(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def run(
        self,
        *sources: str,
        env: dict[str, str] | None = None,
        files: dict[str, bytes] | None = None,
        keep_work: bool = False,
        **limits: Any,
    ) -> Execution:
        """Execute cells, with other limits on time and outputs if given."""
        return self.run_all([sources], env, files, keep_work, **limits)[0]

    def run_all(
        self,
        notebooks: list[tuple[str, ...]],
        env: dict[str, str] | None = None,
        files: dict[str, bytes] | None = None,
        keep_work: bool = False,
        **limits: Any,
    ) -> list[Execution]:
        """Execute several notebooks at once."""
        before = self.engine.limits
        self.engine.limits = dataclasses.replace(before, **limits)

        async def run() -> list[Execution]:
            return await asyncio.gather(
                *(
                    self.engine.execute(
                        notebook(*sources), env=env or {}, files=files, keep_work=keep_work
                    )
                    for sources in notebooks
                )
            )

        try:
            return self.wait_for(run())
        finally:
            self.engine.limits = before

    def says(self, *sources: str, **options: Any) -> str:
        """What the last of the cells says, in a run without problems."""
        execution = self.run(*sources, **options)
        assert execution.problems == ()
        return text(execution, len(sources))


@contextmanager
def bench(
    limits: Limits = LIMITS,
    modules: Sequence[str] = MODULES,
    sandbox: bool = True,
    private: Sequence[Path] = (),
) -> Iterator[Bench]:
    """An engine that is started, and closed in the end; a test skips where it needs a sandbox."""
    if sandbox:
        skip_without_sandbox()
    opened = Bench(Engine(limits, sandbox=sandbox, modules=modules, private=private))
    opened.wait_for(opened.engine.__aenter__())
    try:
        yield opened
    finally:
        opened.wait_for(opened.engine.__aexit__(None, None, None))


def skip_without_sandbox() -> None:
    obstacle = outer.host().obstacle
    if obstacle is not None:
        pytest.skip(f"no sandbox on this machine: {obstacle}")


def processes(marker: str) -> list[int]:
    """Processes of this machine whose command line holds ``marker``."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if name.isdigit() and marker.encode() in file.read():
                    found.append(int(name))
        except OSError:
            continue
    return found


def eventually(condition: Callable[[], Any], seconds: float = 20.0) -> bool:
    """Whether ``condition`` becomes true; what is slow on a busy machine is not wrong."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
