"""Notebooks as Colab saves them.

Colab writes format 4.0, which has no cell ids: it keeps an id of its own in each cell's metadata.
It adds what it knows of the last execution, of its outputs' size and of the page.
"""

import hashlib
from typing import Any

from nbformat import NotebookNode

USER = {"displayName": "A Student", "userId": "01234567890123456789"}
BEGAN = 1_750_000_000_000  # ms since 1970, as `executionInfo` counts


def as_colab_saves(notebook: NotebookNode, *, keeps_metadata: bool = True) -> dict[str, Any]:
    """Return the tree of the file that Colab makes of a notebook that was run in it.

    Parameters
    ----------
    notebook : NotebookNode
        With or without outputs; cells without any get some in Colab's style.
    keeps_metadata : bool
        False for what comes of copying the cells into a new notebook: the course's own metadata
        is gone, from the cells and from the notebook.
    """
    metadata: dict[str, Any] = {
        "colab": {"provenance": [], "toc_visible": True, "gpuType": "T4"},
        "accelerator": "GPU",
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {}},
    }
    if keeps_metadata:
        metadata = dict(notebook.metadata) | metadata
    return {
        "nbformat": 4,
        "nbformat_minor": 0,
        "metadata": metadata,
        "cells": [_cell(cell, n, keeps_metadata) for n, cell in enumerate(notebook.cells)],
    }


def _cell(cell: NotebookNode, number: int, keeps_metadata: bool) -> dict[str, Any]:
    name = hashlib.sha256(f"{number} {cell.source}".encode()).hexdigest()[:12]
    metadata = (dict(cell.metadata) if keeps_metadata else {}) | {"id": name}
    saved: dict[str, Any] = {
        "cell_type": cell.cell_type,
        "source": cell.source.splitlines(keepends=True),
        "metadata": metadata,
    }
    if cell.cell_type == "code":
        metadata |= {
            "colab": {"base_uri": "https://localhost:8080/", "height": 34},
            "outputId": f"{name[:8]}-0000-4000-8000-{name}",
            "executionInfo": {
                "status": "ok",
                "timestamp": BEGAN + 1000 * number,
                "user_tz": -60,
                "elapsed": 312,
                "user": USER,
            },
            "cellView": "form",
        }
        saved["execution_count"] = number + 1
        saved["outputs"] = [_output(output) for output in cell.outputs] or _made_up(number)
    return saved


def _output(output: NotebookNode) -> dict[str, Any]:
    """Return an output with its texts as lists of lines."""
    saved = dict(output)
    if "text" in saved:
        saved["text"] = "".join(saved["text"]).splitlines(keepends=True)
    if "data" in saved:
        saved["data"] = {
            kind: content.splitlines(keepends=True) if isinstance(content, str) else content
            for kind, content in saved["data"].items()
        }
    return saved


def _made_up(number: int) -> list[dict[str, Any]]:
    """Return a printed line and a table with the button that Colab puts beside it."""
    table = ["\n", '  <div id="df-0" class="colab-df-container">\n', "  <div></div></div>\n"]
    return [
        {"output_type": "stream", "name": "stdout", "text": [f"cell {number}\n"]},
        {
            "output_type": "execute_result",
            "data": {
                "text/plain": ["   x\n", "0  1"],
                "text/html": table,
                "application/vnd.google.colaboratory.intrinsic+json": {"type": "dataframe"},
            },
            "metadata": {},
            "execution_count": number + 1,
        },
    ]
