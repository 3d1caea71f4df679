"""The machine of a session is another than this one, as far as a notebook can tell."""

import subprocess
import sys
from pathlib import Path

import pytest

from grading.errors import UserError
from tests.colab import machine
from tests.colab.pins import Pins
from tests.engines import skip_without_sandbox


@pytest.mark.parametrize(("name", "problem"), [("no-such", "No such file"), ("not-one", "alas")])
def test_an_interpreter_that_does_not_run_is_one_line(tmp_path: Path, name: str, problem: str):
    fails = tmp_path / "not-one"
    fails.write_text("#!/bin/sh\necho alas >&2; exit 1\n")
    fails.chmod(0o755)
    python = str(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}.*{problem}.*make test-colab PYTHON=") as error:
        machine.set_up(python, Pins("", "3.13.15", "2.11.0"))
    assert len(str(error.value).splitlines()) == 1


def test_an_interpreter_that_makes_no_environment_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = tmp_path / "lacking"
    lacking.write_text('#!/bin/sh\ntest "$1" = -c && echo 3.13.15 || { echo no venv; exit 1; }\n')
    lacking.chmod(0o755)
    monkeypatch.setattr(machine, "ENVIRONMENT", tmp_path / "environment")
    with pytest.raises(UserError, match=r"lacking -m venv .* fails: no venv$"):
        machine.set_up(str(lacking), Pins("", "3.13.15", "2.11.0"))


@pytest.mark.sandbox
def test_a_sessions_folder_is_where_colab_has_it(tmp_path: Path):
    skip_without_sandbox()
    command = [*machine.at_content(tmp_path), sys.executable, "-c"]
    code = "from pathlib import Path; Path('made').touch(); print(Path.cwd())"
    done = subprocess.run([*command, code], check=True, capture_output=True, text=True)
    assert done.stdout == "/content\n"
    assert [item.name for item in tmp_path.iterdir()] == ["made"]


def test_a_session_has_none_of_this_process_s_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DL_WORK", "here")
    monkeypatch.setenv("LAB_PROFILE", "full")
    monkeypatch.setenv("VIRTUAL_ENV", "here")
    monkeypatch.setenv("HOME", "here")
    theirs = machine.environment(tmp_path / "bin" / "python", tmp_path)
    assert theirs["LAB_PROFILE"] == "quick" and theirs["HOME"] == "here"
    assert not {"DL_WORK", "VIRTUAL_ENV"} & theirs.keys()
    assert theirs["PATH"].startswith(f"{tmp_path}/bin:")
