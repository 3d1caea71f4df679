"""Show an output in all its forms in a notebook, as plain text elsewhere, and figures in words."""

import importlib
import os
import sys
from typing import Any

from IPython.core.getipython import get_ipython

WORDS = "module://utils.undrawn"  # the matplotlib backend that shows figures in words


def show_figures_in_words() -> None:
    """Draw no figure from now on; of each that is shown, say what it shows."""
    os.environ["MPLBACKEND"] = WORDS
    if "matplotlib" in sys.modules:
        importlib.import_module("matplotlib").use(WORDS)
    if shell := get_ipython():
        shell.events.register("post_execute", _show_open_figures)


def _show_open_figures() -> None:
    """Show what a cell left open, as a notebook does at its end."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.show()


def publish(text: str, html: str | None = None, data: dict[str, Any] | None = None) -> None:
    """Show ``text``, with its HTML form or other MIME types beside it where there is a notebook.

    Parameters
    ----------
    text : str
        The ``text/plain`` form; the only one that is seen outside a notebook.
    html : str, optional
        The ``text/html`` form.
    data : dict, optional
        Further forms by MIME type, for programs that read the notebook.
    """
    shell = get_ipython()
    if shell is None:
        print(text)
        return
    bundle = {"text/plain": text} | ({"text/html": html} if html else {}) | (data or {})
    shell.display_pub.publish(data=bundle)
