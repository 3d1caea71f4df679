"""Secrets of the service's own: made once, and kept in a file that only its user reads."""

import os
from collections.abc import Callable
from pathlib import Path


def kept(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in a file, which is made if there is none.

    Raises
    ------
    OSError
        If it cannot be read or kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(make())
    return path.read_text(encoding="utf-8").strip()
