"""nbgrader in a course whose folder's name would be read as a pattern, such as ``2026 [A]``.

nbgrader gives a course's folder and what it looks for below it to `glob` in one text, so that it
finds nothing where a folder's name has brackets, and other folders where it has a question mark.
"""

import glob
import os
from types import SimpleNamespace

from nbgrader import utils
from nbgrader.apps import api
from nbgrader.converters import base
from nbgrader.exchange.default import release_feedback


def find(pattern: str) -> list[str]:
    """Return what matches, as `glob.glob` does; as far as a path is there, it is no pattern."""
    there = pattern
    while there and not os.path.lexists(there):
        there = os.path.dirname(there)
    return glob.glob(glob.escape(there) + pattern[len(there) :])


def take_as_spelled() -> None:
    """Have nbgrader take the names of folders as they are spelled, in this process."""
    for module in (api, base, release_feedback, utils):
        module.glob = SimpleNamespace(glob=find)
