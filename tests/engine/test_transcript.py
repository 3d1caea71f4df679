"""Which of the outputs that arrive are kept, and in which form."""

from typing import Any

import nbformat
import pytest
from nbformat import v4

from grading.answers.evidence import MIME
from grading.engine.wire.transcript import Budget, CellTranscript


def transcript(cell: int = 100_000, notebook: int = 100_000, evidence: int = 100_000) -> Any:
    return CellTranscript(Budget(cell), Budget(notebook), Budget(evidence))


def stream(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    return "stream", {"name": name, "text": text}


def shown(data: dict[str, Any], display_id: str | None = None, kind: str = "display_data") -> Any:
    return kind, {"data": data, "metadata": {}, "transient": {"display_id": display_id}}


def kept(taken: CellTranscript) -> list[Any]:
    """The outputs, each as its text or data; they are valid in a notebook."""
    outputs = taken.outputs()
    nbformat.validate(v4.new_notebook(cells=[v4.new_code_cell(outputs=outputs)]))
    return [output.get("text", output.get("data", output.get("evalue"))) for output in outputs]


class TestStreams:
    def test_are_joined_where_they_follow_each_other(self) -> None:
        cell = transcript()
        for text, name in [("a", "stdout"), ("b", "stdout"), ("c", "stderr"), ("d", "stdout")]:
            cell.take(*stream(text, name))
        assert kept(cell) == ["ab", "c", "d"]

    def test_are_cut_where_the_limit_is(self) -> None:
        cell = transcript(cell=1_000)
        cell.take(*stream("é" * 600))
        cell.take(*stream("more"))
        (text,) = kept(cell)
        assert 100 < len(text) < 300 and set(text) == {"é"}
        assert cell.overflowed

    def test_many_turns_are_limited_too(self) -> None:
        cell = transcript(cell=10_000)
        for turn in range(1_000):
            cell.take(*stream("", ("stdout", "stderr")[turn % 2]))
        assert len(kept(cell)) < 30
        assert cell.overflowed


class TestDisplays:
    def test_are_limited_by_the_notebook_too(self) -> None:
        cell = transcript(notebook=2_000)
        for _ in range(10):
            cell.take(*shown({"text/plain": "x" * 500}))
        assert len(kept(cell)) == 1
        assert cell.overflowed

    def test_a_refused_one_leaves_room_for_a_smaller(self) -> None:
        cell = transcript(cell=2_000)
        cell.take(*shown({"text/plain": "x" * 5_000}))
        cell.take(*shown({"text/plain": "small"}))
        assert kept(cell) == [{"text/plain": "small"}]

    def test_can_be_updated_again_and_again(self) -> None:
        cell = transcript(cell=2_000)
        cell.take(*shown({"text/plain": "0"}, "d"))
        for turn in range(1_000):
            cell.take(*shown({"text/plain": str(turn)}, "d", "update_display_data"))
        assert kept(cell) == [{"text/plain": "999"}]
        assert not cell.overflowed

    def test_of_other_cells_cannot_be_updated(self) -> None:
        cell = transcript()
        cell.take(*shown({"text/plain": "x"}, "elsewhere", "update_display_data"))
        assert kept(cell) == []

    def test_an_update_that_is_too_large_changes_nothing(self) -> None:
        cell = transcript(cell=2_000)
        cell.take(*shown({"text/plain": "a"}, "d"))
        cell.take(*shown({"text/plain": "b" * 9_000}, "d", "update_display_data"))
        assert kept(cell) == [{"text/plain": "a"}]
        assert cell.overflowed

    def test_are_cleared_at_once_or_by_the_next(self) -> None:
        cell = transcript()
        cell.take(*stream("a"))
        cell.take("clear_output", {"wait": False})
        assert kept(cell) == []
        cell.take(*stream("b"))
        cell.take("clear_output", {"wait": True})
        assert kept(cell) == ["b"]
        cell.take(*stream("c"))
        assert kept(cell) == ["c"]

    def test_what_is_cleared_makes_room(self) -> None:
        cell = transcript(cell=2_000)
        for turn in range(100):
            cell.take("clear_output", {"wait": True})
            cell.take(*stream(f"{turn} " + "x" * 1_000))
        assert kept(cell)[0].startswith("99 ")
        assert not cell.overflowed


EVIDENCE = {MIME: {"label": "a"}}


class TestEvidence:
    def test_has_room_of_its_own(self) -> None:
        cell = transcript(cell=600, notebook=600)
        cell.take(*stream("x" * 5_000))
        cell.take(*shown(EVIDENCE))
        assert kept(cell)[-1] == EVIDENCE

    def test_is_limited(self) -> None:
        cell = transcript(evidence=5_000)
        for _ in range(100):
            cell.take(*shown({MIME: {"label": "x" * 1_000}}))
        assert len(kept(cell)) == 3
        assert cell.overflowed

    def test_is_neither_cleared_nor_updated(self) -> None:
        cell = transcript()
        cell.take(*shown(EVIDENCE, "d"))
        cell.take(*shown({"text/plain": "x"}, "e"))
        cell.take(*shown({"text/plain": "forged"}, "d", "update_display_data"))
        cell.take(*shown({MIME: {"label": "forged"}}, "e", "update_display_data"))
        assert kept(cell) == [EVIDENCE, {"text/plain": "x"}]
        cell.take("clear_output", {})
        assert kept(cell) == [EVIDENCE]


class TestMalformed:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("stream", None),
            ("stream", {"name": "stdout"}),
            ("stream", {"name": ["stdout"], "text": ""}),
            ("display_data", {"data": [], "metadata": {}}),
            ("display_data", {"data": {"text/plain": 3}, "metadata": {}}),
            ("display_data", {"data": {"image/png": ["a", 3]}, "metadata": {}}),
            ("execute_result", {"data": {}}),
            ("error", {"ename": 1, "evalue": "", "traceback": []}),
            ("error", {"ename": "", "evalue": "", "traceback": [1]}),
        ],
    )
    def test_is_counted_and_dropped(self, kind: str, content: Any) -> None:
        cell = transcript()
        cell.take(kind, content)
        assert kept(cell) == []
        assert cell.malformed == 1

    def test_nesting_is_bounded(self) -> None:
        deep: Any = 1
        for _ in range(200):
            deep = [deep]
        cell = transcript()
        cell.take(*shown({"application/json": deep}))
        assert cell.malformed == 1

    def test_text_can_be_written_to_a_file(self) -> None:
        cell = transcript()
        cell.take(*stream("a\ud800b"))
        cell.take(*shown({"application/json": {"\udc00": ["\udfff"]}}))
        cell.take("error", {"ename": "\ud800", "evalue": "\ud800", "traceback": ["\ud800"]})
        nbformat.writes(v4.new_notebook(cells=[v4.new_code_cell(outputs=cell.outputs())])).encode()

    def test_other_kinds_are_ignored(self) -> None:
        cell = transcript()
        cell.take("comm_open", {"data": {}})
        cell.take("execute_input", {"execution_count": "7"})
        assert (kept(cell), cell.malformed, cell.execution_count) == ([], 0, None)
