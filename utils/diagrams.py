"""Boxes and arrows for drawings of a network, in the look of `utils.plots`.

Coordinates are those of the axes, whose units `blank` makes square.
"""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from utils import plots


def blank(ax: Axes, width: float, height: float) -> None:
    """Make an empty canvas from (0, 0) to (width, height)."""
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.set_axis_off()


def box(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    colour: int = 0,
    *,
    width: float = 0.9,
    height: float = 0.55,
    fontsize: float = 10,
) -> None:
    """Draw a labelled box centred at (x, y).

    Parameters
    ----------
    colour : int, optional
        Which of `utils.plots.COLOURS`.
    fontsize : float, optional
        Of the label, in points.
    """
    ax.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        color=plots.BACKGROUND,
        fontsize=fontsize,
        zorder=4,
    )
    ax.add_patch(
        _rounded(x, y, width, height, 0.12, facecolor=plots.COLOURS[colour], edgecolor="none")
    )


def enclose(ax: Axes, x: float, y: float, width: float, height: float) -> None:
    """Draw a dashed frame centred at (x, y), around what belongs together."""
    edge = {"facecolor": "none", "edgecolor": plots.COLOURS[5], "linestyle": "--"}
    ax.add_patch(_rounded(x, y, width, height, 0.25, **edge))


def dot(ax: Axes, x: float, y: float, text: str) -> None:
    """Draw an operation, number by number, as a small circle of radius 0.24."""
    ax.add_patch(Circle((x, y), 0.24, facecolor=plots.BACKGROUND, edgecolor=plots.TEXT, zorder=3))
    ax.text(x, y, text, ha="center", va="center", fontsize=12, zorder=4)


def arrow(ax: Axes, *points: tuple[float, float], head: bool = True) -> None:
    """Draw a line through the points, with a head at its end."""
    ax.add_patch(
        FancyArrowPatch(
            path=Path(points),
            arrowstyle="-|>" if head else "-",
            mutation_scale=10,  # points: the size of the head
            facecolor=plots.TEXT if head else "none",
            edgecolor=plots.TEXT,
            linewidth=1.3,
            joinstyle="miter",
            zorder=1,
        )
    )


def _rounded(
    x: float, y: float, width: float, height: float, radius: float, **look: Any
) -> FancyBboxPatch:
    """Return a box centred at (x, y) with rounded corners."""
    corner = (x - width / 2, y - height / 2)
    style = f"round,pad=0,rounding_size={radius}"
    return FancyBboxPatch(corner, width, height, boxstyle=style, zorder=3, **look)
