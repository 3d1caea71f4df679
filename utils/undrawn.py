"""A matplotlib backend that draws nothing: a figure is shown in the words that describe it.

Nobody looks at the pictures of a run that is only graded, and drawing them takes longer than most
of what a lab computes.
"""

from matplotlib import pyplot as plt
from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from utils.alt_text import describe


class FigureManager(FigureManagerBase):
    """Shows figures in words."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """Print what each open figure shows, and close it."""
        for manager in Gcf.get_all_fig_managers():
            print(f"🖼 {describe(manager.canvas.figure)}")
        plt.close("all")


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, which draws when it is asked to and not to be shown."""

    manager_class = FigureManager
