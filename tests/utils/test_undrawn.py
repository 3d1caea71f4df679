"""utils.undrawn: where nobody looks, a figure is said and not drawn."""

import subprocess
import sys

SHOWN = """
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from grading.session.display import show_figures_in_words

show_figures_in_words()
FigureCanvasAgg.draw = None  # whoever draws fails
for heights in ([3, 1], [1, 4]):
    figure, ax = plt.subplots(layout="constrained")
    ax.plot(heights, label="loss")
plt.show()
print(plt.get_fignums())
"""


def test_each_figure_is_said_once_and_closed() -> None:
    done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert not done.stderr
    assert [line[:2] for line in lines] == ["🖼 ", "🖼 ", "[]"]
    assert "loss: 3 at 0, 1 at 1" in lines[0] and "loss: 1 at 0, 4 at 1" in lines[1]


def test_a_figure_that_is_wanted_as_a_file_is_drawn(tmp_path) -> None:
    file = tmp_path / "figure.png"
    code = SHOWN.replace(
        "FigureCanvasAgg.draw = None", f"plt.plot([1]).pop().figure.savefig({str(file)!r})"
    )
    assert not subprocess.run([sys.executable, "-c", code], capture_output=True).stderr
    assert file.read_bytes().startswith(b"\x89PNG")
