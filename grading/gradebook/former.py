"""Former releases of a lab, on which students may have worked: kept as they were given out."""

import hashlib
from pathlib import Path

from nbformat import NotebookNode

from grading.cells.reading import read_notebook
from grading.files import write_atomically


def keep_former(home: Path, lab: str, released: bytes) -> None:
    """Keep a release that another one has replaced, in ``course/former``."""
    name = hashlib.sha256(released).hexdigest()[:16]
    write_atomically(home / "former" / lab / f"{name}.ipynb", released)


def former_releases(home: Path, lab: str) -> tuple[NotebookNode, ...]:
    """Return the notebooks of all former releases of a lab."""
    paths = sorted((home / "former" / lab).glob("*.ipynb"))
    return tuple(read_notebook(path.read_bytes()) for path in paths)
