"""Show an output in all its forms in a notebook, and as plain text elsewhere."""

from typing import Any

from IPython.core.getipython import get_ipython


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
