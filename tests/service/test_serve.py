"""`python -m grading serve`, as somebody starts it: it serves, grades, and stops."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from grading.collect.submitted import Place
from grading.places import KIT
from grading.service import queue
from grading.service.database import Database
from grading.service.supervisor import listening
from tests import mini
from tests.command import command
from tests.engines import eventually, skip_without_sandbox
from tests.postgresql import Server
from tests.service.handing import make_course, notebook
from tests.service.visiting import STAFF, csrf, unseen

pytestmark = pytest.mark.kernels


@contextmanager
def serving(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start the service of a course; yield its process and the lines that it printed."""
    words = [sys.executable, "-u", "-m", "grading", "serve", "--port", "0", *options]
    with subprocess.Popen(
        words,
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(KIT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline() for _ in range(3)]
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def signed_in(link: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=link.partition("/in/")[0], follow_redirects=True) as client:
        assert client.get(link).status_code == 200
        yield client


def link_of(root: Path, who: str, *options: str) -> str:
    done = command(root, "service", "links", "--to", "links.csv", *options)
    assert done.returncode == 0, done.stderr
    file = root / "links.csv"
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return next(row["link"] for row in csv.DictReader(stream) if row["id"] == who)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def test_it_serves_grades_replaces_a_killed_worker_and_stops(tmp_path: Path) -> None:
    skip_without_sandbox()
    course = make_course(tmp_path, STAFF)
    with serving(tmp_path) as (process, lines):
        address = re.search(r"is at (http://127\.0\.0\.1:\d+);", lines[0])
        assert address and "Sign in as prof (instructor): " in lines[1]
        with signed_in(lines[1].split()[-1]) as prof:
            assert eventually(lambda: "✓" in prof.get("/course").text, 60), "a worker is up"
        (first,) = workers_of(process)
        first.kill()
        link = link_of(tmp_path, "ada").replace("http://127.0.0.1:8000", address[1])
        with signed_in(link) as ada:
            file = {"notebook": ("a.ipynb", notebook(course, "ada"))}
            sent = ada.post("/labs/mini", data={"csrf": csrf(ada)}, files=file)  # type: ignore[arg-type]
            assert sent.status_code == 200, sent.text
            assert eventually(lambda: "9 of 9" in ada.get(sent.url).text, 90)
            assert "Ada Lovelace" in ada.get(f"{sent.url}/page").text
        assert Place(course.home, "ada", "mini").content() == notebook(course, "ada")
        (second,) = workers_of(process)
        assert second.pid != first.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not second.is_running()
        assert process.stdout and process.stdout.read() == (
            "The service has ended; what was handed in is kept.\n"
        )


@pytest.mark.heavy
def test_two_processes_share_a_course_in_postgresql(tmp_path: Path, postgresql: Server) -> None:
    skip_without_sandbox()
    url = postgresql.database()
    course = mini.make_course(tmp_path)
    with (tmp_path / "course.toml").open("a", encoding="utf-8") as file:
        file.write(STAFF)
    done = command(tmp_path, "release", mini.LAB, "--db", url)
    assert done.returncode == 0, done.stderr
    ada = link_of(tmp_path, "ada", "--db", url).rpartition("/in/")[2]
    with (
        serving(tmp_path, "--db", url) as (_, lines),
        serving(tmp_path, "--db", url, "--workers", "0") as (_, others),
        signed_in(lines[1].split()[-1]) as prof,
        at(others, prof) as elsewhere,
    ):
        with signed_in(f"{prof.base_url}/in/{ada}") as here, at(others, here) as there:
            file = {"notebook": ("a.ipynb", notebook(course, "ada"))}
            sent = there.post("/labs/mini", data={"csrf": csrf(there)}, files=file)
            assert sent.status_code == 200, sent.text
            assert eventually(lambda: "9 of 9" in here.get(sent.url.path).text, 90)
            assert "9 of 9" in there.get(sent.url.path).text
        prof.get("/marking/mini")
        page = prof.get("/marking/mini/why")
        given = unseen(page.text) | {"adjustment": "1.5", "comment": "Seen here."}
        late = unseen(elsewhere.get(page.url.path).text) | {"adjustment": "0", "comment": "There."}
        assert prof.post(page.url.path, data=given).status_code == 200
        refused = elsewhere.post(page.url.path, data=late)
        assert refused.status_code == 409 and "Seen here." in elsewhere.get(page.url.path).text


def at(lines: list[str], who: httpx.Client) -> httpx.Client:
    """Return the same browser, at another process of the service."""
    address = re.search(r"is at (http://[\d.:]+);", lines[0])
    assert address
    return httpx.Client(base_url=address[1], cookies=who.cookies, follow_redirects=True)


def test_a_worker_ends_with_its_service_even_if_that_was_killed(tmp_path: Path) -> None:
    make_course(tmp_path, STAFF)
    with serving(tmp_path) as (process, lines):
        assert "prof" in lines[1]
        assert eventually(lambda: workers_of(process))
        (worker,) = workers_of(process)
        process.kill()
        assert eventually(lambda: not worker.is_running() or worker.status() == "zombie", 60)


def test_one_person_marks_on_a_laptop_and_nobody_hands_in(tmp_path: Path) -> None:
    make_course(tmp_path, '\n[service]\naddress = "https://hand-in.example.org"\n' + STAFF)
    with serving(tmp_path, "--only-marking") as (process, lines):
        address = re.search(r"is at (http://127\.0\.0\.1:\d+);", lines[0])
        assert address, "it is here, wherever the service of the course is"
        with signed_in(lines[1].split()[-1]) as prof:
            assert "No answers yet." in prof.get("/marking/mini").text
            assert prof.get("/device").status_code == 404
            assert prof.post("/api/1/device").status_code == 404
            assert prof.post("/labs/mini").status_code == 404
        assert workers_of(process) == []


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    make_course(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command(tmp_path, "serve", "--port", port)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: cannot listen on 127.0.0.1, port {port}: ")
    assert line.endswith("choose another with --port")


def test_an_answer_is_sent_at_once_whatever_its_reader_has_confirmed() -> None:
    with (
        listening("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_other_machines_are_spoken_to_by_https_alone(tmp_path: Path) -> None:
    make_course(tmp_path)
    done = command(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2 and "speaks HTTPS alone" in done.stderr


def test_nobody_is_a_student_and_one_of_the_staff(tmp_path: Path) -> None:
    make_course(tmp_path, '\n[[service.staff]]\nid = "ADA"\n')
    done = command(tmp_path, "serve", "--port", "0")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ADA is a student of ") and "expected another id" in line


def test_a_short_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_course(tmp_path)
    monkeypatch.setenv("DL_SERVICE_SECRET", "short")
    done = command(tmp_path, "service", "links")
    assert done.returncode == 2 and "has 5 characters; expected at least 32" in done.stderr


def test_the_secret_is_made_once_and_nobody_else_reads_it(tmp_path: Path) -> None:
    make_course(tmp_path, '\n[service]\naddress = "https://h.test/dl"\n' + STAFF)
    first, second = (command(tmp_path, "service", "links") for _ in range(2))
    assert first.returncode == 0 and first.stdout.count("\n") == second.stdout.count("\n") == 6
    assert "https://h.test/dl/in/" in first.stdout and not first.stderr
    assert (tmp_path / "course" / "service.secret").stat().st_mode & 0o777 == 0o600


def test_revoking_prints_another_link_or_says_who_is_meant(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    done = command(tmp_path, "service", "revoke", "ada")
    assert done.returncode == 0 and "/in/" in done.stdout
    wrong = command(tmp_path, "service", "revoke", "a.d.a")
    assert wrong.returncode == 2 and "did you mean ada?" in wrong.stderr
    database = Database(course.db_url)
    with database.reading() as session:
        assert queue.of_lab(session, "mini") == []
    database.close()
