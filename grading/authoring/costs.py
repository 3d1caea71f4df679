"""What each cell of a lab's solution costs: everyone who runs or grades the lab pays for it.

The costs of the last build are kept beside the sources, so that a cell that grows is seen.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from grading.cells.metadata import role_of
from grading.errors import UserError
from grading.files import write_atomically
from grading.judging.assess import Terms

LEAST = 0.05  # seconds of a cell that is worth a line
GROWTH = 0.05  # of the whole lab's time, by which a cell's share may grow unsaid


def costs_of(terms: Terms) -> dict[str, float]:
    """Return the seconds of processor time of each cell of the solution, by its id, in order.

    What all cells below `LEAST` took together has the id ``""``.
    """
    pairs = zip(terms.reference.cells, terms.costs, strict=True)
    found = {cell.id: round(seconds, 2) for cell, seconds in pairs if seconds >= LEAST}
    return found | {"": round(sum(terms.costs) - sum(found.values()), 2)}


def table(terms: Terms) -> list[str]:
    """Return one line for each cell that took some time, and one for the whole."""
    costs = costs_of(terms)
    roles = {cell.id: role_of(cell) for cell in terms.reference.cells}
    total = sum(costs.values())
    lines = [
        f"{seconds:7.2f} s {seconds / total:4.0%}  {roles[name]:8}  {name}"
        if name
        else f"{seconds:7.2f} s {seconds / total:4.0%}  the cells below {LEAST} s"
        for name, seconds in costs.items()
    ]
    return [*lines, f"{total:7.2f} s of processor time"]


def grown(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Say in one line each which cells take a larger share of the lab's time than before.

    Shares and not seconds are compared, as those are another machine's.
    """
    if not before:
        return []
    total, total_before = sum(now.values()), sum(before.values())
    return [
        f"cell {name!r} takes {seconds:.1f} s of {total:.1f}, {seconds / total:.0%} of the lab; "
        f"it was {before.get(name, 0.0) / total_before:.0%}"
        for name, seconds in now.items()
        if name and seconds / total > before.get(name, 0.0) / total_before + GROWTH
    ]


def read_costs(file: Path) -> dict[str, dict[str, float]]:
    """Return the costs of the last build of each lab; nothing if the file is not there.

    Raises
    ------
    UserError
        If it is something else.
    """
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text("utf-8"))
        return {
            lab: {cell: float(seconds) for cell, seconds in costs.items()}
            for lab, costs in known.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} is not a table of seconds by lab and cell ({error}); delete it, and the next "
            "build makes it anew"
        ) from None


def write_costs(file: Path, lab: str, costs: Mapping[str, float]) -> None:
    """Put a lab's costs in the place of its former ones."""
    known = sorted((read_costs(file) | {lab: dict(costs)}).items())
    write_atomically(file, (json.dumps(dict(known), indent=1) + "\n").encode())
