"""What marks were made on: the release, and the code that runs and judges.

A mark that was made on another release or by another kit is not wrong, but not comparable: what is
stale is said, and graded again.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[2]
# The code that can change a mark. The command line, pages and exports cannot.
_DECIDES = (
    "grading/answers",
    "grading/cells",
    "grading/engine",
    "grading/judging",
    "grading/native",
    "grading/tick.py",
    "utils",
    "data",
)


def basis(contents: Iterable[bytes], of_kit: str = "") -> str:
    """Return the digest of a release and of a kit.

    Parameters
    ----------
    contents : iterable of bytes
        Of the release's files.
    of_kit : str
        The kit's own digest, see `kit`; this one's by default.
    """
    whole = hashlib.sha256(bytes.fromhex(of_kit or kit()))
    for content in contents:
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()


@cache
def kit() -> str:
    """Return the digest of the code that can change a mark."""
    whole = hashlib.sha256()
    for name in _DECIDES:
        place = _ROOT / name
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            whole.update(f"{path.relative_to(_ROOT)}\0".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
