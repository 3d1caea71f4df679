"""Colab's versions of what a session needs, as pins: made from the list that Colab publishes.

``python -m tests.colab.pins PIP_FREEZE --date DATE --commit COMMIT --python VERSION`` prints them.

A list pins what the notebooks need and what that needs in turn, in Colab's versions. Torch is left
out, since the machine's own is taken, and so is what has to fit that one.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from grading.errors import UserError
from grading.places import SESSION_REQUIREMENTS
from grading.publishing.bundle import PREINSTALLED
from tests.colab.pip import planned

LISTS = Path(__file__).parent  # a list for each runtime, named by its date
FREE = ("torch", "setuptools")  # of the machine, and what its torch asks for beside it
HEADER = """\
# What a notebook of this course finds in Colab, as of {date}: see tests/colab/pins.py.
# From googlecolab/backend-info, pip-freeze.txt at {commit}.
# python=={python}
# torch=={torch}
"""
_PIN = re.compile(r"([\w.-]+)==([\w.!+]+)")
_SAID = re.compile(r"# (python|torch)==(\S+)")


@dataclass(frozen=True)
class Pins:
    """A list of pins, as read.

    Attributes
    ----------
    text : str
        What pip takes as requirements.
    python, torch : str
        Colab's versions, which are said and not installed.
    """

    text: str
    python: str
    torch: str


def newest() -> Path:
    """Return the list of the newest runtime."""
    return max(LISTS.glob("*.txt"))


def read(path: Path) -> Pins:
    """Read a list.

    Raises
    ------
    UserError
        If it is missing, or is not a list that this module makes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        there = ", ".join(sorted(item.name for item in LISTS.glob("*.txt")))
        raise UserError(
            f"{path}: expected a list of Colab's versions and cannot read one "
            f"({getattr(error, 'strerror', 'not a text')}); tests/colab has {there}"
        ) from None
    said = dict(_SAID.findall(text))
    for number, line in enumerate(text.splitlines(), start=1):
        if not (line.startswith("#") or _PIN.fullmatch(line)):
            raise UserError(
                f"{path}, line {number}: expected name==version, found {line[:60]!r}; "
                "make a list with python -m tests.colab.pins"
            )
    if said.keys() != {"python", "torch"}:
        raise UserError(
            f"{path}: expected lines `# python==…` and `# torch==…` and did not find both; "
            "make a list with python -m tests.colab.pins"
        )
    return Pins(text, said["python"], said["torch"])


# --- making one --------------------------------------------------------------------------------


def published(freeze: str) -> dict[str, str]:
    """Return the versions that a text of ``pip freeze`` names, by canonical name.

    What came from a wheel's address has its version in the wheel's name; what came from elsewhere
    is Colab's own.
    """
    versions: dict[str, str] = {}
    for line in freeze.splitlines():
        name, _, address = line.partition(" @ ")
        if pin := _PIN.fullmatch(line.strip()):
            versions[canonicalize_name(pin[1])] = pin[2]
        elif address.startswith("https:") and address.endswith(".whl"):
            wheel = address.rpartition("/")[2].replace("%2B", "+")
            versions[canonicalize_name(name)] = str(parse_wheel_filename(wheel)[1])
    return versions


def needed(versions: dict[str, str]) -> set[str]:
    """Return the names of what the notebooks need, in these versions, directly or not.

    It asks pip what each package needs, and never goes on from torch.
    """
    listed = SESSION_REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    wanted = {*map(Requirement, [*PREINSTALLED, *listed])}
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        seen |= {_key(item) for item in wanted}
        wanted = {item for item in _needs(wanted, versions) if _key(item) not in seen}
    return {name for name, _ in seen} - {*FREE}


def _key(requirement: Requirement) -> tuple[str, frozenset[str]]:
    return canonicalize_name(requirement.name), frozenset(requirement.extras)


def _needs(wanted: Iterable[Requirement], versions: dict[str, str]) -> Iterator[Requirement]:
    """Yield what each of these packages needs itself, with the extras that are asked for."""
    extras: dict[str, set[str]] = {}
    for item in wanted:
        extras.setdefault(canonicalize_name(item.name), {""}).update(item.extras)
    extras.pop("torch", None)
    exact = {_in_colab(item, versions) for item in wanted if _key(item)[0] in extras}
    for package in planned(sys.executable, "--no-deps", "--ignore-installed", *sorted(exact)):
        asked = extras[canonicalize_name(package["name"])]
        for item in map(Requirement, package.get("requires_dist", [])):
            if not item.marker or any(item.marker.evaluate({"extra": extra}) for extra in asked):
                yield item


def _in_colab(item: Requirement, versions: dict[str, str]) -> str:
    """Return what to ask pip for: Colab's version, or any that fits where Colab has none."""
    name = canonicalize_name(item.name)
    return f"{name}=={versions[name]}" if name in versions else f"{name}{item.specifier}"


def made(freeze: str, date: str, commit: str, python: str) -> str:
    """Return the list that is made of what Colab published.

    Raises
    ------
    UserError
        If Colab lacks what the kit believes to be preinstalled, or pip finds no such versions.
    """
    versions = published(freeze)
    if absent := sorted({*map(canonicalize_name, PREINSTALLED)} - versions.keys()):
        raise UserError(
            f"expected Colab's list to have {', '.join(PREINSTALLED)}, and it lacks "
            f"{', '.join(absent)}; give the whole pip-freeze.txt, or mend bundle.PREINSTALLED"
        )
    torch = versions["torch"].partition("+")[0]
    pins = (f"{name}=={versions[name]}\n" for name in sorted(needed(versions) & versions.keys()))
    return HEADER.format(date=date, commit=commit, python=python, torch=torch) + "".join(pins)


def main() -> int:
    """Print the list made of the file on the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.colab.pins", description=__doc__)
    parser.add_argument("freeze", type=Path, metavar="PIP_FREEZE", help="Colab's pip-freeze.txt")
    for name, what in (
        ("date", "when it was published"),
        ("commit", "the commit of googlecolab/backend-info that has it"),
        ("python", "the version of Python beside it"),
    ):
        parser.add_argument(f"--{name}", required=True, help=what)
    asked = parser.parse_args()
    try:
        freeze = asked.freeze.read_text(encoding="utf-8")
        print(made(freeze, asked.date, asked.commit, asked.python), end="")
    except OSError as error:
        print(f"error: cannot read {asked.freeze}: {error.strerror}", file=sys.stderr)
        return 2
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
