"""The files of hand-ins, below ``course/handed_in``: what was received, and what came of it.

``handed_in/<student>/<lab>/<sha256>.ipynb`` is what was received, to the byte, and the same with
``.executed.ipynb`` the notebook that was graded.
"""

import hashlib
import os
from pathlib import Path

from grading.files import written_atomically

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


def page_path(home: Path, student: str, lab: str, attempt: int) -> Path:
    """Return where the page of an attempt lies, beside that of the whole lab."""
    return home / "feedback" / student / lab / f"attempt-{attempt}.html"


def _sync(folder: Path) -> None:
    """Have a folder's names survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
