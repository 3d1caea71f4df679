"""``make test-colab``: what is asked for reaches the sessions, and bad input is one line."""

import os
import subprocess
import sys

import pytest

from grading.places import KIT

ASKED = ("PYTHON", "PINS", "MAKEFLAGS", "MAKELEVEL")  # of the make that runs the tests, too
UNASKED = {name: value for name, value in os.environ.items() if name not in ASKED}


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        ([], []),
        (["LABS=lab1_mlp"], ["lab1_mlp"]),
        (["PYTHON=python3.13", "PINS=list.txt"], ["--python", "python3.13", "--pins", "list.txt"]),
    ],
)
def test_make_passes_on_what_is_asked_for(asked: list[str], passed: list[str]):
    command = ["make", "--dry-run", "test-colab", *asked]
    said = subprocess.run(command, cwd=KIT, check=True, capture_output=True, text=True, env=UNASKED)
    words = said.stdout.replace("\\\n", " ").split()
    assert words[words.index("tests.colab") + 1 :] == passed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pins", "no-such-list.txt"], "no-such-list.txt: expected a list of Colab's versions"),
        (["--python", "no-such-python"], "no-such-python: expected an interpreter of Python"),
        (["no-such-lab"], "no-such-lab"),
    ],
)
def test_bad_input_is_one_line(options: list[str], said: str):
    command = [sys.executable, "-m", "tests.colab", *options]
    done = subprocess.run(command, cwd=KIT, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
