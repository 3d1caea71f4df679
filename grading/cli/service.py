"""The service: serve it, links to sign in with, workers."""

from __future__ import annotations

import csv
import io
import os
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say, shown
from grading.cli.options import DatabaseUrl, LabName, SchedulerUrl, gradebook_url, labs_course_here
from grading.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grading.service.people import Person
    from grading.service.web.site import Site

HOST, PORT = "127.0.0.1", 8000
LOOPBACK = (HOST, "::1", "localhost")
OURS = "the service takes labs of course.toml"
LOG = "%(asctime)s %(levelname)s %(name)s: %(message)s"

commands = typer.Typer(help="The service: links to sign in with, workers, and LMSs.")


def serve(
    host: Annotated[str, typer.Option(help="Where to listen.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535)] = PORT,
    workers: Annotated[int, typer.Option(min=0, help="Processes that grade.")] = 1,
    only_marking: Annotated[
        bool, typer.Option("--only-marking", help="Mark written answers; take no hand-ins.")
    ] = False,
    scheduler: SchedulerUrl = None,
    db: DatabaseUrl = None,
) -> None:
    """Take hand-ins from notebooks and browsers, grade them, show the marks; Ctrl-C ends it."""
    import asyncio
    import logging

    from grading.service import queue
    from grading.service.supervisor import listening, supervise, worker_command
    from grading.service.web.app import DOORS, ONLY_MARKING, create_app
    from grading.service.web.signing import secret_of

    course = labs_course_here(OURS)
    logging.basicConfig(format=LOG, level=logging.INFO)
    url = gradebook_url(course, db)
    with listening(host, port) as listener:
        known = "" if only_marking else course.service.address
        address = _address(known, host, listener.getsockname()[1])
        doors = ONLY_MARKING if only_marking else DOORS
        app = create_app(course, url, address, secret_of(course.home), doors)
        site: Site = app.state.site
        first = next(one for one in site.people.all() if one.student is None)
        say(f"The service of {course.name} is at {address}; Ctrl-C ends it.")
        say(f"Sign in as {first.id} ({first.role}): {site.link_of(first)}")
        say("Links of the others: python -m grading service links")
        jobs = None if scheduler else max(1, (os.cpu_count() or 1) // max(workers, 1))

        def release(name: str) -> None:
            with site.database.writing() as session:
                queue.release(session, name)

        def command(name: str) -> list[str]:
            return worker_command(name, url, jobs, scheduler)

        count = 0 if only_marking else workers
        chores = [site.sender.look] if site.sender else []
        asyncio.run(supervise(app, listener, Path.cwd(), command, count, release, chores))
    say("The service has ended; what was handed in is kept.")


@commands.command()
def links(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write a CSV file that is yours.")
    ] = None,
    db: DatabaseUrl = None,
) -> None:
    """Print a line of CSV for each of the staff and the roster, with the link that signs in."""
    rows = [("id", "name", "role", "email", "link")]
    with site_of(db) as site:
        rows += [_row(site, person) for person in site.people.all()]
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(rows)
    if to is None:
        for line in stream.getvalue().splitlines():
            say(line)
        return
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(stream.getvalue().encode("utf-8-sig"))
    say(f"{len(rows) - 1} links in {shown(to)}; whoever has one hands in as that person")


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(help="Of a student or of the staff.")],
    db: DatabaseUrl = None,
) -> None:
    """Make a person's link, sign-ins and notebooks' tokens worthless, and print another link."""
    with site_of(db) as site:
        person = site.people.find(id)
        if person is None:
            near = " or ".join(one.id for one in site.people.roster.resembling(id))
            expected = "expected an id of the roster or of the staff"
            hint = f"did you mean {near}?" if near else expected
            raise UserError(f"there is no {id!r} in this course; {hint}")
        site.revoke(person.id)
        say(site.link_of(person))


@commands.command()
def worker(
    name: Annotated[str, typer.Option(help="A name that no worker had before.")] = "",
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Submissions at once; as many as there are cores by default."),
    ] = None,
    under: Annotated[int, typer.Option(hidden=True)] = 0,
    scheduler: SchedulerUrl = None,
    db: DatabaseUrl = None,
) -> None:
    """Grade what the service took in, until Ctrl-C or SIGTERM; `serve` starts its own."""
    import asyncio
    import logging
    import secrets

    from grading.engine.executor import RunOptions
    from grading.service.database import Database
    from grading.service.worker import Bench, Worker, work

    course = labs_course_here(OURS)
    logging.basicConfig(format=LOG, level=logging.INFO)
    name = name or f"worker-{secrets.token_hex(4)}"
    bench = Bench(course, RunOptions(jobs=jobs, scheduler=scheduler))
    with closing(Database(gradebook_url(course, db))) as database:
        asyncio.run(work(Worker(course, database, name, bench), under))


def _address(known: str, host: str, port: int) -> str:
    """Return where people find the service: as course.toml says, else here."""
    if known:
        return known
    if host not in LOOPBACK:
        raise UserError(
            f"{host} may be seen from other machines, to which a service speaks HTTPS alone; "
            'expected [service] address = "https://…" in course.toml, where a proxy with a '
            "certificate stands before it (docs/service.md)"
        )
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@commands.command()
def suggest(lab: LabName, db: DatabaseUrl = None) -> None:
    """Have the course's own program suggest marks for the written answers that nobody marked."""
    from grading.service.database import Database
    from grading.service.people import People
    from grading.service.suggestions import suggest_all

    course = labs_course_here(OURS)
    course.lab(lab)
    roster = People(course).roster
    with closing(Database(gradebook_url(course, db))) as database:
        count = sum(1 for _ in suggest_all(course, database, roster, lab))
    say(f"{count} answers have a suggestion; people decide, at /marking/{lab} of the service")


@contextmanager
def site_of(db: str | None) -> Iterator[Site]:
    """Open the service of the course of this folder."""
    from grading.service.web.app import make_site
    from grading.service.web.signing import secret_of

    course = labs_course_here(OURS)
    address = _address(course.service.address, HOST, PORT)
    if not course.service.address:
        note(f"course.toml has no [service] address, so these links are for {address}")
    site = make_site(course, gradebook_url(course, db), address, secret_of(course.home))
    with closing(site.database):
        yield site


def _row(site: Site, person: Person) -> tuple[str, str, str, str, str]:
    email = person.student.email if person.student else ""
    return person.id, person.name, person.role, email, site.link_of(person)
