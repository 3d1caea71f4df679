"""A submission in any shape: what the student wrote is run, and nothing else is theirs."""

import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode, v4

from grading.cells.metadata import grade_id
from grading.cells.reading import read_notebook
from grading.judging.rebuild import MISSING, Rebuilt, rebuild
from grading.judging.results import unanswered_questions
from grading.messages import languages
from tests import mini

STUB = "def double(x):\n    raise NotImplementedError('Complete double()')"
DOUBLE = "def double(x):\n    return 2 * x"
FREE_STUB = "raise NotImplementedError('Train the model')"
CHECK = 'tick.call("double", lambda x: double(x), cases=lambda rng: [(2,)], marks=3)'


def cell(kind: str, name: str, source: str, **flags: bool) -> NotebookNode:
    about = {"grade": False, "solution": False, "locked": False, "task": False} | flags
    new = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
    metadata = {"nbgrader": {"grade_id": name, "schema_version": 3} | about} if flags else {}
    return new(source, id=name, metadata=metadata | {"dl": {"role": "x"}})


def lab() -> NotebookNode:
    cells = [
        cell("markdown", "title", "# A lab"),
        cell("code", "setup", "from grading import tick", locked=True),
        cell("markdown", "prose", "Write `double`."),
        cell("code", "double", STUB, solution=True),
        cell("code", "check-double", CHECK, grade=True, locked=True),
        cell("code", "given", "data = [1, 2, 3]", locked=True),
        cell("code", "train", FREE_STUB, solution=True),
        cell("code", "check-train", 'tick.value("w", lambda: w, marks=2)', grade=True, locked=True),
        cell("markdown", "asked", "Why?"),
        cell("markdown", "why", "Your answer", grade=True, solution=True),
    ]
    return v4.new_notebook(cells=cells, metadata={"dl": {"lab": "lab", "lang": "en", "format": 1}})


RELEASE = lab()
AT = {one.id: index for index, one in enumerate(RELEASE.cells)}


def handed_in(**answers: str) -> NotebookNode:
    notebook = lab()
    for name, source in answers.items():
        notebook.cells[AT[name]].source = source
    return notebook


SOLVED = {"double": DOUBLE, "train": "w = sum(data)", "why": "Because."}


def own(source: str, kind: str = "code", **metadata: Any) -> NotebookNode:
    new = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
    return new(source, metadata=metadata)


def rebuilt(submitted: NotebookNode) -> Rebuilt:
    """Rebuild what was handed in, as its file is read; check what holds of every rebuilt one."""
    submitted = read_notebook(json.dumps(submitted).encode())
    before = json.dumps([RELEASE, submitted])
    found = rebuild(RELEASE, submitted)
    assert json.dumps([RELEASE, submitted]) == before
    assert json.dumps(rebuild(RELEASE, submitted).notebook) == json.dumps(found.notebook)
    nbformat.validate(found.notebook)
    cells = found.notebook.cells
    assert len({one.id for one in cells}) == len(cells)
    released = [one for one in cells if one.metadata]
    assert [(c.id, c.metadata, c.cell_type) for c in released] == [
        (c.id, c.metadata, c.cell_type) for c in RELEASE.cells
    ]
    for one, original in zip(released, RELEASE.cells, strict=True):
        if one.id not in SOLVED:
            assert one.source == original.source
    for flag in found.flags:
        for lang in languages():
            assert flag.text(lang)
    return found


def sources(found: Rebuilt, kind: str = "code") -> list[str]:
    return [one.source for one in found.notebook.cells if one.cell_type == kind]


def source_of(found: Rebuilt, name: str) -> str:
    (one,) = (one for one in found.notebook.cells if one.id == name)
    return str(one.source)


def flags(found: Rebuilt) -> list[str]:
    return [flag.key.removeprefix("flag.") for flag in found.flags]


def works(found: Rebuilt) -> bool:
    """Whether the code, run in order, defines what the answers should define."""
    names: dict[str, Any] = {}
    for one in found.notebook.cells:
        if one.cell_type == "code" and not one.source.startswith(("tick", "from")):
            try:
                exec(one.source, names)
            except Exception:
                continue
    return names["double"](4) == 8 and names["w"] == 6


# --- honest notebooks --------------------------------------------------------------------------


def test_what_was_handed_in_as_it_should_be() -> None:
    found = rebuilt(handed_in(**SOLVED))
    assert (found.flags, works(found)) == ((), True)
    assert {name: source_of(found, name) for name in SOLVED} == SOLVED


def test_nothing_done() -> None:
    found = rebuilt(lab())
    assert found.flags == ()
    assert found.notebook.cells == RELEASE.cells


def without(notebook: NotebookNode, *, metadata: bool, ids: bool) -> NotebookNode:
    changed = copy.deepcopy(notebook)
    for one in changed.cells:
        if metadata:
            one.metadata = NotebookNode()
        if ids:
            del one["id"]
    if ids:
        changed.nbformat_minor = 4
    return changed


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("ids", [True, False])
def test_an_editor_that_drops_metadata_or_ids(metadata: bool, ids: bool) -> None:
    submitted = without(handed_in(**SOLVED), metadata=metadata, ids=ids)
    found = rebuilt(submitted)
    assert found.flags == () and works(found)
    assert {name: source_of(found, name) for name in SOLVED} == SOLVED


def test_colab_changes_ids_and_keeps_metadata() -> None:
    submitted = handed_in(**SOLVED)
    for number, one in enumerate(submitted.cells):
        one.metadata["id"] = one["id"] = f"aB3_{number}"
    submitted.metadata["colab"] = {"provenance": []}
    found = rebuilt(submitted)
    assert found.flags == () and works(found)


def test_an_editor_that_drops_both_and_a_student_who_added_cells() -> None:
    submitted = without(handed_in(**SOLVED), metadata=True, ids=True)
    submitted.cells.insert(AT["double"], own("helper = 2"))
    submitted.cells[AT["double"] + 1].source = "def double(x):\n    return helper * x"
    submitted.cells.insert(AT["why"] + 1, own("A note of mine.", "markdown"))
    found = rebuilt(submitted)
    assert works(found) and flags(found) == ["added"]
    assert source_of(found, "why") in ("Because.", "A note of mine.")
    assert {"Because.", "A note of mine."} <= set(sources(found, "markdown"))


def test_format_4_0_without_ids() -> None:
    data = without(handed_in(**SOLVED), metadata=False, ids=True)
    data["nbformat_minor"] = 0
    submitted = read_notebook(json.dumps(data).encode())
    assert rebuild(RELEASE, submitted).flags == ()


def test_own_cells_run_where_they_stand() -> None:
    submitted = handed_in(**SOLVED)
    submitted.cells.insert(AT["check-double"], own("after_double = double(1)"))
    submitted.cells.insert(0, own("first = 1"))
    submitted.cells.append(own("last = w"))
    submitted.cells.insert(4, own("My notes", "markdown"))
    submitted.cells.insert(4, own("  \n"))
    found = rebuilt(submitted)
    code = sources(found)
    assert code[0] == "first = 1" and code[-1] == "last = w"
    assert code.index("after_double = double(1)") == code.index(DOUBLE) + 1 == code.index(CHECK) - 1
    assert "My notes" in sources(found, "markdown")
    assert found.flags[0].values == {"count": 3}


def test_a_split_cell() -> None:
    submitted = handed_in(**SOLVED)
    half = copy.deepcopy(submitted.cells[AT["double"]])  # a split copies the metadata
    half.id, half.source = "new", "factor = 2"
    submitted.cells[AT["double"]].source = "def double(x):\n    return factor * x"
    submitted.cells.insert(AT["double"], half)
    found = rebuilt(submitted)
    assert works(found) and flags(found) == ["repeated", "added"]
    assert source_of(found, "double") == "def double(x):\n    return factor * x"


def test_a_split_cell_whose_last_part_is_blank() -> None:
    submitted = handed_in(**SOLVED)
    blank = copy.deepcopy(submitted.cells[AT["double"]])
    blank.id, blank.source = "new", "\n"
    submitted.cells.insert(AT["double"] + 1, blank)
    found = rebuilt(submitted)
    assert found.flags == () and source_of(found, "double") == DOUBLE


def test_a_split_written_answer_is_kept_whole() -> None:
    submitted = handed_in(**SOLVED)
    more = copy.deepcopy(submitted.cells[AT["why"]])
    more.id, more.source = "new", "And so on."
    submitted.cells.append(more)
    found = rebuilt(submitted)
    assert source_of(found, "why") == "Because.\n\nAnd so on."
    assert flags(found) == ["repeated"]


@pytest.mark.parametrize("first", [True, False])
def test_a_copy_of_the_untouched_cell_is_no_answer(first: bool) -> None:
    submitted = handed_in(**SOLVED)
    untouched = copy.deepcopy(RELEASE.cells[AT["double"]])
    submitted.cells.insert(AT["double"] + (not first), untouched)
    found = rebuilt(submitted)
    assert found.flags == () and works(found)
    assert STUB not in sources(found)


def test_of_two_attempts_the_last_counts_as_it_did_for_the_student() -> None:
    submitted = handed_in(**SOLVED)
    attempt = copy.deepcopy(submitted.cells[AT["double"]])
    attempt.id, attempt.source = "new", "def double(x):\n    return x"
    submitted.cells.insert(AT["double"], attempt)
    assert works(rebuilt(submitted))
    submitted.cells[AT["double"]], submitted.cells[AT["double"] + 1] = (
        submitted.cells[AT["double"] + 1],
        submitted.cells[AT["double"]],
    )
    found = rebuilt(submitted)
    assert source_of(found, "double") == "def double(x):\n    return x" and not works(found)


def merged(submitted: NotebookNode, one: str, other: str, keeps: str) -> NotebookNode:
    """Two neighbouring cells merged by an editor; the result keeps the metadata of one."""
    text = "\n\n".join(submitted.cells[AT[name]].source for name in (one, other))
    submitted.cells[AT[keeps]].source = text
    del submitted.cells[AT[other if keeps == one else one]]
    return submitted


@pytest.mark.parametrize("keeps", ["double", "check-double"])
def test_an_answer_merged_with_its_check(keeps: str) -> None:
    found = rebuilt(merged(handed_in(**SOLVED), "double", "check-double", keeps))
    assert works(found)
    if keeps == "double":
        assert flags(found) == ["deleted"]
    else:
        assert flags(found) == ["missing", "edited", "added"]
        assert source_of(found, "double") == MISSING


@pytest.mark.parametrize("keeps", ["given", "train"])
def test_an_answer_merged_with_given_code(keeps: str) -> None:
    assert works(rebuilt(merged(handed_in(**SOLVED), "given", "train", keeps)))


@pytest.mark.parametrize("keeps", ["double", "train"])
def test_two_answers_merged(keeps: str) -> None:
    submitted = handed_in(**SOLVED)
    # Only with what stands between them can cells be merged.
    middle = [submitted.cells[AT[name]].source for name in ("check-double", "given")]
    text = "\n\n".join([DOUBLE, *middle[1:], SOLVED["train"]])
    submitted.cells[AT[keeps]].source = text
    names = {"double", "check-double", "given", "train"} - {keeps}
    submitted.cells = [one for one in submitted.cells if one.id not in names]
    found = rebuilt(submitted)
    code = [one for one in found.notebook.cells if one.id in ("double", "train", "given")]
    assert [one.source for one in code if one.id == keeps] == [text]
    assert "missing" in flags(found) and "deleted" in flags(found)
    assert works(found)


def test_an_answer_turned_into_markdown() -> None:
    submitted = handed_in(**SOLVED)
    submitted.cells[AT["double"]] = own(
        DOUBLE, "markdown", **submitted.cells[AT["double"]].metadata
    )
    found = rebuilt(submitted)
    assert works(found) and flags(found) == ["turned"]


def test_an_answer_typed_below_a_check_is_run() -> None:
    submitted = handed_in(**SOLVED | {"double": STUB})
    check = submitted.cells[AT["check-double"]]
    check.source = f"{CHECK}\n\n{DOUBLE}"
    found = rebuilt(submitted)
    assert flags(found) == ["edited", "added"] and works(found)


def test_an_answer_typed_into_the_prose_is_kept() -> None:
    submitted = handed_in(**SOLVED | {"why": "Your answer"})
    submitted.cells[AT["asked"]].source = "Why?\n\nBecause of the chain rule."
    submitted.cells[AT["prose"]].source = "Something else."
    found = rebuilt(submitted)
    assert found.flags == ()
    texts = sources(found, "markdown")
    assert texts[texts.index("Why?") + 1].strip() == "Because of the chain rule."
    assert texts[texts.index("Write `double`.") + 1] == "Something else."


def test_pictures_in_a_written_answer_are_kept() -> None:
    submitted = handed_in(**SOLVED)
    picture = {"plot.png": {"image/png": "iVBORw0KGgo="}}
    submitted.cells[AT["why"]].attachments = picture
    found = rebuilt(submitted)
    assert found.notebook.cells[-1].attachments == picture


def test_cells_in_another_order() -> None:
    submitted = handed_in(**SOLVED)
    random.Random(1).shuffle(submitted.cells)
    found = rebuilt(submitted)
    assert found.flags == () and works(found)


def test_copies_of_locked_cells_run_as_the_student_s_own() -> None:
    submitted = handed_in(**SOLVED)
    again = copy.deepcopy(submitted.cells[AT["given"]])
    again.id, again.source = "new", "data = [1, 2, 3, 4]"
    submitted.cells.insert(AT["given"] + 1, again)
    found = rebuilt(submitted)
    assert flags(found) == ["added"]
    code = sources(found)
    assert code.index("data = [1, 2, 3, 4]") == code.index("data = [1, 2, 3]") + 1


# --- dishonest ones ----------------------------------------------------------------------------


def graded_cells(found: Rebuilt) -> list[tuple[str, str]]:
    return [(grade_id(one), one.source) for one in found.notebook.cells if grade_id(one)]


@pytest.mark.parametrize(
    "change",
    [
        {"source": "tick.value('double', lambda: 1, marks=300)"},
        {"source": CHECK + "\nimport evil"},
        {"cell_type": "markdown"},
        {"cell_type": "raw"},
        {"metadata": {}},
        {"metadata": {"nbgrader": {"grade_id": "check-double", "points": 900, "grade": False}}},
        {"metadata": {"nbgrader": "nonsense"}},
        {"metadata": {"nbgrader": {"grade_id": ["check-double"]}}},
    ],
    ids=str,
)
def test_a_check_is_the_release_s_whatever_became_of_it(change: dict[str, Any]) -> None:
    data = handed_in(**SOLVED)
    check = data["cells"][AT["check-double"]]
    check |= change
    if check["cell_type"] != "code":
        del check["outputs"], check["execution_count"]
    submitted = read_notebook(json.dumps(data).encode())
    found = rebuild(RELEASE, submitted)
    expected = rebuild(RELEASE, handed_in(**SOLVED))
    assert graded_cells(found) == graded_cells(expected)
    points = {"source", "cell_type"} & set(change)
    assert ("edited" in flags(found)) == bool(points)


def test_deleted_cells_are_put_back() -> None:
    submitted = handed_in(**SOLVED)
    submitted.cells = [submitted.cells[AT[name]] for name in ("double", "why")]
    found = rebuilt(submitted)
    assert flags(found) == ["deleted", "deleted", "deleted", "missing", "deleted"]
    assert source_of(found, "train") == MISSING
    empty = rebuilt(v4.new_notebook())
    assert flags(empty).count("missing") == 3 and source_of(empty, "why") == ""


@pytest.mark.parametrize("name", ["check-double", "Check-Double", "CHECK-DOUBLE", "check-double "])
def test_an_added_cell_with_a_check_s_id_is_no_check(name: str) -> None:
    forged = cell("code", "forged", "publish(evidence)", grade=True, locked=True)
    forged.metadata.nbgrader.grade_id = name
    for place in (0, AT["check-double"], len(RELEASE.cells)):
        submitted = handed_in(**SOLVED)
        submitted.cells.insert(place, forged)
        found = rebuilt(submitted)
        ids = [grade_id(one) for one in found.notebook.cells]
        assert ids.count("check-double") == 1 and set(ids) <= {"", *AT}
        assert source_of(found, "check-double") == CHECK
        assert flags(found) == ["added"]


def test_ids_of_added_cells_never_collide() -> None:
    release = lab()
    for number, index in enumerate((0, 2, 8)):
        release.cells[index].id = f"added-{number}"
    submitted = handed_in(**SOLVED)
    for number in range(4):
        extra = own(f"x{number} = 1")
        extra.id = f"added-{number}"
        submitted.cells.insert(0, extra)
    found = rebuild(release, submitted)
    ids = [one.id for one in found.notebook.cells]
    assert len(set(ids)) == len(ids)
    assert [one.id for one in found.notebook.cells if one.metadata] == [c.id for c in release.cells]


def test_a_made_up_id_says_nothing_of_which_cell_it_is() -> None:
    """`read_notebook` counts cells without ids; an added cell shifts that count."""
    release = lab()
    for number, one in enumerate(release.cells):
        one.id = f"cell-{number}"
    submitted = without(handed_in(**SOLVED), metadata=True, ids=True)
    submitted.cells.insert(0, own("import math"))
    found = rebuild(release, read_notebook(json.dumps(submitted).encode()))
    answers = [one.source for one in found.notebook.cells if grade_id(one) in SOLVED]
    assert answers == list(SOLVED.values())


def test_outputs_are_not_taken_over() -> None:
    submitted = handed_in(**SOLVED)
    for one in submitted.cells:
        if one.cell_type == "code":
            one.outputs = [v4.new_output("stream", text="✓")]
            one.execution_count = 3
    assert not any(one.get("outputs") for one in rebuilt(submitted).notebook.cells)


# --- anything at all ---------------------------------------------------------------------------

UNTOUCHED = (STUB, FREE_STUB, "Your answer")
TEXT = st.sampled_from(
    ["", " ", "x = 1", DOUBLE, STUB, CHECK, "Why?", "%%time\n!ls", "def (", "é" * 9]
)
IDS = st.sampled_from([*AT, "other", "Check-Double", ""])


@st.composite
def submissions(draw: st.DrawFn) -> NotebookNode:
    """The lab's cells in any order and number, with any text, type, id and metadata."""
    cells = []
    for index in draw(st.lists(st.integers(0, len(RELEASE.cells) - 1), max_size=14)):
        one = copy.deepcopy(RELEASE.cells[index])
        if draw(st.booleans()):
            one.source = draw(TEXT)
        how = draw(st.integers(0, 5))
        if how == 0:
            one.metadata = NotebookNode()
        elif how == 1:
            one.metadata = NotebookNode(nbgrader={"grade_id": draw(IDS), "grade": True})
        elif how == 2:
            one = own(one.source, draw(st.sampled_from(["code", "markdown"])), **one.metadata)
        if draw(st.booleans()):
            one.id = draw(IDS) or None
        cells.append(one)
    notebook = v4.new_notebook()
    notebook.cells = cells
    return notebook


@settings(max_examples=60)
@given(submissions())
def test_any_submission_is_rebuilt_and_no_answer_is_lost(submitted: NotebookNode) -> None:
    found = rebuilt(submitted)
    everything = "\n".join(one.source for one in found.notebook.cells)
    locked = {grade_id(c) for c in RELEASE.cells if c.metadata.get("nbgrader", {}).get("locked")}
    for one in submitted.cells:
        if grade_id(one) not in locked and one.id not in locked:
            assert one.source.strip() in everything or one.source in UNTOUCHED


def test_many_cells_take_no_time() -> None:
    submitted = handed_in(**SOLVED)
    submitted.cells += [own(f"x = {n}") for n in range(5_000)]
    submitted = without(submitted, metadata=True, ids=True)
    found = rebuild(RELEASE, submitted)
    assert len(found.notebook.cells) == len(RELEASE.cells) + 5_000


def test_a_source_that_would_crash_a_parser() -> None:
    nasty = "(" * 100_000 + "-" * 100_000 + "lambda:" * 50_000
    submitted = without(handed_in(**SOLVED), metadata=True, ids=True)
    submitted.cells.append(own(nasty))
    submitted.cells.append(own("a " * 200_000 + ": = :" * 50_000))
    assert works(rebuilt(submitted))


# --- the notebooks that authoring builds -------------------------------------------------------


@pytest.mark.parametrize("lang", ["es", "en"])
def test_a_lab_handed_in_in_any_language(tmp_path: Path, lang: str) -> None:
    course = mini.make_course(tmp_path)
    submitted, solution = mini.blank(course, lang), mini.solved(course)
    for one in submitted.cells:
        one.source = solution.get(one.id, one.source)
    for release_lang in ("es", "en"):
        release = mini.blank(course, release_lang)
        found = rebuild(release, submitted)
        assert found.flags == ()
        assert len(found.notebook.cells) == len(release.cells)
        answers = {one.id: one.source for one in found.notebook.cells if one.id in solution}
        assert answers == solution


@pytest.mark.parametrize(("lang", "release_lang"), [("es", "en"), ("en", "es")])
def test_what_is_not_answered_in_another_language_is_not_answered(
    tmp_path: Path, lang: str, release_lang: str
) -> None:
    course = mini.make_course(tmp_path)
    submitted, release = mini.blank(course, lang), mini.blank(course, release_lang)
    assert [c.source for c in submitted.cells] != [c.source for c in release.cells]
    found = rebuild(release, submitted)
    assert found.flags == () and found.notebook.cells == release.cells
    assert unanswered_questions(release, found.notebook) == ["why"]


def test_a_stub_in_another_language_left_beside_the_answer_is_not_the_answer(
    tmp_path: Path,
) -> None:
    course = mini.make_course(tmp_path)
    submitted = mini.blank(course, "es")
    index = next(i for i, one in enumerate(submitted.cells) if one.id == "double")
    stub = copy.deepcopy(submitted.cells[index])
    submitted.cells[index].source = mini.solved(course)["double"]
    submitted.cells.insert(index + 1, stub)
    found = rebuild(mini.blank(course, "en"), submitted)
    assert found.flags == ()
    assert source_of(found, "double") == mini.solved(course)["double"]


def test_a_first_cell_that_names_another_version_of_the_kit_is_not_edited() -> None:
    names = 'KIT, TAG, COMMIT = "https://x/y.git", "{0}", "{1}"\ntick.start("lab", version="{1}")'
    release = lab()
    release.cells[AT["setup"]].metadata.dl.role = "setup"
    older = copy.deepcopy(release)
    release.cells[AT["setup"]].source = names.format("2027", "00ff")
    older.cells[AT["setup"]].source = names.format("2026", "a1b2")
    assert flags(rebuild(release, older)) == []
    older.cells[AT["setup"]].source += "\nprint(1)"
    assert flags(rebuild(release, older)) == ["edited"]


# --- handed in on a former release -------------------------------------------------------------


def former() -> NotebookNode:
    """A release before the present one: other texts, a check less, and a cell since withdrawn."""
    older = lab()
    older.cells[AT["given"]].source = "data = [1, 2]"
    older.cells[AT["prose"]].source = "Write doubel."
    older.cells[AT["check-double"]].source = CHECK.replace("3", "2")
    older.cells.append(cell("code", "withdrawn", "tick.value('x', lambda: 1)", locked=True))
    del older.cells[AT["check-train"]]
    return older


def of_former(**changes: str) -> NotebookNode:
    submitted = former()
    for one in submitted.cells:
        one.source = (SOLVED | changes).get(one.id, one.source)
    return submitted


def test_what_is_merely_older_is_no_flag() -> None:
    found = rebuild(RELEASE, of_former(), [former()])
    assert (found.flags, found.older) == ((), True)
    present = rebuild(RELEASE, handed_in(**SOLVED)).notebook
    own_cells = [one.source for one in found.notebook.cells if not one.metadata]
    assert own_cells == ["tick.value('x', lambda: 1)"]
    assert [c for c in found.notebook.cells if c.metadata] == present.cells


def test_what_was_tampered_with_shows_among_the_older() -> None:
    submitted = of_former(given="data = [9, 9]")
    found = rebuild(RELEASE, submitted, [former()])
    assert (flags(found), found.older) == (["edited"], True)
    submitted.cells = [one for one in submitted.cells if one.id != "check-double"]
    submitted.cells.append(own("mine = 1"))
    assert flags(rebuild(RELEASE, submitted, [former()])) == ["deleted", "edited", "added"]


def test_what_stands_around_an_older_cell_is_run() -> None:
    older = former().cells[AT["given"]].source
    found = rebuild(RELEASE, of_former(given=f"{older}\nmine = 1"), [former()])
    assert flags(found) == ["edited", "added"] and "\nmine = 1" in sources(found)


def test_the_present_release_is_not_older_whatever_went_before() -> None:
    found = rebuild(RELEASE, handed_in(**SOLVED), [former(), lab()])
    assert (found.flags, found.older) == ((), False)
    submitted = handed_in(**SOLVED)
    submitted.cells[AT["given"]].source = "data = []"
    assert flags(rebuild(RELEASE, submitted, [former()])) == ["edited"]


# --- made to be slow ---------------------------------------------------------------------------

LONG = 1_900_000
COPY = {"nbgrader": {"grade_id": "double", "solution": True}}
SLOW = {
    "stubs on one line": ["raise NotImplementedError(" * (LONG // 26)],
    "a name and blanks": ["a" * (LONG // 2) + " " * (LONG // 2), "a:" + " " * LONG],
    "a version that does not end": ['version="' + "a" * LONG, 'version="' * (LONG // 9)],
    "definitions": ["a = 1\n" * (LONG // 6)],
    "blank lines": ["\n" * LONG, "def\t" + "\t" * LONG],
}


@pytest.mark.parametrize("sources", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("metadata", [{}, COPY, {"nbgrader": {"grade_id": "setup"}}], ids=str)
def test_text_made_to_be_slow_is_rebuilt_in_a_moment(sources: list[str], metadata: Any) -> None:
    submitted = lab()
    del submitted.cells[AT["double"]]
    submitted.cells += [own(source, **metadata) for source in sources]
    started = time.process_time()
    rebuild(RELEASE, submitted)
    assert time.process_time() - started < 3


def test_copies_of_an_answer_are_rebuilt_in_a_moment() -> None:
    submitted = lab()
    submitted.cells += [own(f"x = {number}", **COPY) for number in range(2_000)]
    started = time.process_time()
    rebuild(RELEASE, submitted)
    assert time.process_time() - started < 3
