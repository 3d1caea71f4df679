"""The service: a crowd before a deadline, pages meanwhile, one hand-in, kills, and memory.

``python -m benchmarks.bench_serve crowd kills`` measures these parts alone and prints them. The
crowd is the class of 300 that hands lab 1 in within ten minutes, a fifth in size and in time: each
notebook computes for a fifth of lab 1's seconds, and five times as many a second come. So the queue
grows as it does then, and what the service adds to a notebook weighs five times as much.
"""

import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil
import sqlalchemy as sa

from benchmarks.line import Line
from benchmarks.serving import Served, served
from grading.gradebook import stored
from grading.gradebook.handins import table
from grading.service import queue
from grading.service.database import Database
from tests.postgresql import PASSWORD, programs, running
from tests.service import handing

ROOT = Path(__file__).resolve().parent.parent
CORES = len(os.sched_getaffinity(0))
CLASS, WINDOW = 300, 600.0  # students, and the seconds before a deadline in which they hand in
COST = sum(json.loads((ROOT / "notebooks/source/costs.json").read_text())["lab1_mlp"].values())
PART = 5
VIEWS_A_MINUTE, VIEWERS, VIEWING, BATCH = 2000, 30, 15.0, 24
SMALL = 5
KILLS = 30
VICTIMS = ("web", "worker", "zygote", "database connection")
MANY, WARM = 10_000, 1_000
ATTEMPTS = 10


def run() -> list[Line]:
    """Measure all parts."""
    return [line for part in PARTS.values() for line in part()]


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as name:  # /tmp may be memory
        yield Path(name)


def percentile(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def small() -> list[Line]:
    """Measure from a hand-in of a small lab to its marks, on an idle service."""
    took = []
    with folder() as root, served(root, SMALL + 1) as course, httpx.Client(timeout=60) as browser:
        for number, student in enumerate(course.students):
            content = course.notebook(student, "small")
            started = time.perf_counter()
            _await_marks(course, browser, student, course.hand_in(browser, student, content))
            if number:  # the first one starts the kernels
                took.append(time.perf_counter() - started)
    return [
        Line(
            what=f"a small lab, from hand-in to marks, the longest of {SMALL}",
            value=max(took),
            unit="s",
            target="<= 5 s",
            met=max(took) <= 5,
        )
    ]


def _await_marks(course: Served, browser: httpx.Client, student: str, receipt: Any) -> None:
    while course.state(browser, receipt, student)["state"] != "graded":
        time.sleep(0.1)


def crowd() -> list[Line]:
    """Let a class hand in before a deadline, and wait until all of it is graded."""
    count, busy = CLASS // PART, COST / PART
    draw = random.Random(0)
    with folder() as root, served(root, count) as course:
        contents = {one: course.notebook(one, "crowd", busy) for one in course.students}
        moments = sorted(draw.uniform(0, WINDOW / PART**2) for _ in contents)
        started = time.perf_counter()

        def one(student: str, moment: float) -> tuple[float, str]:
            time.sleep(max(started + moment - time.perf_counter(), 0))
            with httpx.Client(timeout=60) as browser:
                before = time.perf_counter()
                receipt = course.hand_in(browser, student, contents[student])
                return time.perf_counter() - before, receipt["id"]

        with ThreadPoolExecutor(count) as pool:
            sent = list(pool.map(one, contents, moments))
        last = time.perf_counter()
        database = Database(course.url)
        while _count(database, queue.GRADED) < count:
            time.sleep(0.2)
        rest = time.perf_counter() - last
        database.close()
    took, ideal = percentile([seconds for seconds, _ in sent]), count * busy / CORES
    return [
        Line(
            what=f"receipts of {count} hand-ins in {moments[-1]:.0f} s, 95th percentile",
            value=took,
            unit="s",
            target="<= 1 s, none refused or lost",
            met=took <= 1 and len({id for _, id in sent}) == count,
        ),
        Line(
            what="all their marks, after the last hand-in",
            value=rest,
            unit="s",
            baseline_name=f"their {busy:.2f} s of computing each / cores",
            baseline=ideal,
            ratio=rest / ideal,
            target="ratio <= 1.5",
            met=rest <= 1.5 * ideal,
        ),
    ]


def pages() -> list[Line]:
    """Have students read their pages while others' notebooks are graded."""
    with folder() as root, served(root, VIEWERS + BATCH) as course:
        with httpx.Client(timeout=60) as browser:
            for student in course.students[VIEWERS:]:
                course.hand_in(browser, student, course.notebook(student, "pages", COST / PART))
        with ThreadPoolExecutor(VIEWERS) as pool:
            views = pool.map(lambda who: _views(course, who), course.students[:VIEWERS])
            seen = [seconds for found in views for seconds in found]
        database = Database(course.url)
        is_busy = _count(database, queue.GRADED) < BATCH
        database.close()
    a_minute, slow = 60 * len(seen) / VIEWING, percentile(seen)
    return [
        Line(
            what=f"pages while notebooks are graded, {a_minute:,.0f} a minute, 95th percentile",
            value=1000 * slow,
            unit="ms",
            target=f"<= 300 ms at {VIEWS_A_MINUTE:,} a minute",
            met=is_busy and slow <= 0.3 and a_minute >= 0.95 * VIEWS_A_MINUTE,
        )
    ]


def _views(course: Served, student: str) -> list[float]:
    """Read the start page at an even pace for a while; return how long each took."""
    pause, seen = 60 * VIEWERS / VIEWS_A_MINUTE, []
    with course.signed_in(student) as browser:
        due = time.perf_counter() + random.uniform(0, pause)
        end = due + VIEWING
        while due < end:
            time.sleep(max(due - time.perf_counter(), 0))
            began = time.perf_counter()
            browser.get("/").raise_for_status()
            seen.append(time.perf_counter() - began)
            due += pause
    return seen


def _count(database: Database, state: str) -> int:
    with database.reading() as session:
        query = sa.select(sa.func.count()).where(table.c.state == state, table.c.settled)
        return session.scalar(query) or 0


def kills() -> list[Line]:
    """Kill parts of the service while students hand in; every receipt has its mark, once."""
    if programs() is None:
        return [Line.skipped("kills", "no PostgreSQL server is installed")]
    os.environ["PGPASSWORD"] = PASSWORD
    draw = random.Random(0)
    with folder() as root, running(durable=True) as server:
        url = server.database()
        with served(root, KILLS, url) as course, httpx.Client(timeout=60) as browser:
            receipts = {}
            admin = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
            kill: dict[str, Callable[[], None]] = dict(
                zip(
                    VICTIMS,
                    (course.kill_web, course.kill_worker, course.kill_zygote, lambda: _cut(admin)),
                    strict=True,
                )
            )
            for number, student in enumerate(course.students):
                content = course.notebook(student, "kills", busy=0.5)
                receipts[student] = course.hand_in(browser, student, content)
                time.sleep(draw.uniform(0.0, 2.0))
                kill[VICTIMS[number % len(VICTIMS)]]()
            _await_all(course, receipts, browser)
            marked = _marked_once(url, receipts)
    return [
        Line(
            what=f"receipts with their marks, once, after kills of {', '.join(VICTIMS)}",
            value=marked,
            unit="receipts",
            baseline_name="kills",
            baseline=KILLS,
            target=f"= {KILLS}",
            met=marked == KILLS,
        )
    ]


def _cut(engine: sa.Engine) -> None:
    """End all connections to a database but this one."""
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def _await_all(course: Served, receipts: dict[str, Any], browser: httpx.Client) -> None:
    for student, receipt in receipts.items():
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if course.state(browser, receipt, student).get("state") in ("graded", "failed"):
                    break
            time.sleep(0.2)


def _marked_once(url: str, receipts: dict[str, Any]) -> int:
    """Count the students with one attempt, graded, whose marks the gradebook has."""
    database = Database(url)
    with database.reading() as session:
        found = 0
        for student, receipt in receipts.items():
            mine = queue.of_student(session, student)
            known = stored.result(session, "mini", student)
            once = [one.id for one in mine if one.state == queue.GRADED] == [receipt["id"]]
            found += once and len(mine) == 1 and known is not None and known.score == handing.MOST
    database.close()
    return found


def memory() -> list[Line]:
    """Take in and grade many hand-ins in one process, with a stand-in for the engine."""
    process, peaks = psutil.Process(), {}
    with folder() as root:
        course = handing.make_course(root)
        students = [f"s{number:05}" for number in range(MANY // ATTEMPTS)]
        lines = ["student_id,name", *(f"{one},Student {one}" for one in students)]
        course.roster.write_text("\n".join(lines) + "\n")
        service = handing.Service(course)
        blank = handing.notebook(course, "STUDENT").decode()
        for number in range(MANY):
            student = students[number % len(students)]
            marks = f"It is worth {1 + number // len(students) % 9}."
            content = blank.replace("STUDENT", student, 4).replace("It is worth 9.", marks)
            service.hand_in(student, f"{content}{' ' * (number // len(students))}".encode())
            if (number + 1) % 100 == 0:
                service.work(name=f"worker-{number}")
            if number + 1 in (WARM, MANY):
                peaks[number + 1] = process.memory_info().rss / 2**20
        service.database.close()
    ratio = peaks[MANY] / peaks[WARM]
    return [
        Line(
            what=f"memory after {MANY:,} hand-ins, taken in and graded by a stand-in",
            value=peaks[MANY],
            unit="MiB",
            baseline_name=f"after {WARM:,}",
            baseline=peaks[WARM],
            ratio=ratio,
            target="ratio <= 1.1",
            met=ratio <= 1.1,
        )
    ]


PARTS: dict[str, Callable[[], list[Line]]] = {
    "small": small,
    "crowd": crowd,
    "pages": pages,
    "kills": kills,
    "memory": memory,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        for line in PARTS[name]():
            print(line.text(), flush=True)
