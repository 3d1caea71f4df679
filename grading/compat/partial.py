"""Partial marks of a cell in the old style: several ``with tick.marks(n): assert ...`` blocks."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

MIME = "application/vnd.dl-compat-marks+json"


def partial_marks(outputs: Iterable[Mapping[str, Any]]) -> tuple[float, float | None]:
    """Return the marks that the blocks of one executed cell show as earned and available.

    A block that fails stops its cell. The blocks before it have earned their marks, although the
    cell ended in an error; how many more there were after it, the outputs cannot tell.

    These marks were decided **inside the student's kernel**. Whatever code can display, it can
    display marks, so they deserve no more trust than the assertions that they stand for: keep
    them within the cell's points, and say in the report where they come from.

    Parameters
    ----------
    outputs : iterable of mapping
        Outputs of a code cell in nbformat 4. Anything malformed among them counts for nothing.

    Returns
    -------
    earned : float
        0.0 if the cell has no such block.
    available : float or None
        Sum over all blocks, 0.0 if there are none; None if the cell stopped at an error.
    """
    earned = available = 0.0
    stopped = False
    for output in outputs:
        if output.get("output_type") == "error":
            stopped = True
        bundle = output.get("data") if output.get("output_type") == "display_data" else None
        block = bundle.get(MIME) if isinstance(bundle, Mapping) else None
        if isinstance(block, Mapping):
            got, of = _number(block.get("earned")), _number(block.get("available"))
            if got <= of:
                earned += got
                available += of
    return earned, None if stopped else available


def _number(value: Any) -> float:
    """Return a finite number above 0 as it is, anything else as 0.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value < math.inf else 0.0
