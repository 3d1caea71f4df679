"""A PostgreSQL server of the tests' own, where the machine has the programs of one."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import sqlalchemy as sa

PASSWORD = "Not a 100% se/cret:@?"
USER = "grader"
_numbers = count()


def programs() -> Path | None:
    """Return the folder of the server's programs, None if there is none."""
    known = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    known += [Path(found).parent for found in [shutil.which("initdb")] if found]
    return next((folder for folder in known if (folder / "initdb").exists()), None)


class Server:
    """A server on this machine's loopback, which asks for a password.

    Parameters
    ----------
    bin : Path
        Folder of its programs.
    folder : Path
        Of its files; it is the server's user's.
    user : str or None
        Who runs it; None if it is whoever runs the tests.
    durable : bool
        Whether it waits for the disk, as one that is measured should.
    """

    def __init__(self, bin: Path, folder: Path, user: str | None, durable: bool) -> None:
        self._bin, self._folder, self._user, self._durable = bin, folder, user, durable
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]

    def make(self) -> None:
        secret = self._folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-N", "-EUTF8")

    def start(self) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        options += "" if self._durable else " -c fsync=off"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def database(self) -> str:
        """Return the URL of a new, empty database; it holds no password."""
        name = f"grades_{next(_numbers)}"
        admin = sa.make_url(self._url("postgres")).set(password=PASSWORD)
        engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server
            done = subprocess.run(
                [self._bin / program, "-D", self._folder / "data", *arguments],
                user=self._user,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            output.seek(0)
            assert done.returncode == 0, output.read().decode()


@contextmanager
def running(durable: bool = False) -> Iterator[Server]:
    """Start a server and stop it at the end; a server refuses to run as root."""
    bin = programs()
    assert bin is not None
    with tempfile.TemporaryDirectory(prefix="dl-pg-") as folder:
        user = None
        if os.getuid() == 0:
            user = "nobody"
            shutil.chown(folder, user)
        server = Server(bin, Path(folder), user, durable)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
