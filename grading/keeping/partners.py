"""A partner's files without the student who handed in with them; pure functions."""

import json
from typing import Any

from grading.cells.identity import ASSIGNMENT, GRADE_ID, MEANT, without_members
from grading.gradebook.forgetting import mapped
from grading.keeping.traces import Traces


def notebook_without(content: bytes, traces: Traces) -> bytes:
    """Return a notebook whose identity cell, outputs and metadata do not tell of a student.

    What its other cells hold is its author's, and stays to the letter. What is no notebook comes
    back as it was.
    """
    try:
        notebook = json.loads(content)
        changed = notebook | {
            "cells": [_cell(cell, traces) for cell in notebook["cells"]],
            "metadata": mapped(notebook.get("metadata", {}), traces.without),
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return content
    if changed == notebook:
        return content
    return (json.dumps(changed, ensure_ascii=False, indent=1) + "\n").encode(
        "utf-8", "surrogatepass"
    )


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
    changed = {
        key: value if key in ("source", "id") else mapped(value, traces.without)
        for key, value in cell.items()
    }
    source = "".join(cell["source"])
    named = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    if named == GRADE_ID or ASSIGNMENT.search(source):
        lines = without_members(source, traces.is_named).splitlines(keepends=True)
        left = "".join(line if MEANT.match(line) else traces.without(line) for line in lines)
        if left != source:
            changed["source"] = left
    return changed
