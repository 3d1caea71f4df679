"""The files of hand-ins, below ``course/handed_in``: what was received, and what came of it.

``handed_in/<student>/<lab>/<sha256>.ipynb`` is what was received, to the byte; the same with
``.executed.ipynb`` the notebook that was graded, and with ``.again-….ipynb`` that which was graded
again.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from grading.files import written_atomically
from grading.service.queue import HandIn

FOLDER = "handed_in"


def keep(home: Path, student: str, lab: str, content: bytes) -> str:
    """Keep what was received and return its SHA-256; it then survives a loss of power.

    Raises
    ------
    OSError
        If it could not be kept.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = received_path(home, student, lab, sha256)
    with written_atomically(path) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    for folder in (path.parent, path.parent.parent, path.parent.parent.parent, home):
        _sync(folder)
    return sha256


def received_path(home: Path, student: str, lab: str, sha256: str) -> Path:
    """Return where a notebook lies as it was received."""
    return home / FOLDER / student / lab / f"{sha256}.ipynb"


def executed_path(home: Path, student: str, lab: str, sha256: str) -> Path:
    """Return where it lies as it was graded."""
    return home / FOLDER / student / lab / f"{sha256}.executed.ipynb"


def again_path(home: Path, again: HandIn) -> Path:
    """Return where it lies as this try graded it again, until somebody says that it counts."""
    name = f"{again.sha256}.again-{again.id}-{again.tries}.ipynb"
    return home / FOLDER / again.student / again.lab / name


def page_path(home: Path, student: str, lab: str, attempt: int) -> Path:
    """Return where the page of an attempt lies, beside that of the whole lab."""
    return home / "feedback" / student / lab / f"attempt-{attempt}.html"


def take_over(home: Path, again: HandIn) -> None:
    """Have the notebook that was graded again, if there is one, be the one that was graded."""
    path = executed_path(home, again.student, again.lab, again.sha256)
    with suppress(FileNotFoundError):
        again_path(home, again).replace(path)


def _sync(folder: Path) -> None:
    """Have a folder's names survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
