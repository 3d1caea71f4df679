"""What a figure shows, in words, for those who cannot see it.

The words are made from what was drawn, so they cannot disagree with the picture. IPython stores
them with the picture: as the output's plain text, and as ``metadata["image/png"]["alt"]``, which
front ends and exporters show as the alternative text (nbconvert in its template ``classic``).
"""

import sys
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.dates import AutoDateFormatter, num2date
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from utils.language import sentence

LONGEST = 2000  # characters; a screen reader reads all of it
MAX_LISTED = 24  # rows of a matrix, bars, names


def describe(figure: Figure) -> str:
    """Return what a figure shows.

    Curves are told by where they start, end and lie lowest and highest; matrices row by row;
    points by their groups and names; pictures by their titles.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, ax = plt.subplots()
    >>> lines = ax.plot([1, 2, 3], [4.0, 1.0, 2.0], label="training")
    >>> ax.set(xlabel="epoch", ylabel="loss")  # doctest: +ELLIPSIS
    [...]
    >>> describe(figure)
    'loss against epoch. Curve training: 4 at 1, 2 at 3, lowest 1 at 2.'
    """
    axes = [ax for ax in figure.axes if ax.get_visible()]
    pictures = [ax for ax in axes if _is_picture(ax)]
    parts = [_pictures(pictures)] if pictures else []
    parts += [_plot(ax) for ax in axes if ax not in pictures]
    text = " ".join(part for part in parts if part) or sentence("words.empty")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def attach() -> None:
    """Have IPython store `describe` with every figure that it displays; nothing without IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.display_formatter.mimebundle_formatter.for_type(Figure, _bundle)


def _bundle(figure: Figure) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return (data, metadata) to be merged with the picture's own."""
    try:
        text = describe(figure)
    except Exception:  # a picture of a kind that is not known here is shown all the same
        return {}, {}
    return {"text/plain": text}, {"image/png": {"alt": text}}


# --- axes --------------------------------------------------------------------------------------


def _plot(ax: Axes) -> str:
    parts = [*_curves(ax), *_points(ax), *_bars(ax), *_matrices(ax), *_names(ax)]
    if not parts:
        return ""
    return " ".join(f"{part}." for part in (_heading(ax), *parts) if part)


def _heading(ax: Axes) -> str:
    y, x = ax.get_ylabel(), ax.get_xlabel()
    labels = sentence("words.against", y=y, x=x) if x and y else x or y
    scales = {"y": ax.get_yscale(), "x": ax.get_xscale()}
    logarithmic = [
        sentence("words.logarithmic", axis=name) for name, scale in scales.items() if scale == "log"
    ]
    parts = [ax.get_title(), labels, *logarithmic]
    return ", ".join(part for part in parts if part)


def _curves(ax: Axes) -> Iterator[str]:
    for line in ax.get_lines():
        x, y = (np.asarray(data, dtype=float) for data in line.get_data(orig=False))
        if len(x) == 2 and x[0] == x[1]:
            yield sentence("words.vertical", label=_label(line), place=_at(ax.xaxis, x[0]))
        elif len(y) == 2 and y[0] == y[1]:
            yield sentence("words.horizontal", label=_label(line), place=_at(ax.yaxis, y[0]))
        else:
            kind = "dots" if line.get_linestyle() in ("None", "") else "curve"
            yield sentence(f"words.{kind}", label=_label(line), course=_course(ax, x, y))


def _course(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    kept = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(kept):
        return sentence("words.no_values")

    def point(index: int) -> str:
        return sentence("words.point", y=_at(ax.yaxis, y[index]), x=_at(ax.xaxis, x[index]))

    first, last = kept[0], kept[-1]
    parts = [point(first)] + ([point(last)] if last != first else [])
    lowest, highest = kept[y[kept].argmin()], kept[y[kept].argmax()]
    for name, index in (("lowest", lowest), ("highest", highest)):
        if y[index] not in (y[first], y[last]):
            parts.append(sentence(f"words.{name}", point=point(index)))
    return ", ".join(parts)


def _points(ax: Axes) -> Iterator[str]:
    for drawn in ax.collections:
        if isinstance(drawn, PathCollection):
            places = np.asarray(drawn.get_offsets(), dtype=float)
            if not len(places):
                continue
            middle = np.nanmean(places, axis=0)
            x, y = _at(ax.xaxis, middle[0]), _at(ax.yaxis, middle[1])
            yield sentence("words.points", count=len(places), label=_label(drawn), x=x, y=y)


def _bars(ax: Axes) -> Iterator[str]:
    for bars in ax.containers:
        if not isinstance(bars, BarContainer):
            continue
        lies = bars.orientation == "horizontal"
        names = _ticks(ax.yaxis if lies else ax.xaxis)
        heights = []
        for bar in bars[:MAX_LISTED]:
            (left, bottom), (right, top) = bar.get_bbox().get_points()
            middle, height = ((bottom + top) / 2, right) if lies else ((left + right) / 2, top)
            heights.append(f"{names.get(round(middle, 6)) or _number(middle)} {_number(height)}")
        listed = _listed(heights, len(bars))
        yield sentence("words.bars", count=len(bars), label=_label(bars), heights=listed)


def _matrices(ax: Axes) -> Iterator[str]:
    for image in ax.images:
        matrix = _pixels(image)
        if matrix.ndim != 2:
            yield _size(image)
            continue
        rows, columns = _ticks(ax.yaxis), _ticks(ax.xaxis)
        yield sentence("words.matrix", rows=matrix.shape[0], columns=matrix.shape[1])
        if not _is_named(ax):
            continue
        written = {text.get_position(): text.get_text() for text in ax.texts}
        for r, row in enumerate(matrix[:MAX_LISTED]):
            cells = [f"{columns[c]} {written[c, r]}" for c in range(len(row)) if (c, r) in written]
            if cells:
                yield f"{rows[r]}: {', '.join(cells)}"
            elif np.isfinite(row).any():
                c = int(np.nanargmax(row))
                most = {"column": columns[c], "value": _number(row[c])}
                yield sentence("words.most", row=rows[r], **most)
            else:
                yield sentence("words.no_cells", row=rows[r])
        if len(matrix) > MAX_LISTED:
            yield sentence("words.more_rows", count=len(matrix) - MAX_LISTED)


def _names(ax: Axes) -> Iterator[str]:
    """Yield what is written beside the drawing, in the order in which it was written."""
    if ax.images and _is_named(ax):
        return
    texts = [" ".join(text.get_text().split()) for text in ax.texts]
    names = [text for text in dict.fromkeys(texts) if text]
    if names:
        listed = _listed(names[: 2 * MAX_LISTED], len(names))
        yield sentence("words.written", names=listed)


def _pictures(axes: Sequence[Axes]) -> str:
    images = [image for ax in axes for image in ax.images]
    sizes = list(dict.fromkeys(map(_size, images)))
    parts = [sentence("words.pictures", count=len(images)), *sizes[:3]]
    names = [" ".join(ax.get_title().split()) for ax in axes if ax.get_title()]
    rows = [ax.get_ylabel() for ax in axes if ax.get_ylabel()]
    for what, said in (("rows", rows), ("titles", names)):
        if said:
            listed = _listed(said[:MAX_LISTED], len(said))
            parts.append(sentence(f"words.{what}", names=listed))
    return "; ".join(parts) + "."


# --- parts of them -----------------------------------------------------------------------------


def _is_picture(ax: Axes) -> bool:
    """Whether there are images and nothing else, not even names for their rows and columns."""
    return bool(ax.images) and not (ax.get_lines() or ax.texts or len(ax.get_xticks()))


def _is_named(ax: Axes) -> bool:
    """Whether every row and column of the first image has a name."""
    rows, columns = _pixels(ax.images[0]).shape[:2]
    names = _ticks(ax.yaxis).keys(), _ticks(ax.xaxis).keys()
    return names[0] >= set(range(rows)) and names[1] >= set(range(columns))


def _ticks(axis: Axis) -> dict[float, str]:
    places = axis.get_majorticklocs()
    names = axis.get_major_formatter().format_ticks(list(places))
    return {round(float(place), 6): name for place, name in zip(places, names, strict=True)}


def _pixels(image: AxesImage) -> NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)


def _size(image: AxesImage) -> str:
    height, width = _pixels(image).shape[:2]
    return sentence("words.size", height=height, width=width)


def _label(drawn: Line2D | PathCollection | BarContainer) -> str:
    """Return the name in the legend after a space; names that begin with _ are not in it."""
    label = str(drawn.get_label() or "")
    return "" if label.startswith("_") or not label else f" {label}"


def _at(axis: Axis, value: float) -> str:
    if isinstance(axis.get_major_formatter(), AutoDateFormatter):
        return f"{num2date(value):%Y-%m-%d}"
    return _number(value)


def _number(value: float) -> str:
    return f"{value:.3g}"


def _listed(shown: Sequence[str], count: int) -> str:
    """Return the names that are shown of ``count`` ones, and how many are not."""
    listed = ", ".join(shown)
    if len(shown) == count:
        return listed
    return sentence("words.more", listed=listed, count=count - len(shown))
