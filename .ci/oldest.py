"""Print the oldest versions that pyproject.toml allows, as constraints for pip."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def oldest(project: dict) -> list[str]:
    """Return every requirement of a project, and of its extras, at its lower bound.

    Examples
    --------
    >>> oldest({"dependencies": ["psycopg[binary]>=3.2", "nbgrader==0.9.6"]})
    ['nbgrader==0.9.6', 'psycopg==3.2']
    """
    extras = project.get("optional-dependencies", {}).values()
    every = [*project["dependencies"], *(item for extra in extras for item in extra)]
    bounds = (re.fullmatch(r"([\w-]+)(?:\[.*\])?[>=]=([\w.]+)", item) for item in every)
    return sorted({f"{bound[1]}=={bound[2]}" for bound in bounds if bound})


if __name__ == "__main__":
    print(*oldest(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]), sep="\n")
