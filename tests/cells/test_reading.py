import contextlib
import json
import random
import time
import warnings

import nbformat
import nbformat.v3
import nbformat.v4
import pytest

from grading.cells import reading
from grading.cells.metadata import grade_id, lab_of
from grading.cells.reading import read_notebook, without_outputs, write_notebook
from grading.errors import UserError


def _notebook():
    nb = nbformat.v4.new_notebook(metadata={"dl": {"lab": "lab1", "lang": "es", "format": 1}})
    code = nbformat.v4.new_code_cell(
        "áéí = 1\nprint(áéí)",
        id="answer",
        metadata={"nbgrader": {"grade_id": "answer", "solution": True}},
        execution_count=3,
        outputs=[nbformat.v4.new_output("stream", text="1\n")],
    )
    nb.cells = [nbformat.v4.new_markdown_cell("# Título", id="title"), code]
    return nb


def _changed(change):
    tree = json.loads(nbformat.writes(_notebook()))
    change(tree)
    return json.dumps(tree).encode()


def _sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_a_good_notebook_is_read_as_it_is():
    notebook = read_notebook(nbformat.writes(_notebook()).encode())
    assert notebook == _notebook()
    assert read_notebook(write_notebook(notebook)) == notebook
    assert lab_of(notebook) == "lab1"
    assert [grade_id(cell) for cell in notebook.cells] == ["", "answer"]


@pytest.mark.parametrize(
    "recode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\\n", "\\r\\n").encode(),
        lambda text: text.encode("utf-16"),
        lambda text: json.dumps(json.loads(text)).encode("ascii"),
    ],
    ids=["BOM", "CRLF in the file", "CRLF in the cells", "UTF-16", "escapes"],
)
def test_encodings_and_line_ends_of_other_editors(recode):
    notebook = read_notebook(recode(nbformat.writes(_notebook())))
    assert _sources(notebook) == _sources(_notebook())


def test_format_3_is_read():
    cells = [
        nbformat.v3.new_heading_cell("Título", level=2),
        nbformat.v3.new_code_cell("x = 1", prompt_number=1),
        nbformat.v3.new_text_cell("markdown", "text"),
    ]
    old = nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(cells=cells)])
    notebook = read_notebook(nbformat.v3.writes_json(old).encode())
    nbformat.validate(notebook)
    assert _sources(notebook) == ["## Título", "x = 1", "text"]


def test_format_4_without_ids_gets_the_same_ids_each_time():
    def drop_ids(tree):
        tree["nbformat_minor"] = 1
        for cell in tree["cells"]:
            del cell["id"]

    first, second = (read_notebook(_changed(drop_ids)) for _ in range(2))
    assert [cell.id for cell in first.cells] == ["cell-0", "cell-1"]
    assert first == second


def test_repeated_ids_are_told_apart():
    def repeat(tree):
        tree["cells"] = [
            {**tree["cells"][0], "id": name} for name in ("a", "a", "cell-1", "b c", 5, "")
        ]

    ids = [cell.id for cell in read_notebook(_changed(repeat)).cells]
    assert len(set(ids)) == 6
    assert ids[0] == "a"


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree.pop("metadata"),
        lambda tree: tree.pop("nbformat"),
        lambda tree: tree.update(nbformat="4"),
        lambda tree: tree.pop("nbformat_minor"),
        lambda tree: tree.update(nbformat_minor="five"),
        lambda tree: tree.update(metadata=[1]),
        lambda tree: tree["metadata"].update(dl="lab9", kernelspec=3),
        lambda tree: tree["metadata"].update(dl={"lab": ["lab1"]}),
        lambda tree: tree["cells"][1].update(metadata=None),
        lambda tree: tree["cells"][1]["metadata"].update(nbgrader=[]),
        lambda tree: tree["cells"][1]["metadata"].update(nbgrader={"grade_id": {}}),
        lambda tree: tree["cells"][1].pop("outputs"),
        lambda tree: tree["cells"][1].update(outputs=[3]),
        lambda tree: tree["cells"][1].update(outputs=[{"output_type": "error"}]),
        lambda tree: tree["cells"][1].update(outputs={"a": 1}),
        lambda tree: tree["cells"][1].update(execution_count="one"),
        lambda tree: tree["cells"][1].update(execution_count=True),
        lambda tree: tree["cells"][0].update(attachments=7),
        lambda tree: tree["cells"][0].update(attachments={"a": 7}),
        lambda tree: tree["cells"][1]["metadata"].update(tags=0),
        lambda tree: tree["cells"][1].update(surprise=1),
    ],
)
def test_damage_beside_the_sources_costs_nothing(change):
    notebook = read_notebook(_changed(change))
    nbformat.validate(notebook)
    assert _sources(notebook) == _sources(_notebook())
    assert all(isinstance(grade_id(cell), str) for cell in notebook.cells)
    assert isinstance(lab_of(notebook), str)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"PK\x03\x04rest", "begins with 'PK"),
        (b"<!DOCTYPE html><html>", "begins with '<!DOCTYPE html"),
        (nbformat.writes(_notebook()).encode()[:200], "cut short or damaged"),
        (b"[]", "without a list of cells"),
        (b"7", "without a list of cells"),
        (b'{"a": 1}', "without a list of cells"),
        (b'{"cells": {}}', "no list"),
        (b'{"cells": [], "nbformat": 5}', "format is 5"),
        (b'{"worksheets": [3], "nbformat": 3, "metadata": {}}', "cannot be converted"),
        (b'{"worksheets": [], "nbformat": 4}', "cannot be converted|no list"),
        (b'{"cells": [3]}', "cell 1 is damaged"),
        (b'{"cells": [{"cell_type": "code"}]}', "cell 1 is damaged: its source"),
        (b'{"cells": [{"cell_type": "code", "source": 3}]}', "cell 1 is damaged: its source"),
        (b'{"cells": [{"cell_type": "magic", "source": ""}]}', "its type is 'magic'"),
        (b'{"cells": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested deeper"),
        (b'{"cells": [], "metadata": ' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
        (b"[" * 200_000, "nested deeper|cut short"),
        (b'{"cells": [], "x": ' + b"9" * 5000 + b"}", "cut short or damaged"),
    ],
)
def test_what_is_no_notebook_is_refused_in_one_line(data, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read_notebook(data)
    assert str(caught.value) == caught.value.text("en") != caught.value.text("es")
    for lang in ("en", "es"):
        assert len(caught.value.text(lang).splitlines()) == 1
        assert len(caught.value.text(lang)) < 300


@pytest.mark.parametrize("filler", [b"[],", b"{},", b"0,"])
def test_a_file_of_brackets_is_refused_before_it_fills_the_memory(filler, monkeypatch):
    monkeypatch.setattr(reading, "MAX_CONTAINERS", 1000)
    monkeypatch.setattr(reading, "MAX_VALUES", 1000)
    with pytest.raises(UserError, match=r"too large: .* clear all outputs"):
        read_notebook(b'{"cells": [], "x": [' + filler * 1001 + b"0]}")


def _of(source, outputs=(), **more):
    cell = {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}}
    return cell | more


def _file(*cells, **more):
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4} | more).encode()


STREAM = {"output_type": "stream", "name": "stdout", "text": "1, [2], {3}, " * 2_000_000}
NUMBERS = {"output_type": "display_data", "metadata": {}, "data": {"application/json": [1] * 10**5}}


def test_outputs_however_large_cost_nothing_but_themselves():
    notebook = read_notebook(_file(_of("x = 1", [STREAM]), _of("y = 2", [NUMBERS])))
    assert _sources(notebook) == ["x = 1", "y = 2"]
    own = {"nbgrader": {"grade_id": "a", "solution": True}, "other": [[]] * 60_000}
    notebook = read_notebook(_file(_of("x = 1", metadata=own)))
    assert grade_id(notebook.cells[0]) == "a" and "other" not in notebook.cells[0].metadata


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_file(*[_of("1")] * 2001), "2001 cells, .* remove those"),
        (_file(_of("a" * 2_000_001)), "2000001 characters of code"),
        (_file(_of("1", [NUMBERS] * 31)), "3100..+ values, .* clear all outputs"),
        (b'{"cells": []' + b" " * 200_000_000 + b"}", "200 MB.* clear all outputs"),
        (b'{"nbformat": 3, "worksheets": [' + b'{"cells": []},' * 2100 + b"{}]}", "cells"),
    ],
    ids=["cells", "code", "values", "bytes", "worksheets"],
)
def test_what_is_too_large_says_what_to_do(data, reason):
    with pytest.raises(UserError, match=f"^too large: .*{reason}") as caught:
        read_notebook(data)
    assert len(caught.value.text("es").splitlines()) == 1


WORST = {
    "outputs of no kind": _file(_of("1", [{"output_type": "x"}] * 15_000)),
    "cells with metadata of no kind": _file(*[_of("1", [{}], metadata={"tags": 3})] * 2000),
    "metadata of lists": _file(_of("1", metadata={"dl": {"x": [{}] * 400_000}})),
    "attachments of no kind": _file(
        {"cell_type": "raw", "source": "", "attachments": {str(n): 3 for n in range(40_000)}}
    ),
    "ids that are taken": _file(
        *[_of("1", id=f"cell-{n}") for n in range(1000, 2000)], *[_of("1", id="")] * 1000
    ),
    "quotes": b'"\\"' * 5_000_000,
    "format 3": json.dumps(
        {
            "nbformat": 3,
            "nbformat_minor": 0,
            "metadata": {},
            "worksheets": [{"cells": [_of("1", input="1", outputs=[{"output_type": "x"}])] * 1900}],
        }
    ).encode(),
}


@pytest.mark.parametrize("data", WORST.values(), ids=WORST)
def test_a_file_made_to_be_slow_is_read_or_refused_in_a_moment(data):
    read_notebook(_file(_of("1")))  # the schema is compiled
    started = time.process_time()
    with contextlib.suppress(UserError):
        read_notebook(data)
    assert time.process_time() - started < 3


def test_lone_surrogates_are_replaced_and_pairs_are_kept():
    cell = rb'{"cell_type": "code", "source": "a = \"\ud800 \ud83d\ude00\"", "metadata": {}}'
    notebook = read_notebook(b'{"cells": [' + cell + b'], "nbformat": 4, "nbformat_minor": 2}')
    assert notebook.cells[0].source == 'a = "? 😀"'
    write_notebook(notebook)


def test_bytes_that_are_no_text_do_not_cost_the_notebook():
    damaged = nbformat.writes(_notebook()).encode().replace("Título".encode(), b"T\xedtulo")
    assert read_notebook(damaged).cells[0].source == "# T\ufffdtulo"


def test_without_outputs_leaves_the_original_alone():
    notebook = _notebook()
    stripped = without_outputs(notebook)
    assert stripped.cells[1].outputs == []
    assert stripped.cells[1].execution_count is None
    assert _sources(stripped) == _sources(notebook)
    assert notebook == _notebook()


def _mutants(count):
    """Notebooks with bytes flipped, and with JSON values dropped or given another type."""
    rng = random.Random(20261120)
    good = nbformat.writes(_notebook()).encode()
    for _ in range(count):
        data = bytearray(good)
        for _ in range(rng.choice((1, 1, 3, 20))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield bytes(data)
    for _ in range(count):
        tree = json.loads(good)
        for _ in range(rng.choice((1, 1, 2, 4))):
            node = tree
            while isinstance(node, dict | list) and node:
                key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
                if rng.random() < 0.4 or not isinstance(node[key], dict | list) or not node[key]:
                    if rng.random() < 0.3:
                        del node[key]
                    else:
                        node[key] = rng.choice([None, 0, -1.5, "", "x", [], {}, [[]], True])
                    break
                node = node[key]
        yield json.dumps(tree).encode()


def test_every_mutant_is_read_or_refused_in_one_line(capfd):
    read = refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in _mutants(400):
            try:
                notebook = read_notebook(data)
            except UserError as error:
                assert len(str(error).splitlines()) == 1, data
                refused += 1
            else:
                nbformat.validate(notebook)
                assert read_notebook(write_notebook(notebook)) == notebook
                read += 1
    assert min(read, refused) > 50
    assert capfd.readouterr().err == ""
