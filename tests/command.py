"""The command line, called in this process: a new one spends a second on imports."""

import contextlib
import io
import subprocess
import threading
from pathlib import Path
from unittest.mock import patch

from grading.cli.app import run_app


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m grading WORDS`` in a folder; return its exit code and what it printed.

    What makes imports fast was done as the tests began, once.
    The folder and the outputs are the whole process's, so only its first thread may call this.
    """
    assert threading.current_thread() is threading.main_thread(), "start a process of its own"
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(root),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch("sys.argv", ["grading", *words]),
        patch("grading.cli.app.hasten_nbgrader"),
        patch("grading.cli.app.hasten_nbformat"),
    ):
        try:
            run_app()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
