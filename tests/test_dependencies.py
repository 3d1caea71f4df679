"""What is imported is declared in pyproject.toml, and what is declared is needed and pinned."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from grading.places import KIT, PACKAGES
from grading.publishing.closure import imports

PROJECT = tomllib.loads((KIT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {*PACKAGES, "tests", "benchmarks", "docs"}
NOT_INSTALLED = {
    "google": "Colab's own, there or not",
    "jhwutils": "the old library, whose names `grading.compat` answers to",
}
NEVER_IMPORTED = {
    "mypy": "`make lint` runs it",
    "myst-parser": "Sphinx loads it for the site's pages",
    "psycopg": "SQLAlchemy loads it for a gradebook in PostgreSQL",
    "pytest-cov": "CI runs it",
    "pytest-timeout": "pytest loads it",
    "python-multipart": "Starlette loads it for a file in a form",
    "ruff": "`make lint` runs it",
    "sphinx-book-theme": "Sphinx loads it for the site's looks",
}
CODE = {  # what may import what: the kit's own dependencies, and these extras
    "kit": ((*PACKAGES, "notebooks/source"), ("cluster",)),
    "dev": (("tests", "docs"), ("cluster", "dev", "site")),
    "bench": (("benchmarks",), ("bench", "dev")),
}


@cache
def installed() -> Mapping[str, list[str]]:
    return packages_distributions()  # reads the list of files of each


def distributions(folders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield what the code under folders imports: a distribution, and the file that needs it."""
    for path in (path for folder in folders for path in sorted((KIT / folder).rglob("*.py"))):
        for module in {name.split(".")[0] for name in imports(path.read_text(encoding="utf-8"))}:
            if module not in OURS | NOT_INSTALLED.keys() | sys.stdlib_module_names:
                for name in installed().get(module, [module]):
                    yield canonicalize_name(name), path.relative_to(KIT).as_posix()


def declared(requirements: list[str]) -> dict[str, Requirement]:
    """Return requirements by the name of their distribution, but for the kit's own extras."""
    found = [Requirement(line) for line in requirements]
    return {canonicalize_name(r.name): r for r in found if r.name != PROJECT["name"]}


def every_requirement() -> dict[str, Requirement]:
    return declared(PROJECT["dependencies"] + [line for extra in EXTRAS.values() for line in extra])


@pytest.mark.slow
@pytest.mark.parametrize("code", CODE)
def test_what_is_imported_is_declared(code: str):
    folders, extras = CODE[code]
    known = declared(PROJECT["dependencies"] + [line for extra in extras for line in EXTRAS[extra]])
    missing = {f"{name}: {path}" for name, path in distributions(folders) if name not in known}
    assert not missing


@pytest.mark.slow
def test_what_is_declared_is_imported_or_said_to_be_needed_otherwise():
    by_kit, by_dev, by_bench = (
        {name for name, _ in distributions(folders)} for folders, _ in CODE.values()
    )
    needed = {
        "cluster": by_kit,
        "dev": by_dev,
        "bench": by_bench,
        "postgres": set(),
        "site": by_dev,
    }
    idle = declared(PROJECT["dependencies"]).keys() - by_kit
    for extra, lines in EXTRAS.items():
        idle |= declared(lines).keys() - needed[extra]
    assert idle == NEVER_IMPORTED.keys()


def test_what_is_declared_is_pinned_in_its_range():
    lines = (KIT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in lines)
    }
    for name, requirement in every_requirement().items():
        assert requirement.specifier.contains(pins[name]), (str(requirement), pins[name])


def test_the_oldest_versions_are_one_for_each_requirement_and_allowed():
    script = [sys.executable, str(KIT / ".ci" / "oldest.py")]
    printed = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    oldest = declared(printed.splitlines())
    assert oldest.keys() == every_requirement().keys()
    assert len(oldest) == len(printed.splitlines())
    for name, requirement in every_requirement().items():
        (pin,) = oldest[name].specifier
        assert pin.operator == "==" and requirement.specifier.contains(pin.version), requirement
