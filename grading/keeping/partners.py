"""A partner's files without the student who handed in with them; pure functions."""

import json
from typing import Any

from grading.cells.identity import ASSIGNMENT, GRADE_ID, MEANT, without_members
from grading.gradebook.forgetting import mapped
from grading.keeping.traces import Traces

STRUCTURE = ("nbgrader", "dl", "kernelspec", "language_info")  # metadata that say what a cell is
NO_NOTEBOOK = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def is_shared(content: bytes, traces: Traces) -> bool:
    """Whether a notebook's identity cell names a student."""
    try:
        cells = [cell for cell in json.loads(content)["cells"] if _is_identity(cell)]
        return any(_identity_without(cell, traces) != _source(cell) for cell in cells)
    except NO_NOTEBOOK:
        return False


def notebook_without(content: bytes, traces: Traces) -> bytes:
    """Return a notebook whose identity cell, outputs and metadata do not tell of a student.

    What its other cells hold is its author's, and stays to the letter. What is no notebook comes
    back as it was.
    """
    try:
        notebook = json.loads(content)
        changed = notebook | {
            "cells": [_cell(cell, traces) for cell in notebook["cells"]],
            "metadata": _metadata(notebook.get("metadata", {}), traces),
        }
    except NO_NOTEBOOK:
        return content
    if changed == notebook:
        return content
    text = json.dumps(changed, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", "surrogatepass")


def handed_in_without(content: bytes, traces: Traces) -> bytes:
    """Return what is kept of how a submission came, without who else handed it in."""
    try:
        how = json.loads(content)
        by, file = how.get("by", ""), how.get("file", "")
    except (ValueError, AttributeError):
        return content
    changed = dict(how)
    if traces.is_id(by):
        changed["by"] = ""
    if traces.may_be_in(file, b""):
        changed["file"] = ""
    if changed == how:
        return content
    return json.dumps(changed, ensure_ascii=False, indent=1).encode()


def _cell(cell: dict[str, Any], traces: Traces) -> dict[str, Any]:
    changed = dict(cell)
    if "outputs" in cell:
        changed["outputs"] = mapped(cell["outputs"], traces.without)
    if "metadata" in cell:
        changed["metadata"] = _metadata(cell["metadata"], traces)
    if _is_identity(cell) and (left := _identity_without(cell, traces)) != _source(cell):
        changed["source"] = left
    return changed


def _metadata(metadata: dict[str, Any], traces: Traces) -> dict[str, Any]:
    """Return metadata of which what editors keep has no traces; what marks hang on stays."""
    return {
        key: value if key in STRUCTURE else mapped(value, traces.without)
        for key, value in metadata.items()
    }


def _is_identity(cell: dict[str, Any]) -> bool:
    named = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    return named == GRADE_ID or ASSIGNMENT.search(_source(cell)) is not None


def _identity_without(cell: dict[str, Any], traces: Traces) -> str:
    lines = without_members(_source(cell), traces.is_named).splitlines(keepends=True)
    return "".join(line if MEANT.match(line) else traces.without(line) for line in lines)


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])
