"""Pictures that read well on light and dark pages, in print and for every eye.

Every figure carries its own light neutral background and dark text, so that it looks the same
on Colab's light and dark pages. Colours come from Okabe & Ito (2008), darkened where they would
be pale on the background, and never speak alone: lines differ in dash and marker, groups in
marker, and cells of a matrix carry their number. In a notebook every figure carries an alternative
text, see `utils.alt_text`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike, NDArray

from utils import alt_text
from utils.language import sentence

BACKGROUND = "#f5f5f2"
TEXT = "#1c1c1c"
GRID = "#d4d4ce"
COLOURS = ("#0072b2", "#c44e00", "#007a5a", "#a3467f", "#8a6100", "#3a3a3a", "#5b2c9f", "#b3261e")
DASHES = ("-", "--", "-.", ":")
GAP = 0.1  # between images in a row, as a share of their width
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9fc4de", "#0072b2", "#06304d"])

STYLE: Any = {
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
    "axes.facecolor": BACKGROUND,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "legend.facecolor": BACKGROUND,
    "legend.edgecolor": GRID,
    "legend.labelcolor": TEXT,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "image.interpolation": "nearest",
}


@contextmanager
def style() -> Iterator[None]:
    """Give the figures made inside the look of this module, and words for those who see none.

    Examples
    --------
    >>> with style():
    ...     figure, ax = plt.subplots()
    """
    alt_text.attach()
    with plt.rc_context(STYLE):
        yield
        interactive = plt.isinteractive()
    # a notebook's backend, if it is loaded inside, turns this on so that figures show by themselves
    matplotlib.interactive(interactive)


def curves(
    values: Mapping[str, Sequence[float]] | Sequence[float],
    *,
    ylabel: str,
    xlabel: str | None = None,
    x: Sequence[float] | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw one or several curves over the epochs.

    Parameters
    ----------
    values : mapping of str to sequence of float, or sequence of float
        The curves by their names, or a single one. NaN leaves a gap.
    ylabel, xlabel : str
        What the axes show, with units where there are any; epochs along x by default.
    x : sequence of float, optional
        Where the points lie; 1, 2, 3, … by default.
    log : bool, optional
        Use a logarithmic y axis.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If there is no value to draw, or ``x`` has another length.
    """
    named = values if isinstance(values, Mapping) else {ylabel: values}
    if not any(len(series) for series in named.values()):
        raise ValueError(sentence("curve.nothing"))
    with style():
        ax = ax or plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
        for i, (name, series) in enumerate(named.items()):
            positions = np.arange(1, len(series) + 1) if x is None else np.asarray(x)
            if len(positions) != len(series):
                raise ValueError(
                    sentence(
                        "curve.other_length", name=name, count=len(series), places=len(positions)
                    )
                )
            ax.plot(
                positions,
                np.asarray(series, dtype=float),
                label=name,
                color=COLOURS[i % len(COLOURS)],
                linestyle=DASHES[(i + i // len(COLOURS)) % len(DASHES)],
                marker=MARKERS[i % len(MARKERS)],
                # about ten markers a curve, shifted so that they do not cover each other
                markevery=(
                    i * len(series) // 20 if len(series) > 20 else 0,
                    max(1, len(series) // 10),
                ),
                markersize=5,
            )
        if log:
            ax.set_yscale("log")
        elif x is None:
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel=sentence("plot.epoch") if xlabel is None else xlabel, ylabel=ylabel)
        ax.grid(visible=True)
        if len(named) > 1:
            ax.legend()
    return ax


def loss_curve(
    losses: Mapping[str, Sequence[float]] | Sequence[float],
    *,
    xlabel: str | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw losses over the epochs: :func:`curves` with the label of a loss.

    Examples
    --------
    >>> ax = loss_curve({"training": [2.0, 1.0, 0.6], "validation": [2.1, 1.3, 1.1]})
    """
    return curves(losses, ylabel=sentence("plot.loss"), xlabel=xlabel, log=log, ax=ax)


def confusion_matrix(
    truth: ArrayLike,
    predicted: ArrayLike,
    *,
    classes: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each class was taken for each other one.

    A cell holds its count; its shade is its share of its row, so that rare classes show too.

    Parameters
    ----------
    truth, predicted : array of int, shape (N,)
        Class numbers from 0.
    classes : sequence of str, optional
        The names of the classes; their numbers by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in shape, or hold a number that is no class.
    """
    counts = count_confusions(truth, predicted, None if classes is None else len(classes))
    names = [str(i) for i in range(len(counts))] if classes is None else list(classes)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with style():
        if ax is None:
            side = max(3.2, 0.55 * len(names) + 1.2)
            ax = plt.subplots(figsize=(side, side), layout="constrained")[1]
        ax.imshow(shares, cmap=SHADES, vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ax.text(column, row, str(count), ha="center", va="center", fontsize=8,
                        color=_ink(shares[row, column]))  # fmt: skip
        _name_cells(ax, names, names)
        ax.set(xlabel=sentence("plot.predicted"), ylabel=sentence("plot.true"))
    return ax


def count_confusions(
    truth: ArrayLike, predicted: ArrayLike, classes: int | None = None
) -> NDArray[np.int64]:
    """Count the pairs of true and predicted class.

    Parameters
    ----------
    truth, predicted : array of int, shape (N,)
        Class numbers from 0.
    classes : int, optional
        How many classes there are, C; by default as many as the numbers need.

    Returns
    -------
    array of int, shape (C, C)
        Element (i, j) is how many items of class i were taken for class j.

    Raises
    ------
    ValueError
        If the arrays are empty, differ in shape, or hold a number that is no class.

    Examples
    --------
    >>> count_confusions([0, 1, 1], [0, 1, 0]).tolist()
    [[1, 0], [1, 1]]
    """
    true, said = np.asarray(truth), np.asarray(predicted)
    if true.ndim != 1 or true.shape != said.shape or true.size == 0:
        raise ValueError(sentence("plot.class_shapes", truth=true.shape, predicted=said.shape))
    both = np.concatenate([true, said])
    classes = classes if classes is not None else int(both.max()) + 1
    wrong = (both != both.astype(np.int64)) | (both < 0) | (both >= classes)
    if wrong.any():
        raise ValueError(sentence("plot.no_class", found=both[wrong][0], last=classes - 1))
    pairs = true.astype(np.int64) * classes + said.astype(np.int64)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def attention_map(
    weights: ArrayLike,
    *,
    queries: Sequence[str],
    keys: Sequence[str],
    ax: Axes | None = None,
) -> Axes:
    """Draw how much each output token looks at each input token.

    Parameters
    ----------
    weights : array of float, shape (T, S)
        A row for each query (output token), which sums to 1 over the keys (input tokens).
    queries, keys : sequence of str
        The T and S tokens.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If the weights do not have one row a query and one column a key, or are not shares.

    See Also
    --------
    attention_heads : one map for each head.
    """
    matrix = np.asarray(weights, dtype=float)
    rows, columns = len(queries), len(keys)
    if matrix.shape != (rows, columns) or matrix.size == 0:
        raise ValueError(
            sentence("plot.weights_shape", shape=matrix.shape, rows=rows, columns=columns)
        )
    if not (np.isfinite(matrix).all() and matrix.min() >= 0 and matrix.max() <= 1 + 1e-3):
        raise ValueError(sentence("plot.no_shares"))
    with style():
        if ax is None:
            size = (0.42 * columns + 1.6, 0.36 * rows + 1.4)
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        ax.imshow(matrix, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
        _name_cells(ax, queries, keys)
    return ax


def attention_heads(
    weights: ArrayLike, *, queries: Sequence[str], keys: Sequence[str], columns: int = 4
) -> Figure:
    """Draw one :func:`attention_map` for each head.

    Parameters
    ----------
    weights : array of float, shape (H, T, S)
        The weights of H heads.
    queries, keys : sequence of str
        The T and S tokens.
    columns : int, optional
        Heads in a row.

    Raises
    ------
    ValueError
        If the weights are not those of at least one head, or do not fit the tokens.
    """
    heads = np.asarray(weights, dtype=float)
    if heads.ndim != 3 or len(heads) == 0:
        raise ValueError(sentence("plot.heads_shape", shape=heads.shape))
    columns = min(columns, len(heads))
    rows = -(-len(heads) // columns)
    width, height = 0.26 * len(keys) + 0.9, 0.26 * len(queries) + 0.9
    with style():
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(columns * width + 0.6, rows * height + 0.6),
            layout="constrained",
            squeeze=False,
            sharex=True,
            sharey=True,
        )
        for i, ax in enumerate(axes.flat):
            if i >= len(heads):
                ax.set_axis_off()
                continue
            attention_map(heads[i], queries=queries, keys=keys, ax=ax)
            ax.set_title(sentence("plot.head", number=i + 1))
            ax.label_outer()
    return figure


def embedding_map(
    vectors: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw vectors as points in the plane, with their names or their groups.

    Vectors of more than two dimensions are projected on their two principal components.

    Parameters
    ----------
    vectors : array of float, shape (N, D)
        The vectors, D at least 2. Use your own projection by passing D = 2.
    labels : sequence of str, optional
        N names to write beside the points; an empty one writes nothing.
    groups : sequence, optional
        The group of each of the N points, shown by colour, marker and legend.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Raises
    ------
    ValueError
        If the vectors are not a finite matrix, or there are not N labels or groups.
    """
    points, shares = project(vectors)
    for name, given in (("labels", labels), ("groups", groups)):
        if given is not None and len(given) != len(points):
            raise ValueError(
                sentence("plot.names_of_points", found=len(given), name=name, vectors=len(points))
            )
    kinds = np.zeros(len(points), dtype=int) if groups is None else np.asarray(groups)
    crowd = len(points) > 400
    with style():
        ax = ax or plt.subplots(figsize=(6.4, 5.2), layout="constrained")[1]
        looks = cycle(zip(COLOURS, MARKERS, strict=True))
        for turn, kind in enumerate(dict.fromkeys(sorted(kinds.tolist(), key=str))):
            colour, marker = next(looks)
            second_round = turn >= len(COLOURS)  # hollow markers after the last colour
            ax.scatter(
                points[kinds == kind, 0],
                points[kinds == kind, 1],
                s=14 if crowd else 34,
                alpha=0.55 if crowd else 0.9,
                facecolors=BACKGROUND if second_round else colour,
                edgecolors=colour,
                linewidths=0.9,
                marker=marker,
                label=str(kind),
            )
        if groups is not None:
            ax.legend(markerscale=1.4 if crowd else 1.0, loc="center left", bbox_to_anchor=(1, 0.5))
        if shares is None:
            x, y = (sentence("plot.dimension", number=number) for number in (1, 2))
        else:
            x = sentence("plot.first_component", share=f"{shares[0]:.0%}")
            y = sentence("plot.second_component", share=f"{shares[1]:.0%}")
        ax.set(xlabel=x, ylabel=y)
        ax.grid(visible=True)
        ax.set_axisbelow(True)
        if labels is not None:
            _name_points(ax, points, labels)
    return ax


def project(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Project vectors on their two principal components (PCA, Pearson 1901).

    Parameters
    ----------
    vectors : array of float, shape (N, D)
        The vectors, D at least 2.

    Returns
    -------
    points : array of float, shape (N, 2)
        The projection; vectors of two dimensions are returned as they are.
    shares : array of float, shape (2,), or None
        The share of the variance on each component; None if nothing was projected.

    Raises
    ------
    ValueError
        If the vectors are not a finite matrix with at least two columns.
    """
    matrix = np.asarray(vectors, dtype=float)
    if matrix.ndim != 2 or len(matrix) == 0 or matrix.shape[1] < 2:
        raise ValueError(sentence("plot.vectors_shape", shape=matrix.shape))
    if not np.isfinite(matrix).all():
        row = int(np.argwhere(~np.isfinite(matrix))[0][0])
        raise ValueError(sentence("plot.vector_not_finite", row=row))
    if matrix.shape[1] == 2:
        return matrix, None
    centred = matrix - matrix.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(matrix), 2))
    kept = min(2, len(singular))  # a single vector has one component only
    points[:, :kept] = left[:, :kept] * singular[:kept]
    variance = np.zeros(2)
    variance[:kept] = singular[:kept] ** 2 / max(float((singular**2).sum()), 1e-300)
    return points, variance


def image_grid(
    images: ArrayLike,
    *,
    titles: Sequence[str] | None = None,
    rows: Sequence[str] | None = None,
    columns: int = 8,
) -> Figure:
    """Draw images side by side.

    Parameters
    ----------
    images : array, shape (N, H, W), (N, C, H, W) or (N, H, W, C)
        Grey (C is 1 or absent) or RGB (C is 3) images: whole numbers from 0 to 255, or floats
        from 0 to 1; floats outside are clipped.
    titles : sequence of str, optional
        A title for each image.
    rows : sequence of str, optional
        A label for each row of the grid, for example "original" and "reconstruction".
    columns : int, optional
        Images in a row.

    Raises
    ------
    ValueError
        If the shape is not one of these, or the titles or row labels are too few or too many.

    Examples
    --------
    >>> figure = image_grid(np.zeros((6, 8, 8)), rows=["original", "reconstruction"], columns=3)
    """
    pixels = _channels_last(np.asarray(images))
    columns = min(columns, len(pixels))
    count = -(-len(pixels) // columns)
    for name, given, expected in (("titles", titles, len(pixels)), ("rows", rows, count)):
        if given is not None and len(given) != expected:
            raise ValueError(
                sentence("plot.names_of_images", found=len(given), name=name, expected=expected)
            )
    # axes cost far more than an image: only a title needs axes of its own
    shared = 1 if titles else columns  # images beside each other in the same axes
    height, width = pixels.shape[1:3]
    step = width * (1 + GAP)
    with style():
        figure, axes = plt.subplots(
            count,
            columns // shared,
            figsize=(1.1 * columns + (1.2 if rows else 0.2), (1.35 if titles else 1.15) * count),
            layout="constrained",
            squeeze=False,
        )
        for i, ax in enumerate(axes.flat):
            ax.set_xticks([])
            ax.set_yticks([])
            ax.spines[:].set_visible(False)
            for k, image in enumerate(pixels[i * shared : (i + 1) * shared]):
                place = (k * step, k * step + width, height, 0)  # left, right, bottom, top
                ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=place)
            ax.set(xlim=(0, shared * step - width * GAP), ylim=(height, 0))
            if titles and i < len(titles):
                ax.set_title(titles[i], fontsize=8)
        for i, label in enumerate(rows or []):
            axes[i, 0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def _channels_last(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return images as floats from 0 to 1, shape (N, H, W) or (N, H, W, 3)."""
    if images.size == 0:
        raise ValueError(sentence("plot.no_image", shape=images.shape))
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        images = np.moveaxis(images, 1, 3)  # (N, C, H, W) -> (N, H, W, C)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)):
        raise ValueError(sentence("plot.images_shape", shape=images.shape))
    if np.issubdtype(images.dtype, np.integer):
        return images / 255.0
    return np.clip(images.astype(np.float64), 0.0, 1.0)


def _ink(share: float) -> str:
    """Return the text colour that reads on the shade of this share."""
    return "#ffffff" if share > 0.63 else "#000000"


def _name_points(ax: Axes, points: NDArray[np.float64], labels: Sequence[str]) -> None:
    """Write each name beside its point, on the side where it covers the fewest others."""
    sides = [("left", 5, 0), ("right", -5, 0), ("center", 0, 8), ("center", 0, -8)]
    ax.figure.canvas.figure.draw_without_rendering()  # settles the layout: extents are in pixels
    pixels = ax.transData.transform(points)
    taken: list[Bbox] = [Bbox.from_extents(x - 4, y - 4, x + 4, y + 4) for x, y in pixels]
    for point, text in zip(points, labels, strict=True):
        if not text:
            continue
        best, fewest = None, len(taken) + 1
        for align, dx, dy in sides:
            name = ax.annotate(text, point, xytext=(dx, dy), textcoords="offset points",
                               ha=align, va="center", fontsize=8)  # fmt: skip
            box = name.get_window_extent()
            covered = box.count_overlaps(taken)
            if covered < fewest:
                if best is not None:
                    best[0].remove()
                best, fewest = (name, box), covered
            else:
                name.remove()
            if fewest == 0:
                break
        if best is not None:
            taken.append(best[1])


def _name_cells(ax: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Write the names of the rows and columns of a matrix, steeply where they are long."""
    steep = any(len(name) > 3 for name in columns)
    ax.set_xticks(
        range(len(columns)),
        columns,
        rotation=45 if steep else 0,
        ha="right" if steep else "center",
        rotation_mode="anchor",
    )
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    # thin lines between the cells: light shades have an edge too
    ax.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    ax.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    ax.grid(which="minor", color=GRID, linewidth=0.6)
    ax.tick_params(which="minor", length=0)
