"""What nbgrader is without its pages, in a process of its own: importing cannot be undone."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_no_notebook_server_is_imported_with_nbgrader() -> None:
    code = (
        "import sys\n"
        "from grading.gradebook.hasten import hasten_nbgrader\n"
        "hasten_nbgrader()\n"
        "import nbgrader.api, nbgrader.apps, nbgrader.converters, nbgrader.exchange\n"
        "print('jupyter_server' in sys.modules)"
    )
    assert run(code) == "False"


@pytest.mark.heavy
def test_a_notebook_server_is_imported_with_nbgrader_as_it_is() -> None:
    assert run("import sys, nbgrader.api; print('jupyter_server' in sys.modules)") == "True"
