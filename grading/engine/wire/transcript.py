"""What a cell printed and displayed, collected from messages that nobody can trust.

The kernel's process belongs to the submission: it can send any message it likes. What is kept here
is bounded while it arrives, has the shape that the notebook format asks for, and belongs to the one
cell that was running.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode, from_dict

from grading.answers.evidence import MIME as EVIDENCE

OUTPUT_COST = 512  # bytes charged for an output beside its content
MAX_DEPTH = 64  # nesting of a JSON value
MAX_TEXT_FIELD = 10_000  # characters of an error's name; its text and traceback are charged


class Malformed(ValueError):
    """The message is not one that a kernel sends."""


@dataclass
class Budget:
    """Bytes that may still be kept."""

    left: int

    def take(self, size: int) -> bool:
        """Take ``size`` bytes if they are left, and say whether they were."""
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass
class _Output:
    kind: str
    content: dict[str, Any]
    size: int
    text: list[str] = field(default_factory=list)  # parts of a stream, joined at the end

    @property
    def is_evidence(self) -> bool:
        return EVIDENCE in self.content.get("data", ())

    def as_node(self) -> NotebookNode:
        extra = {"text": "".join(self.text)} if self.kind == "stream" else {}
        return from_dict({"output_type": self.kind, **self.content, **extra})


class CellTranscript:
    """The outputs of one cell, kept within its own budget and the notebook's.

    Evidence has a budget of its own, so that what an honest cell prints never costs it a mark, and
    is never cleared or updated: only outputs of the same cell can be, and only those that are not
    evidence.

    Parameters
    ----------
    cell : Budget
        What this cell may keep.
    notebook, evidence : Budget
        What all cells together may keep, of ordinary outputs and of evidence.
    """

    def __init__(self, cell: Budget, notebook: Budget, evidence: Budget) -> None:
        self._cell = cell
        self._notebook = notebook
        self._evidence = evidence
        self._outputs: list[_Output] = []
        self._displays: dict[str, _Output] = {}
        self._clear_next = False
        self.execution_count: int | None = None
        self.overflowed = False
        self.malformed = 0

    def take(self, kind: str, content: Any) -> None:
        """Take one message that the kernel published while the cell ran.

        Parameters
        ----------
        kind : str
            The message's type.
        content : Any
            Its content, as the JSON said it.
        """
        try:
            self._take(kind, content)
        except Malformed:
            self.malformed += 1

    def drop_evidence(self) -> None:
        """Keep none of the evidence."""
        self._outputs = [output for output in self._outputs if not output.is_evidence]

    def outputs(self) -> list[NotebookNode]:
        """Return what was kept, in the order in which it arrived."""
        return [output.as_node() for output in self._outputs]

    def _take(self, kind: str, content: Any) -> None:
        if not isinstance(content, dict):
            raise Malformed
        if kind == "execute_input":
            count = content.get("execution_count")
            if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**31:
                self.execution_count = count
        elif kind == "stream":
            self._stream(content)
        elif kind in ("display_data", "execute_result"):
            self._display(kind, content)
        elif kind == "update_display_data":
            self._update(content)
        elif kind == "error":
            self._error(content)
        elif kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear()

    def _stream(self, content: dict[str, Any]) -> None:
        name, text = content.get("name"), _text(content.get("text"))
        if name not in ("stdout", "stderr"):
            raise Malformed
        self._clear_if_waiting()
        last = self._outputs[-1] if self._outputs else None
        if last is None or last.kind != "stream" or last.content["name"] != name:
            last = self._append(_Output("stream", {"name": name}, 0))
        if last is not None:
            whole = text.encode()
            fits = whole[: max(0, min(len(whole), self._cell.left, self._notebook.left))]
            self._charge(len(fits))
            last.text.append(fits.decode(errors="ignore"))
            last.size += len(fits)
            self.overflowed |= len(fits) < len(whole)

    def _display(self, kind: str, content: dict[str, Any]) -> None:
        body, size = _body(content)
        if kind == "execute_result":
            body["execution_count"] = self.execution_count
        self._clear_if_waiting()
        output = self._append(_Output(kind, body, size))
        display_id = _display_id(content)
        if output is not None and display_id is not None and not output.is_evidence:
            self._displays[display_id] = output

    def _update(self, content: dict[str, Any]) -> None:
        body, size = _body(content)
        target = self._displays.get(_display_id(content) or "")
        if target is None or EVIDENCE in body["data"]:
            return
        self._refund(target.size)
        if self._charge(size):
            target.content.update(body)
            target.size = size
        else:
            self._charge(target.size)

    def _error(self, content: dict[str, Any]) -> None:
        name, value = _text(content.get("ename")), _text(content.get("evalue"))
        lines = content.get("traceback")
        if not isinstance(lines, list):
            raise Malformed
        traceback = [_text(line) for line in lines]
        size = len(value.encode()) + sum(len(line.encode()) + 8 for line in traceback)
        error = {"ename": name[:MAX_TEXT_FIELD], "evalue": value, "traceback": traceback}
        self._clear_if_waiting()
        self._append(_Output("error", error, size))

    def _append(self, output: _Output) -> _Output | None:
        output.size += OUTPUT_COST
        if output.is_evidence:
            kept = self._evidence.take(output.size)
            self.overflowed |= not kept
        else:
            kept = self._charge(output.size)
        if not kept:
            return None
        self._outputs.append(output)
        return output

    def _charge(self, size: int) -> bool:
        if not self._cell.take(size):
            self.overflowed = True
            return False
        if not self._notebook.take(size):
            self._cell.left += size
            self.overflowed = True
            return False
        return True

    def _refund(self, size: int) -> None:
        self._cell.left += size
        self._notebook.left += size

    def _clear_if_waiting(self) -> None:
        if self._clear_next:
            self._clear_next = False
            self._clear()

    def _clear(self) -> None:
        for output in self._outputs:
            if not output.is_evidence:
                self._refund(output.size)
        self._outputs = [output for output in self._outputs if output.is_evidence]
        self._displays = {}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed
    return _encodable(value)


def _encodable(text: str) -> str:
    """Return ``text`` with lone surrogates, which no file can hold, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _display_id(content: Mapping[str, Any]) -> str | None:
    transient = content.get("transient")
    found = transient.get("display_id") if isinstance(transient, dict) else None
    return found if isinstance(found, str) else None


def _body(content: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    data, metadata = content.get("data"), content.get("metadata")
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        raise Malformed
    body = {"data": _plain(data, 0), "metadata": _plain(metadata, 0)}
    for mime, value in body["data"].items():
        is_json = mime == "application/json" or mime.endswith("+json")
        if not (is_json or _is_multiline(value)):
            raise Malformed
    return body, len(json.dumps(body, ensure_ascii=False).encode())


def _is_multiline(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(line, str) for line in value)
    )


def _plain(value: Any, depth: int) -> Any:
    """Return a copy of a JSON value whose strings can be written to a file."""
    if depth > MAX_DEPTH:
        raise Malformed
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, dict):
        return {_encodable(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    return value
