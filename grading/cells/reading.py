"""Read notebooks that were handed in: any format, any editor, any damage.

`read_notebook` either returns a notebook in nbformat 4.5 that later steps can rely on, or raises
`UserError` with the reason in one line. Nothing that a file holds makes it raise anything else, nor
take more than a moment or more memory than a multiple of the file.
"""

import itertools
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from grading.errors import UserError
from grading.messages import Reason

# Bounds that no real notebook comes near. Lists and values are counted before parsing, because a
# file of brackets takes twenty times its size in memory.
MAX_MEGABYTES = 200
MAX_CONTAINERS = 500_000
MAX_VALUES = 3_000_000
MAX_DEPTH = 100
MAX_CELLS = 2_000
MAX_CODE = 2_000_000  # characters

# Beyond these, what no grade depends on is not looked at: outputs, attachments, others' metadata.
LIGHT = 50_000  # lists and values

OWN_METADATA = ("dl", "nbgrader")
CELL_TYPES = ("code", "markdown", "raw")
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")
# Possessive, so that no file makes it look at a character twice.
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def read_notebook(data: bytes) -> NotebookNode:
    """Return the notebook in ``data`` as valid nbformat 4.5.

    Copes with byte order marks, CRLF, UTF-16, undecodable bytes, lone surrogates, formats 2 to 4,
    and with missing or repeated cell ids, which are replaced by ``cell-<position>``. Metadata and
    outputs of the wrong type or beyond measure are dropped; sources and cell types of the wrong
    type are errors.

    Raises
    ------
    UserError
        In one line, without the file's name.
    """
    try:
        tree, is_light = _parse(data)
        return _normalised(tree, is_light)
    except RecursionError:
        raise UserError(Reason("unreadable.deep", {"most": MAX_DEPTH})) from None
    except MemoryError:
        raise UserError(Reason("unreadable.memory")) from None


def write_notebook(notebook: NotebookNode) -> bytes:
    """Return a notebook as the bytes of its file."""
    return (nbformat.writes(notebook) + "\n").encode("utf-8")


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook with no outputs and no execution counts."""
    cells = [
        NotebookNode(cell, outputs=[], execution_count=None) if cell.cell_type == "code" else cell
        for cell in notebook.cells
    ]
    return NotebookNode(notebook, cells=cells)


def _parse(data: bytes) -> tuple[Any, bool]:
    """Return the file's JSON, and whether it is as light as notebooks are."""
    if not data.strip():
        raise UserError(Reason("unreadable.empty"))
    if len(data) > MAX_MEGABYTES * 10**6:
        values = {"found": f"{len(data) / 10**6:.0f}", "most": MAX_MEGABYTES}
        raise UserError(Reason("unreadable.megabytes", values))
    text = data.decode(json.detect_encoding(data), errors="replace")
    found = _counted(text)
    if sum(found.values()) > LIGHT:  # much of it may be text that only looks like it
        found = _counted(STRING.sub("", text))
    if found["lists"] > MAX_CONTAINERS or found["values"] > MAX_VALUES:
        most = {"most_lists": MAX_CONTAINERS, "most_values": MAX_VALUES}
        raise UserError(Reason("unreadable.large", found | most))
    try:
        tree = json.loads(text)
        if SURROGATE.search(text):
            # A lone surrogate cannot be written to any file again: "?" stands in for it.
            clean = json.dumps(tree, ensure_ascii=False).encode("utf-8", errors="replace")
            tree = json.loads(clean)
    except ValueError as error:
        values = {"error": error, "start": text.lstrip()[:20]}
        raise UserError(Reason("unreadable.damaged", values)) from None
    _check_depth(tree)
    return tree, sum(found.values()) <= LIGHT


def _counted(text: str) -> dict[str, int]:
    return {"lists": text.count("{") + text.count("["), "values": text.count(",")}


def _check_depth(tree: Any) -> None:
    """Raise `RecursionError` early and always, not wherever a later step's stack ends."""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [item for node in level for item in _children(node)]
        if not level:
            return
    raise RecursionError


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _normalised(tree: Any, is_light: bool) -> NotebookNode:
    if not isinstance(tree, dict) or not {"cells", "worksheets"} & tree.keys():
        raise UserError(Reason("unreadable.without_cells"))
    _check_cells(tree)
    if "worksheets" in tree and "cells" not in tree:
        tree = _upgraded(tree)
    elif isinstance(tree.get("nbformat"), int) and tree["nbformat"] > 4:
        raise UserError(Reason("unreadable.newer", {"found": tree["nbformat"]}))
    if not isinstance(tree.get("cells"), list):
        raise UserError(Reason("unreadable.no_list"))
    metadata = tree.get("metadata")
    plain = NotebookNode(
        nbformat=4,
        nbformat_minor=5,
        metadata=metadata if isinstance(metadata, dict) else {},
        cells=[NotebookNode(_cell(cell, index)) for index, cell in enumerate(tree["cells"])],
    )
    code = sum(len(cell.source) for cell in plain.cells if cell.cell_type == "code")
    if code > MAX_CODE:
        raise UserError(Reason("unreadable.code", {"found": code, "most": MAX_CODE}))
    notebook = nbformat.from_dict(plain if is_light else _bare(plain))
    _make_ids_unique(notebook)
    return _validated(notebook)


def _check_cells(tree: dict[str, Any]) -> None:
    """Raise `UserError` if a notebook of any format has too many cells."""
    sheets = tree.get("worksheets")
    lists = [sheet.get("cells") for sheet in _children(sheets) if isinstance(sheet, dict)]
    every = [cells for cells in (tree.get("cells"), *lists) if isinstance(cells, list)]
    found = sum(map(len, every)) + max(len(every) - 1, 0)
    if found > MAX_CELLS:
        raise UserError(Reason("unreadable.cells", {"found": found, "most": MAX_CELLS}))


def _upgraded(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook of format 2 or 3 in format 4."""
    try:
        major, minor = nbformat.reader.get_version(tree)
        old = nbformat.versions[major].to_notebook_json(tree, minor=minor)
        return dict(nbformat.convert(old, 4))
    except Exception as error:  # whatever the converter trips over is damage in the file
        detail = f"{type(error).__name__}: {error}"
        raise UserError(Reason("unreadable.older", {"error": detail})) from None


def _cell(cell: Any, index: int) -> dict[str, Any]:
    """Return a cell with the keys of its type, each of the right type."""
    if not isinstance(cell, dict):
        raise _damaged_cell("cell", index, cell)
    kind, source = cell.get("cell_type"), cell.get("source")
    if kind not in CELL_TYPES:
        raise _damaged_cell("cell_type", index, kind)
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise _damaged_cell("source", index, source)
    kept = {
        "id": cell.get("id"),
        "cell_type": kind,
        "metadata": cell["metadata"] if isinstance(cell.get("metadata"), dict) else {},
        "source": source.replace("\r\n", "\n").replace("\r", "\n"),
    }
    if kind == "code":
        count, outputs = cell.get("execution_count"), cell.get("outputs")
        kept["execution_count"] = count if type(count) is int and count >= 0 else None
        kept["outputs"] = outputs if isinstance(outputs, list) else []
    elif isinstance(cell.get("attachments"), dict):
        kept["attachments"] = cell["attachments"]
    return kept


def _damaged_cell(what: str, index: int, found: Any) -> UserError:
    values = {"cell": index + 1, "found": f"{found!r:.40}"}
    return UserError(Reason(f"unreadable.{what}", values))


def _make_ids_unique(notebook: NotebookNode) -> None:
    taken: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        if not isinstance(cell.id, str) or not CELL_ID.fullmatch(cell.id) or cell.id in taken:
            names = (f"cell-{number}" for number in itertools.count(index))
            cell.id = next(name for name in names if name not in taken)
        taken.add(cell.id)


def _validated(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook if it is valid, else the same with less of what no grade depends on."""
    for reduce in (lambda same: same, without_outputs, _bare):
        candidate = reduce(notebook)
        try:
            _schema().validate(candidate)
        except nbformat.ValidationError as error:
            reason = str(error).splitlines()[0]
        else:
            return rejoin_lines(candidate)
    raise UserError(Reason("unreadable.invalid", {"error": reason}))


@cache
def _schema() -> Any:
    """Return nbformat's schema without its search for what is wrong, as long as the mistakes."""
    return nbformat.validator.get_validator(4, 5, name="fastjsonschema")


def _bare(notebook: NotebookNode) -> NotebookNode:
    """Return a copy without outputs, attachments and any metadata but the course's own."""
    cells = [
        NotebookNode(
            {key: value for key, value in cell.items() if key != "attachments"},
            metadata=_own_metadata(cell),
        )
        for cell in without_outputs(notebook).cells
    ]
    return NotebookNode(notebook, metadata=_own_metadata(notebook), cells=cells)


def _own_metadata(node: NotebookNode) -> NotebookNode:
    """Return the course's own metadata, which are tables of texts, numbers and truth values."""
    tables = ((name, node.metadata.get(name)) for name in OWN_METADATA)
    return NotebookNode(
        {
            name: {k: v for k, v in table.items() if not isinstance(v, dict | list)}
            for name, table in tables
            if isinstance(table, dict)
        }
    )
