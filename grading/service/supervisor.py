"""Keeps a service up: the web application in this process, and workers each in one of their own."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from grading.errors import UserError
from grading.messages import in_one_line

log = logging.getLogger(__name__)
PAUSE_SECONDS = 1.0  # before a worker that ended is started again
STOP_SECONDS = 20.0  # that a worker has to end
CHORE_SECONDS = 20.0  # between two looks at what is done by itself
SHUTDOWN_SECONDS = 5  # that answers have to be finished

Command = Callable[[str], Sequence[str]]  # what starts the worker of this name
OnEnd = Callable[[str], None]
Chore = Callable[[], None]


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises
    ------
    UserError
        If nobody can, as somebody else does.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # What it accepts inherits this: else an answer's end waits 40 ms for a reader's receipt, as
        # asyncio sets it only on sockets that name their protocol, and these do not.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}, port {port}: {error.strerror}; end what uses it, or choose "
            "another with --port"
        ) from None


async def supervise(
    app: ASGIApp,
    listener: socket.socket,
    folder: Path,
    command: Command,
    count: int,
    on_end: OnEnd,
    chores: Sequence[Chore],
) -> None:
    """Serve until Ctrl-C or SIGTERM, with ``count`` workers that are started again if they end.

    Parameters
    ----------
    app
        The web application.
    listener : socket
    folder : Path
        In which workers run.
    command : callable
    count : int
    on_end : callable
        Told of each worker that is gone: its leases are free.
    chores : sequence of callable
        Done every while beside the event loop; what they raise is logged.
    """
    # uvicorn hands on the signal that ended it, which has no more to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS
    )
    beside = [asyncio.create_task(_worker(folder, command, on_end)) for _ in range(count)]
    beside += [asyncio.create_task(_again_and_again(one)) for one in chores]
    try:
        await uvicorn.Server(config).serve([listener])
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def _again_and_again(chore: Chore) -> None:
    """Do something every while until this is cancelled."""
    while True:
        try:
            await asyncio.to_thread(chore)
        except Exception as error:  # a lost database, a full disk: it may pass
            log.error("%s: %s", type(error).__name__, in_one_line(str(error)))
        await asyncio.sleep(CHORE_SECONDS)


async def _worker(folder: Path, command: Command, on_end: OnEnd) -> None:
    """Keep a worker up until this is cancelled."""
    while True:
        name = f"{socket.gethostname()[:40]}-{secrets.token_hex(4)}"
        # In a session of its own: Ctrl-C is for this process, which ends its workers itself.
        process = await asyncio.create_subprocess_exec(
            *command(name), cwd=folder, start_new_session=True
        )
        try:
            status = await process.wait()
            log.error("the worker %s ended (%s); another one starts", name, status)
        finally:
            await asyncio.shield(_ended(process))
            await asyncio.to_thread(_told, on_end, name)
        await asyncio.sleep(PAUSE_SECONDS)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End a worker: it has some time to give back what it has not done."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _told(on_end: OnEnd, name: str) -> None:
    try:
        on_end(name)
    except UserError as error:  # the leases lapse by themselves
        log.warning("%s", error)


def worker_command(name: str, url: str, jobs: int | None, scheduler: str | None) -> list[str]:
    """Return what starts a worker that ends with this process."""
    options = ["--name", name, "--db", url, "--under", str(os.getpid())]
    options += ["--jobs", str(jobs)] if jobs else []
    options += ["--scheduler", scheduler] if scheduler else []
    return [sys.executable, "-m", "grading", "service", "worker", *options]
