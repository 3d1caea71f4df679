"""Show an output in all its forms in a notebook, as plain text elsewhere, and figures in words.

An output that goes on changing is a `Live` one.
"""

import importlib
import os
import sys
import uuid
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
    shell.display_pub.publish(data=_forms(text, html) | (data or {}))


class Live:
    """An output that is replaced in place; where there is no notebook, each text is a new line."""

    def __init__(self) -> None:
        self._where = {"display_id": uuid.uuid4().hex}
        self._shown: tuple[str, str | None] | None = None

    def show(self, text: str, html: str | None = None) -> None:
        """Show ``text``, and its HTML form in a notebook, in the place of what was shown before."""
        before, self._shown = self._shown, (text, html)
        if before == self._shown:
            return
        shell = get_ipython()
        if shell is None:
            print(text)
            return
        forms, is_update = _forms(text, html), before is not None
        shell.display_pub.publish(data=forms, transient=self._where, update=is_update)


def _forms(text: str, html: str | None) -> dict[str, Any]:
    return {"text/plain": text} | ({"text/html": html} if html else {})
