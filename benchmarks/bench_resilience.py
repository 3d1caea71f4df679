"""Kills and damage: whatever dies, `--resume` ends with the gradebook of an undisturbed run."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil

from benchmarks.courses import copied, grade, lab_course, marks_of, timed
from benchmarks.line import Line
from grading.cells.reading import read_notebook
from grading.engine.batch import each
from grading.engine.runner import Engine
from grading.errors import UserError
from grading.judging.assess import assess, prepare
from tests import mini

SUBMISSIONS = 16
KILLS = 30
MUTANTS = 500
VICTIMS = ("coordinator", "zygote", "kernel", "worker")
BIN = Path(sys.executable).parent


def run() -> list[Line]:
    """Kill 30 processes and grade 500 damaged notebooks."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return [_kills(root), _mutants(root)]


def _kills(root: Path) -> Line:
    draw = random.Random(0)
    undisturbed = lab_course(root / "undisturbed", SUBMISSIONS)
    pristine = copied(undisturbed, "pristine")
    seconds = timed(grade(mini.LAB), undisturbed).wall
    expected = marks_of(undisturbed / "course" / "gradebook.db")
    equal = 0
    for number in range(KILLS):
        course = copied(pristine, f"kill{number}")
        victim = VICTIMS[number % len(VICTIMS)]
        with _cluster(victim == "worker") as (options, workers):
            command = grade(mini.LAB, *options)
            process = subprocess.Popen(
                command, cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(draw.uniform(0.3, 1.0) * seconds)
            _kill(process, victim, workers, draw)
            process.wait(timeout=300)
            timed(grade(mini.LAB, "--resume", *options), course)
        equal += marks_of(course / "course" / "gradebook.db") == expected
    return Line(
        what=f"kills of {', '.join(VICTIMS)}, each followed by --resume",
        value=equal,
        unit="equal gradebooks",
        baseline_name="kills",
        baseline=KILLS,
        target=f"= {KILLS}",
        met=equal == KILLS,
    )


def _kill(
    process: subprocess.Popen[bytes],
    victim: str,
    workers: list[psutil.Process],
    draw: random.Random,
) -> None:
    """Kill one process of a run with SIGKILL, if it is still there."""
    try:
        coordinator = psutil.Process(process.pid)
        family = [p for p in coordinator.children(recursive=True) if p.name() != "bwrap"]
        candidates = {
            "coordinator": [coordinator],
            "zygote": family[:1],
            "kernel": family[1:] or family,
            "worker": [
                c for w in workers for c in w.children() if "spawn" in " ".join(c.cmdline())
            ],
        }[victim]
        if candidates:
            os.kill(draw.choice(candidates).pid, signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        pass  # it ended before it could be killed; the run must be right all the same


@contextmanager
def _cluster(wanted: bool) -> Iterator[tuple[list[str], list[psutil.Process]]]:
    """Start a Dask scheduler and two workers, if they are wanted."""
    if not wanted:
        yield [], []
        return
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder, "scheduler.json")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        started = [
            subprocess.Popen(
                [
                    BIN / "dask",
                    "scheduler",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    "0",
                    "--no-dashboard",
                    "--scheduler-file",
                    str(address),
                ],
                **quiet,
            )
        ]
        while not address.exists() or not address.read_text().endswith("}"):
            time.sleep(0.1)
        for _ in range(2):
            started.append(
                subprocess.Popen(
                    [
                        BIN / "dask",
                        "worker",
                        "--nthreads",
                        "1",
                        "--no-dashboard",
                        "--scheduler-file",
                        str(address),
                    ],
                    **quiet,
                )
            )
        time.sleep(5)
        try:
            url = json.loads(address.read_text())["address"]
            yield ["--scheduler", url], [psutil.Process(p.pid) for p in started[1:]]
        finally:
            for process in reversed(started):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
                process.kill()
                process.wait()


def _mutants(root: Path) -> Line:
    draw = random.Random(1)
    course = mini.make_course(root / "mutants")
    original = nbformat.writes(mini.answered(course, mini.solved(course))).encode()
    ended: list[str] = []

    async def work() -> None:
        async with Engine(course.limits) as engine:
            terms = await prepare(engine, mini.solution(course), "quick")
            release = mini.blank(course)

            async def one(data: bytes) -> str:
                try:
                    notebook = read_notebook(data)
                except UserError as error:
                    return "" if "\n" in str(error) else "refused"
                return f"marks {(await assess(engine, terms, release, notebook)).judgement.score}"

            mutants = (mutated(original, draw) for _ in range(MUTANTS))
            jobs = len(os.sched_getaffinity(0))
            async for _, outcome in each(mutants, one, jobs):
                ended.append(outcome)

    asyncio.run(work())
    good = sum(bool(outcome) for outcome in ended)
    return Line(
        what="mutated notebooks that end in marks or one line",
        value=good,
        unit="notebooks",
        baseline_name="mutants",
        baseline=MUTANTS,
        target=f"= {MUTANTS}",
        met=good == MUTANTS,
    )


def mutated(original: bytes, draw: random.Random) -> bytes:
    """Return a notebook with bytes flipped, or JSON fields dropped or retyped."""
    if draw.random() < 0.3:
        data = bytearray(original)
        for _ in range(draw.randint(1, 8)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        return bytes(data[: draw.randrange(len(data))] if draw.random() < 0.2 else data)
    tree = json.loads(original)
    for _ in range(draw.randint(1, 3)):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw.choice(keys)
            child = node[key]
            if isinstance(child, dict | list) and child and draw.random() < 0.8:
                node = child
                continue
            if draw.random() < 0.5:
                del node[key]
            else:
                node[key] = draw.choice([None, 0, -1.5, "text", [], {}, True, [[]], {"a": [1]}])
            break
    return json.dumps(tree).encode()
