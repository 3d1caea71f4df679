"""GitHub's workflows: what they run exists here, on versions of Python that the kit supports."""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from grading.places import KIT

WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((KIT / ".github" / "workflows").glob("*.yml"))
}
JOBS = {
    f"{file}: {name}": job
    for file, workflow in WORKFLOWS.items()
    for name, job in workflow["jobs"].items()
}
PROJECT = tomllib.loads((KIT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SUPPORTED = {
    f"3.{minor}"
    for minor in range(30)
    if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}")
}

every_job = pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)


def scripts(job: dict[str, Any]) -> Iterator[str]:
    """Yield what a job's steps give to the shell."""
    return (step["run"] for step in job["steps"] if "run" in step)


def commands(job: dict[str, Any]) -> Iterator[list[str]]:
    """Yield what a job's steps type, a list of words for each line that is one."""
    for line in (line for script in scripts(job) for line in script.splitlines()):
        try:
            yield shlex.split(line)
        except ValueError:  # a line of a longer text
            continue


def pythons(job: dict[str, Any]) -> set[str]:
    """Return the versions of Python that a job asks for."""
    asked = {step["with"]["python-version"] for step in job["steps"] if "setup-python" in str(step)}
    if "${{ matrix.python }}" in asked:
        asked |= {*job["strategy"]["matrix"]["python"]}
    return asked - {"${{ matrix.python }}"}


@every_job
def test_make_targets_exist(job: dict[str, Any]) -> None:
    for words in commands(job):
        if words[:1] == ["make"]:
            subprocess.run(["make", "--dry-run", *words[1:]], cwd=KIT, check=True)


@every_job
def test_scripts_exist_and_parse(job: dict[str, Any]) -> None:
    for words in commands(job):
        for script in (word for word in words if word.startswith(".ci/")):
            assert (KIT / script).is_file(), script
    for script in scripts(job):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@every_job
def test_pythons_are_supported(job: dict[str, Any]) -> None:
    assert pythons(job) and pythons(job) <= SUPPORTED


def test_every_supported_python_is_tested() -> None:
    assert pythons(JOBS["ci.yml: checks"]) == SUPPORTED


@every_job
def test_a_job_that_hangs_is_ended(job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 360  # what GitHub ends it at


@every_job
def test_only_matrices_that_exist_are_used(job: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{\{ matrix\.(\w+) \}\}", str(job)))
    assert used == set(job.get("strategy", {}).get("matrix", {}))


def test_only_a_job_that_opens_issues_may_write_them() -> None:
    writing = {
        file for file, workflow in WORKFLOWS.items() if "issues" in workflow.get("permissions", {})
    }
    opening = {name.split(": ")[0] for name, job in JOBS.items() if "gh issue create" in str(job)}
    assert writing == opening == {"colab.yml"}


def test_an_issue_is_opened_when_something_failed_and_then_only() -> None:
    *before, last = JOBS["colab.yml: newest"]["steps"]
    assert "gh issue create" in last["run"] and last["if"] == "failure()"
    assert "GH_TOKEN" in last["env"]  # without which gh does nothing
    assert not [step for step in before if "continue-on-error" in step or "if" in step]


@pytest.mark.slow
def test_the_weekly_list_is_made_as_its_maker_asks_and_is_the_one_that_is_used() -> None:
    (making,) = (text for text in scripts(JOBS["colab.yml: newest"]) if "tests.colab.pins" in text)
    maker = [sys.executable, "-m", "tests.colab.pins", "--help"]
    asked = subprocess.run(maker, cwd=KIT, check=True, capture_output=True, text=True).stdout
    options = set(re.findall(r"--(\w+)", asked.partition("\n\n")[0]))
    assert set(re.findall(r" --(\w+) \"\$", making)) == options
    (made,) = re.findall(r"> (\S+)$", making, re.MULTILINE)
    assert ["make", "test-colab", f"PINS={made}"] in commands(JOBS["colab.yml: newest"])
