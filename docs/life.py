"""The picture of a submission's life in docs/submission.md, drawn; `docs.pictures` keeps it."""

import io

import matplotlib.pyplot as plt

from utils import plots
from utils.diagrams import arrow, blank, box, enclose

WIDTH, HEIGHT = 1.9, 0.75  # of a box
SIZE = (11, 6)  # of the canvas, in units
OURS, THEIRS, SHOWN = 0, 1, 2  # colours: the instructor's, the submission's, what comes out


def life() -> bytes:
    """Return the picture as a PNG."""
    with plots.style():
        figure, ax = plt.subplots(figsize=(9.2, 5.1), layout="constrained")
    blank(ax, *SIZE)
    enclose(ax, 4.5, 2.95, 2.7, 2.6)
    ax.text(4.5, 4.0, "two walls, no network", ha="center", fontsize=9)
    for x, y, text, colour in (
        (1.2, 5.2, "source\n(with solutions)", OURS),
        (4.5, 5.2, "solution, executed\nwith the run's seed", OURS),
        (1.2, 3.5, "release", OURS),
        (1.2, 1.2, "hand-in\n(zip, folder, LMS)", THEIRS),
        (1.2, 2.35, "rebuilt: its answers\nin the release", THEIRS),
        (4.5, 3.4, "kernel: the same seed,\nits own /tmp", THEIRS),
        (4.5, 2.35, "evidence\n(data, never code)", THEIRS),
        (7.6, 3.4, "judge", OURS),
        (7.6, 2.0, "gradebook:\none transaction", OURS),
        (9.9, 3.4, "marks by people,\nlateness, changes", OURS),
        (9.9, 1.2, "feedback page,\nLMS, report", SHOWN),
    ):
        box(ax, x, y, text, colour, width=WIDTH, height=HEIGHT, fontsize=8)
    half = (WIDTH / 2, HEIGHT / 2)
    for points in (
        ((1.2 + half[0], 5.2), (4.5 - half[0], 5.2)),
        ((1.2, 5.2 - half[1]), (1.2, 3.5 + half[1])),
        ((1.2, 3.5 - half[1]), (1.2, 2.35 + half[1])),
        ((1.2, 1.2 + half[1]), (1.2, 2.35 - half[1])),
        ((1.2 + half[0], 2.35), (2.75, 2.35), (2.75, 3.4), (4.5 - half[0], 3.4)),
        ((4.5, 3.4 - half[1]), (4.5, 2.35 + half[1])),
        ((4.5 + half[0], 5.2), (7.6, 5.2), (7.6, 3.4 + half[1])),
        ((4.5 + half[0], 2.35), (6.2, 2.35), (6.2, 3.4), (7.6 - half[0], 3.4)),
        ((7.6, 3.4 - half[1]), (7.6, 2.0 + half[1])),
        ((9.9, 3.4 - half[1]), (9.9, 2.2), (7.6 + half[0], 2.2)),
        ((7.6, 2.0 - half[1]), (7.6, 1.2), (9.9 - half[0], 1.2)),
    ):
        arrow(ax, *points)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
    return stream.getvalue()
