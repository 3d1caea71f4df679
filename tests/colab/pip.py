"""What pip would install, asked without installing it, and why it failed."""

import json
import subprocess
from pathlib import Path
from typing import Any

from grading.errors import UserError

QUIET = ("--quiet", "--disable-pip-version-check")


def planned(python: Path | str, *arguments: str | Path) -> list[dict[str, Any]]:
    """Return the metadata of what ``pip install`` with these arguments would install.

    Raises
    ------
    UserError
        If pip cannot tell, with its reason.
    """
    command = [python, "-m", "pip", "install", *QUIET, "--dry-run", "--report", "-", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"pip finds no versions that fit: {reason(done.stderr)}")
    return [item["metadata"] for item in json.loads(done.stdout)["install"]]


def reason(said: str) -> str:
    """Return why pip failed, in one line, from what it said."""
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return (errors or said.strip().splitlines()[-1:] or ["it gave no reason"])[0]
