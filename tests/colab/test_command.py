"""``make test-colab``: what is asked for reaches the sessions, and bad input is one line."""

import os
import runpy
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
def test_bad_input_is_one_line(
    options: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(sys, "argv", ["tests.colab", *options])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("tests.colab", run_name="__main__")
    printed = capsys.readouterr()
    assert end.value.code == 2 and not printed.out
    assert said in printed.err and len(printed.err.splitlines()) == 1
