import ast
import copy
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import GenerateAssignment
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from grading.authoring import (
    IDENTITY,
    SourceError,
    checks,
    clear_solutions,
    colab_url,
    instructor_notebook,
    parse_lab,
    questions,
    render,
    section_of_check,
    solution_hash,
    stub,
    stubs,
    student_notebook,
    total_points,
    verify_student_notebook,
)
from grading.course.config import LANGUAGES, Course, LabInfo
from grading.errors import UserError
from tests.twins import in_every_language

SAMPLE = in_every_language(
    '''\
# %% [markdown] lang="es"
# ## Vocabulario
#
# Un vocabulario numera las palabras.

# %% [markdown] lang="en"
# ## Vocabulary
#
# A vocabulary numbers the words.

# %% role="given"
words = "to be or not to be".split()

# %% [markdown] exercise="vocabulary" lang="es"
# Devuelve las palabras distintas en orden alfabético.

# %% [markdown] exercise="vocabulary" lang="en"
# Return the distinct words in alphabetical order.

# %% role="exercise" id="vocabulary" title_es="Palabras" title_en="Words" difficulty=1 minutes=5
def build_vocabulary(tokens: list[str]) -> list[str]:
    """Return the distinct tokens, sorted."""
    ### BEGIN SOLUTION
    return sorted(set(tokens))
    ### END SOLUTION


# %% role="check" id="vocabulary_check" points=3
tick.value(
    "vocabulary",
    lambda: build_vocabulary(words),
    marks=2,
    hint={"es": "¿Está ordenado?", "en": "Is it sorted?"},
)
tick.value("vocabulary size", lambda: len(build_vocabulary(words)), marks=1)

# %% [markdown] lang="es"
# ## Modelo

# %% [markdown] lang="en"
# ## Model

# %% role="exercise" id="encoder" title_es="Codificador" title_en="Encoder" difficulty=3 minutes=20
class Encoder:
    """Maps words to numbers."""

    def __init__(self, vocabulary):
        ### BEGIN SOLUTION
        self.index = {word: i for i, word in enumerate(vocabulary)}
        ### END SOLUTION

    def encode(self, tokens):
        """Return the number of each token."""
        ### BEGIN SOLUTION
        return [self.index[token] for token in tokens]
        ### END SOLUTION


# %% role="exercise" id="codes" title_es="Códigos" title_en="Codes" difficulty=2 minutes=10
vocabulary = build_vocabulary(words)
### BEGIN SOLUTION
codes = Encoder(vocabulary).encode(words)
### END SOLUTION

# %% role="check" id="codes_check" points=4
with tick.marks(4, "codes"):
    tick.value("first code", lambda: codes[0])
    tick.value("all codes", lambda: codes)

# %% role="check" id="edge_check" points=1.5
tick.value("no words", lambda: Encoder([]).encode([]), marks=1.5)

# %% [markdown] role="question" id="why" points=2 lang="es"
# ¿Por qué ordenamos el vocabulario?
#
# ### BEGIN SOLUTION
# Para que los números no cambien de una ejecución a otra.
# ### END SOLUTION

# %% [markdown] role="question" id="why" points=2 lang="en"
# Why do we sort the vocabulary?
#
# ### BEGIN SOLUTION
# So that the numbers are the same in every run.
# ### END SOLUTION

# %% role="given"
tick.summary()
'''
)

COURSE = Course(
    root=Path("."),
    name="Deep Learning",
    institution="Your University",
    term="2026-27",
    language="es",
    repository="org/course",
    tag="main",
    roster=Path("roster.csv"),
    labs=(LabInfo("sample", dict.fromkeys(LANGUAGES, "A sample") | {"es": "Una muestra"}),),
)


def lab_of(tmp_path, text=SAMPLE):
    path = tmp_path / "sample.py"
    path.write_text(text, encoding="utf-8")
    return parse_lab(path)


@pytest.fixture
def lab(tmp_path):
    return lab_of(tmp_path)


def cells_by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


# --- refusals ----------------------------------------------------------------------------------

CHECK = 'tick.value("vocabulary size", lambda: len(build_vocabulary(words)), marks=1)'
SORTED = "    return sorted(set(tokens))\n"

# (what to replace, its replacement, text of the line to be named, part of the message)
REFUSALS = {
    "no end marker": (
        '    ### END SOLUTION\n\n\n# %% role="check"',
        '\n\n# %% role="check"',
        "    ### BEGIN SOLUTION",
        "without its end marker",
    ),
    "no begin marker": (
        f"    ### BEGIN SOLUTION\n{SORTED}",
        SORTED,
        "    ### END SOLUTION",
        "without a '### BEGIN SOLUTION'",
    ),
    "nested solutions": (
        SORTED,
        f"    ### BEGIN SOLUTION\n{SORTED}",
        None,
        "begins inside the one of line 3",
    ),
    "misspelt marker": (
        f"    ### BEGIN SOLUTION\n{SORTED}",
        f"    # begin solution\n{SORTED}",
        "    # begin solution",
        "expected the marker",
    ),
    "empty solution": (SORTED, "    # nothing\n", "    ### BEGIN SOLUTION", "is empty"),
    "marker indented otherwise": (
        f"    ### BEGIN SOLUTION\n{SORTED}",
        f"### BEGIN SOLUTION\n{SORTED}",
        "### BEGIN SOLUTION",
        "indent the marker",
    ),
    "exercise without solution": (
        f"    ### BEGIN SOLUTION\n{SORTED}    ### END SOLUTION\n",
        SORTED,
        '# %% role="exercise" id="vocabulary"',
        "needs a solution",
    ),
    "solution in given code": (
        'words = "to',
        '### BEGIN SOLUTION\n### END SOLUTION\nwords = "to',
        "### BEGIN SOLUTION",
        "role given holds no solution",
    ),
    "two cells with one id": (
        'id="edge_check"',
        'id="codes_check"',
        '# %% role="check" id="codes_check" points=1.5',
        "'codes_check' is taken",
    ),
    "id of the front": ('id="encoder"', 'id="setup"', None, "'setup' is taken"),
    "id of a made cell": ('id="encoder"', 'id="vocabulary-header"', None, "is taken"),
    "no English twin": (
        '# %% [markdown] lang="en"\n# ## Model\n\n',
        "",
        '# %% [markdown] lang="es"\n# ## Modelo',
        "without its twin lang='en'",
    ),
    "no Spanish twin": (
        '# %% [markdown] lang="es"\n# ## Modelo\n\n',
        "",
        '# %% [markdown] lang="en"\n# ## Model',
        "without its twin lang='es'",
    ),
    "twins that differ": (
        'role="question" id="why" points=2 lang="en"',
        'role="question" id="why" points=3 lang="en"',
        '# %% [markdown] role="question" id="why" points=3',
        "same metadata",
    ),
    "exercise without check": (
        'id="codes_check" points=4',
        'id="codes_check" points=4 covers="codes"',
        '# %% role="exercise" id="encoder"',
        "no check covers the exercise 'encoder'",
    ),
    "unknown exercise covered": (
        'id="codes_check" points=4',
        'id="codes_check" points=4 covers="coder"',
        '# %% role="check" id="codes_check"',
        "no such exercise above",
    ),
    "check before any exercise": (
        "# %% [markdown] exercise",
        '# %% role="check" id="early" points=1\ntick.value("early", lambda: 1, marks=1)\n\n'
        "# %% [markdown] exercise",
        '# %% role="check" id="early"',
        "no exercise above",
    ),
    "stub that does not parse": (
        f"    ### BEGIN SOLUTION\n{SORTED}    ### END SOLUTION\n",
        "    return sorted(\n        ### BEGIN SOLUTION\n        set(tokens)\n"
        "        ### END SOLUTION\n    )\n",
        "        ### BEGIN SOLUTION",
        "stub does not parse",
    ),
    "solution in a string": (
        f"    ### BEGIN SOLUTION\n{SORTED}    ### END SOLUTION\n",
        '    return """\n    ### BEGIN SOLUTION\n    x\n    ### END SOLUTION\n    """\n',
        "    ### BEGIN SOLUTION",
        "where a statement can stand",
    ),
    "definition inside a solution": (
        "### BEGIN SOLUTION\ncodes =",
        "### BEGIN SOLUTION\ndef helper(x): return x\ncodes =",
        "def helper",
        "the stub lacks helper()",
    ),
    "unknown role": ('role="given"\nwords', 'role="gift"\nwords', None, "found 'gift'"),
    "code without role": ('# %% role="given"\nwords', "# %%\nwords", "# %%\n", "found none"),
    "prose with a code role": (
        '# %% [markdown] lang="es"\n# ## Vocabulario',
        '# %% [markdown] role="given" lang="es"\n# ## Vocabulario',
        '# %% [markdown] role="given"',
        "markdown cell is one of prose, question",
    ),
    "unknown key": (
        "points=4",
        "points=4 weight=2",
        '# %% role="check" id="codes_check"',
        "has no 'weight'",
    ),
    "key of another role": (
        'id="edge_check" points=1.5',
        'id="edge_check" points=1.5 minutes=4',
        '# %% role="check" id="edge_check"',
        "has no 'minutes'",
    ),
    "garbled metadata": (
        'id="edge_check" points=1.5',
        "id=edge_check points=1.5",
        '# %% role="check" id=edge_check',
        "expected metadata as",
    ),
    "check without points": (
        " points=1.5",
        "",
        '# %% role="check" id="edge_check"',
        "needs points",
    ),
    "points of zero": ("points=1.5", "points=0", None, "expected a number above 0"),
    "points in quotes": ("points=1.5", 'points="1.5"', None, "expected a number above 0"),
    "check without id": (' id="edge_check"', "", '# %% role="check" points=1.5', "needs id"),
    "exercise without minutes": (" minutes=20", "", None, "needs minutes"),
    "difficulty of five": ("difficulty=3", "difficulty=5", None, "expected 1, 2 or 3"),
    "id with a space": ('id="encoder"', 'id="en coder"', None, "of the characters A-Z a-z 0-9 _ -"),
    "id too long": ('id="encoder"', f'id="{"e" * 49}"', None, "1 to 48"),
    "unknown language": ('lang="es"\n# ## Modelo', 'lang="fr"\n# ## Modelo', None, "'es' or 'en'"),
    "prose without language": (
        '# %% [markdown] lang="es"\n# ## Modelo',
        "# %% [markdown]\n# ## Modelo",
        "# %% [markdown]\n",
        "needs lang",
    ),
    "raw cell": ('# %% role="given"\ntick', "# %% [raw]\n# tick", "# %% [raw]", "raw cells"),
    "check that is not lazy": (
        CHECK,
        'tick.value("vocabulary size", len(build_vocabulary(words)), marks=1)',
        'tick.value("vocabulary size"',
        "write 'lambda: ...'",
    ),
    "check with a named function": (
        CHECK,
        'tick.call("vocabulary size", build_vocabulary, cases=lambda rng: [([],)], marks=1)',
        'tick.call("vocabulary size"',
        "second argument of tick.call",
    ),
    "duplicate labels": ('"no words"', '"codes"', 'tick.value("codes"', "label 'codes' is taken"),
    "sum of marks": ("marks=2,", "marks=7,", '# %% role="check" id="vocabulary_check"', "sum to 8"),
    "sum of a group": ("tick.marks(4,", "tick.marks(3,", None, "points=4, but"),
    "marks inside a group": (
        "lambda: codes[0])",
        "lambda: codes[0], marks=1)",
        '    tick.value("first code"',
        "takes no marks= of its own",
    ),
    "hint in one language": (
        ', "en": "Is it sorted?"',
        "",
        '    hint={"es"',
        "hint= lacks 'en'",
    ),
    "hint as a text": (
        in_every_language('hint={"es": "¿Está ordenado?", "en": "Is it sorted?"}'),
        'hint="Is it sorted?"',
        '    hint="Is',
        "hint= lacks 'es'",
    ),
    "label in one language": (
        '"no words"',
        '{"en": "no words"}',
        'tick.value({"en": "no words"}',
        "the label lacks 'es': write one text for each language",
    ),
    "baseline in one language": (
        'tick.value("no words", lambda: Encoder([]).encode([]), marks=1.5)',
        'tick.metric("no words", lambda: [], truth=lambda: [], metric="rmse", marks=1.5,'
        ' baseline=({"en": "the mean"}, lambda: []))',
        'tick.metric("no words"',
        "the baseline's name lacks 'es': write one text for each language",
    ),
    "duplicate labels by language": (
        '"no words"',
        in_every_language('{"es": "claves", "en": "codes"}'),
        'tick.value({"es": "claves"',
        "label 'codes' is taken",
    ),
    "check outside a check cell": (
        "tick.summary()",
        'tick.value("extra", lambda: 1, marks=1)',
        'tick.value("extra"',
        "belongs in a check cell",
    ),
    "image of another site": (
        "# A vocabulary numbers the words.",
        "# A vocabulary numbers the words.\n# ![map](https://example.org/map.png)",
        "# ![map]",
        "image is on another site",
    ),
    "image as HTML": (
        "# A vocabulary numbers",
        '# <img width="4" src="//example.org/map.png">\n# A vocabulary numbers',
        "# <img",
        "image is on another site",
    ),
    "image by reference": (
        "# A vocabulary numbers",
        "# ![map][far]\n#\n# [far]: https://example.org/map.png\n# A vocabulary numbers",
        "# ![map]",
        "image is on another site",
    ),
    "question without text": (
        "# Why do we sort the vocabulary?\n",
        "",
        '# %% [markdown] role="question" id="why" points=2 lang="en"',
        "no text outside its answer",
    ),
    "code in prose": (
        "# A vocabulary numbers the words.\n",
        "# A vocabulary numbers the words.\n\nwidth = 3\n",
        "width = 3",
        "code in a prose cell",
    ),
    "cell marker of another format": (
        "tick.summary()",
        "x = 1\n\n# In[3]:\n\ntick.summary()",
        '# %% role="given"\nx = 1',
        "jupytext reads 2 cells here",
    ),
    "difficulty of 1.5": ("difficulty=3", "difficulty=1.5", None, "expected 1, 2 or 3"),
    "no minutes at all": ("minutes=20", "minutes=0", None, "a whole number above 0"),
    "magic": ("tick.summary()", "%timeit 1\ntick.summary()", "%timeit", "IPython magics"),
    "shell command": ("tick.summary()", "!ls\ntick.summary()", "!ls", "IPython magics"),
    "syntax error": ("words = ", "words == = ", "words == =", "not valid Python"),
    "block over two cells": (
        'words = "to be',
        'if True:\n# %% role="given"\n    words = "to be',
        "if True:",
        "not valid Python",
    ),
    "code above the first cell": (
        '# %% [markdown] lang="es"\n# ## Vocabulario',
        'import os\n# %% [markdown] lang="es"\n# ## Vocabulario',
        "import os",
        "above the first cell marker",
    ),
    "statement of a check": (
        '# %% role="check" id="edge_check"',
        in_every_language(
            '# %% [markdown] exercise="edge_check" lang="es"\n# Uno.\n\n'
            '# %% [markdown] exercise="edge_check" lang="en"\n# One.\n\n'
            '# %% role="check" id="edge_check"'
        ),
        '# %% [markdown] exercise="edge_check" lang="es"',
        "directly below its statement",
    ),
    "statement at the end": (
        "tick.summary()\n",
        in_every_language(
            'tick.summary()\n\n# %% [markdown] exercise="codes" lang="es"\n# Uno.\n\n'
            '# %% [markdown] exercise="codes" lang="en"\n# One.\n'
        ),
        '# %% [markdown] exercise="codes" lang="es"',
        "directly below its statement",
    ),
    "statement far from its exercise": (
        '# %% role="exercise" id="vocabulary"',
        '# %% role="given"\nlimit = 3\n\n# %% role="exercise" id="vocabulary"',
        '# %% [markdown] exercise="vocabulary" lang="es"',
        "directly below its statement",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_mistake_is_refused_with_its_file_and_line(name, tmp_path):
    old, new, place, part = REFUSALS[name]
    assert SAMPLE.count(old) >= 1
    text = SAMPLE.replace(old, new, 1)
    with pytest.raises(SourceError, match=re.escape(part)) as caught:
        lab_of(tmp_path, text)
    message = str(caught.value)
    start = re.match(rf"{re.escape(str(tmp_path / 'sample.py'))}:(\d+): ", message)
    assert start and "\n" not in message
    if place is not None:
        assert int(start[1]) == text[: text.index(place)].count("\n") + 1, message


def test_the_sample_itself_is_accepted(lab):
    assert [cell.role for cell in lab.cells].count("check") == 3


def test_the_example_for_authors_is_a_sound_lab(tmp_path):
    guide = Path(__file__).parents[2] / "docs" / "authoring.md"
    example = guide.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    lab = lab_of(tmp_path, in_every_language(example))
    assert {cell.role for cell in lab.cells} == {"prose", "given", "exercise", "check", "question"}
    assert verify_student_notebook(student_notebook(lab, "es", COURSE), lab) == []


def test_a_file_without_cells_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"sample.py:1: no cell found"):
        lab_of(tmp_path, "x = 1\n")


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the lab's source .*none\.py"):
        parse_lab(tmp_path / "none.py")


def test_a_source_of_another_encoding_is_named(tmp_path):
    path = tmp_path / "latin.py"
    path.write_bytes('# %% [markdown] lang="es"\n# año'.encode("latin-1"))
    with pytest.raises(UserError, match=r"latin\.py"):
        parse_lab(path)


def test_metadata_that_stops_jupytext_is_refused_with_its_line(tmp_path):
    text = SAMPLE.replace('role="given"\nwords', 'role="given" tags=[1]\nwords')
    line = text[: text.index("tags=[1]")].count("\n") + 1
    with pytest.raises(SourceError, match=rf"sample\.py:{line}: "):
        lab_of(tmp_path, text)


def test_an_image_in_the_lab_or_in_a_link_is_accepted(tmp_path):
    text = SAMPLE.replace(
        "# A vocabulary numbers",
        "# ![a](images/a.png) and [a site](https://example.org) numbers",
    )
    assert lab_of(tmp_path, text)


def test_a_label_by_language_is_a_label(tmp_path):
    titled = in_every_language('{"es": "sin palabras", "en": "no words"}')
    assert checks(lab_of(tmp_path, SAMPLE.replace('"no words"', titled)))["edge_check"] == 1.5


def test_computed_marks_and_labels_are_left_to_the_run(tmp_path):
    text = SAMPLE.replace(
        'tick.value("no words", lambda: Encoder([]).encode([]), marks=1.5)',
        'for n in range(3):\n    tick.value(f"size {n}", lambda: n, marks=0.5)',
    )
    assert checks(lab_of(tmp_path, text))["edge_check"] == 1.5


# --- reading -----------------------------------------------------------------------------------


def test_cells_are_those_that_jupytext_reads(lab):
    theirs = jupytext.reads(SAMPLE, fmt="py:percent").cells
    ours = [
        text for cell in lab.cells for text in ([cell.code] if cell.is_code else cell.text.values())
    ]
    assert ours == [cell.source for cell in theirs]


def test_a_marker_in_a_string_is_no_cell(tmp_path):
    text = SAMPLE.replace('words = "to', 'text = """\n# %% no cell\n"""\nwords = "to')
    assert "# %% no cell" in lab_of(tmp_path, text).cells[1].code


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path, lab):
    path = tmp_path / "sample.py"
    path.write_bytes(b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())
    assert parse_lab(path) == lab


def test_prose_in_a_string_is_read_and_its_mistakes_have_their_line(tmp_path):
    old = "# ## Model\n"
    text = SAMPLE.replace(old, '"""\n## Model\n\nMore.\n"""\n')
    assert section_of_check(lab_of(tmp_path, text))["codes_check"]["en"] == "Model"
    text = text.replace("More.", "![x](http://example.org/x.png)")
    line = text[: text.index("![x]")].count("\n") + 1
    with pytest.raises(SourceError, match=rf"sample\.py:{line}: "):
        lab_of(tmp_path, text)


def test_a_check_covers_the_exercises_since_the_check_before(lab):
    covers = {cell.id: cell.covers for cell in lab.of_role("check")}
    assert covers["vocabulary_check"] == ("vocabulary",)
    assert covers["codes_check"] == ("encoder", "codes")
    assert covers["edge_check"] == ("encoder", "codes")


def test_a_check_covers_the_exercises_that_it_names(tmp_path):
    text = SAMPLE.replace("points=1.5", 'points=1.5 covers="vocabulary, codes, codes"')
    assert lab_of(tmp_path, text).of_role("check")[-1].covers == ("vocabulary", "codes")


def test_points_are_listed_in_order_and_summed(lab):
    assert list(checks(lab).items()) == [
        ("vocabulary_check", 3),
        ("codes_check", 4),
        ("edge_check", 1.5),
    ]
    assert questions(lab) == {"why": 2}
    assert total_points(lab) == 10.5


def test_the_section_of_a_check_is_the_last_heading_of_level_two_above_it(tmp_path):
    text = SAMPLE.replace(
        "# ## Model\n", "# ## Model\n#\n# ### Detail\n#\n# ```\n# ## no heading\n# ```\n"
    )
    sections = section_of_check(lab_of(tmp_path, text))
    assert sections["vocabulary_check"] == dict.fromkeys(LANGUAGES, "Vocabulary") | {
        "es": "Vocabulario"
    }
    assert sections["edge_check"] == dict.fromkeys(LANGUAGES, "Model") | {"es": "Modelo"}


def test_the_hash_follows_the_code_and_not_the_prose(tmp_path, lab):
    prose = lab_of(tmp_path, SAMPLE.replace("numbers the words", "gives each word a number"))
    code = lab_of(tmp_path, SAMPLE.replace("or not to be", "or not"))
    assert solution_hash(prose) == solution_hash(lab) != solution_hash(code)


# --- notebooks ---------------------------------------------------------------------------------


def test_the_same_source_gives_the_same_bytes(tmp_path, lab):
    again = lab_of(tmp_path)
    for lang in LANGUAGES:
        text = render(student_notebook(lab, lang, COURSE))
        assert text == render(student_notebook(again, lang, COURSE))
        assert text.endswith("}\n")
        assert render(nbformat.reads(text, as_version=4)) == text


@pytest.mark.parametrize("make", [instructor_notebook, student_notebook])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_notebooks_are_valid_for_nbformat_and_nbgrader(make, lang, lab):
    notebook = make(lab, lang, COURSE)
    nbformat.validate(notebook)
    assert len(cells_by_id(notebook)) == len(notebook.cells)
    MetadataValidator().validate_nb(notebook)
    assert notebook.metadata.dl == {"lab": "sample", "lang": lang, "format": 1}


def test_both_languages_have_the_same_cells_but_for_prose_and_what_stubs_say(lab):
    spanish, english = (student_notebook(lab, lang, COURSE) for lang in ("es", "en"))
    assert [(c.id, c.metadata) for c in spanish.cells] == [
        (c.id, c.metadata) for c in english.cells
    ]
    for es, en in zip(spanish.cells, english.cells, strict=True):
        if es.cell_type == "code" and es.id != "setup":
            told = es.source.replace('("Completa esta celda")', '("Complete this cell")')
            assert told.replace('("Completa ', '("Complete ') == en.source
        else:
            assert es.source != en.source


def test_a_notebook_opens_with_badge_setup_declaration_and_identity(lab):
    header, setup, declaration, identity = student_notebook(lab, "es", COURSE).cells[:4]
    assert f"]({colab_url(COURSE, 'sample', 'es')})" in header.source
    assert "![" not in header.source
    for text in ("Una muestra", "Deep Learning", "Your University", "2026-27"):
        assert text in header.source
    assert setup.metadata.nbgrader.locked
    assert "declaro" in declaration.source
    assert identity.source == IDENTITY
    assert identity.metadata.nbgrader.grade_id == "identity"
    assert identity.metadata.nbgrader.solution and not identity.metadata.nbgrader.grade


def test_the_badge_leads_to_the_notebook_in_its_language():
    assert colab_url(COURSE, "sample", "en") == (
        "https://colab.research.google.com/github/org/course/blob/main/notebooks/en/sample.ipynb"
    )


def test_setup_begins_the_lab_and_names_the_kit_it_was_built_beside(lab):
    setup = cells_by_id(student_notebook(lab, "en", COURSE))["setup"].source
    version = solution_hash(lab)[:12]
    assert f'tick.start("sample", lang="en", version="{version}")' in setup
    assert 'KIT, TAG, COMMIT = "https://github.com/org/course.git", "main", ""' in setup


def test_the_roles_become_nbgrader_metadata(lab):
    cells = cells_by_id(student_notebook(lab, "en", COURSE))
    flags = {
        cell_id: (meta.grade, meta.solution, meta.locked, meta.get("points"))
        for cell_id, cell in cells.items()
        if (meta := cell.metadata.get("nbgrader"))
    }
    assert flags == {
        "setup": (False, False, True, None),
        "hand_in": (False, False, True, None),
        "identity": (False, True, False, None),
        "start-given-1": (False, False, True, None),
        "vocabulary": (False, True, False, None),
        "vocabulary_check": (True, False, True, 3),
        "encoder": (False, True, False, None),
        "codes": (False, True, False, None),
        "codes_check": (True, False, True, 4),
        "edge_check": (True, False, True, 1.5),
        "why-text": (False, False, True, None),
        "why": (True, True, False, 2),
        "why-given-1": (False, False, True, None),
    }
    assert all(cells[name].metadata.nbgrader.grade_id == name for name in flags)


def test_an_exercise_opens_with_title_difficulty_minutes_and_marks(lab):
    ids = [cell.id for cell in student_notebook(lab, "en", COURSE).cells]
    start = ids.index("vocabulary-header")
    assert ids[start : start + 3] == ["vocabulary-header", "start-prose-2", "vocabulary"]
    english = cells_by_id(student_notebook(lab, "en", COURSE))
    spanish = cells_by_id(student_notebook(lab, "es", COURSE))
    assert english["vocabulary-header"].source == "### Exercise 1 · Words — ★☆☆ · 5 min · 3 marks"
    assert spanish["codes-header"].source == (
        "### Ejercicio 3 · Códigos — ★★☆ · 10 min · 5.5 puntos (5.5 en común con el ejercicio 2)"
    )


def test_a_question_keeps_its_text_above_the_answer(lab):
    instructor = cells_by_id(instructor_notebook(lab, "en", COURSE))
    student = cells_by_id(student_notebook(lab, "en", COURSE))
    assert "same in every run" in instructor["why"].source
    assert student["why-text"].source == (
        "### Question 1 · 2 marks\n\nWhy do we sort the vocabulary?"
    )
    assert student["why"].source == "*Your answer here*"
    assert "same in every run" not in render(student_notebook(lab, "en", COURSE))


def test_a_question_needs_no_model_answer(tmp_path):
    text = re.sub(r"#\n# ### BEGIN SOLUTION\n# .*\n# ### END SOLUTION\n", "", SAMPLE)
    notebook = instructor_notebook(lab_of(tmp_path, text), "es", COURSE)
    assert cells_by_id(notebook)["why"].source == "*Escribe aquí tu respuesta*"


def test_ids_survive_edited_prose_and_cells_added_elsewhere(tmp_path, lab):
    before = [cell.id for cell in student_notebook(lab, "en", COURSE).cells]
    edited = SAMPLE.replace("# ## Model\n", "# ## Networks\n# More.\n")
    ids = [cell.id for cell in student_notebook(lab_of(tmp_path, edited), "en", COURSE).cells]
    assert ids == before
    prose = in_every_language(
        '# %% [markdown] lang="es"\n# Fin.\n\n# %% [markdown] lang="en"\n# End.\n'
    )
    added = SAMPLE.replace(
        '# %% role="check" id="edge_check"',
        f'{prose}\n# %% role="given"\nlimit = 1\n\n# %% role="check" id="edge_check"',
    )
    ids = [cell.id for cell in student_notebook(lab_of(tmp_path, added), "en", COURSE).cells]
    assert [name for name in ids if name in before] == before
    assert set(ids) - set(before) == {"codes_check-prose-1", "codes_check-given-1"}


def test_a_lab_that_the_course_does_not_title_is_refused(lab):
    untitled = replace(COURSE, labs=(LabInfo("sample", {"es": "Una muestra"}),))
    with pytest.raises(UserError, match=r"no title in 'en' for the lab sample"):
        student_notebook(lab, "en", untitled)


# --- stubs -------------------------------------------------------------------------------------


def test_a_stub_names_what_to_complete(lab):
    cells = cells_by_id(student_notebook(lab, "en", COURSE))
    assert cells["vocabulary"].source == (
        "def build_vocabulary(tokens: list[str]) -> list[str]:\n"
        '    """Return the distinct tokens, sorted."""\n'
        '    raise NotImplementedError("Complete build_vocabulary()")'
    )
    assert re.findall(r"Complete [^\"]*", cells["encoder"].source) == [
        "Complete Encoder.__init__()",
        "Complete Encoder.encode()",
    ]
    assert cells["codes"].source == (
        'vocabulary = build_vocabulary(words)\nraise NotImplementedError("Complete this cell")'
    )


def test_a_stub_speaks_the_language_of_its_notebook(lab):
    cells = cells_by_id(student_notebook(lab, "es", COURSE))
    assert 'raise NotImplementedError("Completa build_vocabulary()")' in cells["vocabulary"].source
    assert 'raise NotImplementedError("Completa esta celda")' in cells["codes"].source


def test_a_function_inside_a_function_is_named_by_both():
    source = """\
def outer():
    async def inner():
        ### BEGIN SOLUTION
        pass
        ### END SOLUTION
    return inner"""
    assert 'raise NotImplementedError("Complete outer.inner()")\n    return' in stub(source, "en")


def test_a_helper_inside_a_solution_inside_a_function_may_vanish():
    source = """\
def f(x):
    ### BEGIN SOLUTION
    def g(y):
        return y
    return g(x)
    ### END SOLUTION"""
    assert "def g" not in stub(source, "en")


def test_a_cell_without_a_solution_is_its_own_stub():
    assert stub("%matplotlib inline", "en") == "%matplotlib inline"


names = st.sampled_from(["clean", "forward", "encode_batch", "__init__", "perplexity"])
parameters = st.sampled_from(
    ["", "x", "x, /, y=1", "*args, scale: float = 0.5", "x: int, *, key=None, **rest"]
)
bodies = st.lists(
    st.sampled_from(
        ["ANSWER = 1", "if True:\n    ANSWER = 2", "return ANSWER", "for i in range(3):\n    pass"]
    ),
    min_size=1,
    max_size=3,
)


def indented(text, depth):
    return "\n".join("    " * depth + line for line in text.split("\n"))


@st.composite
def functions(draw, depth):
    before = draw(st.sampled_from(["", '"""Doc."""', "start = 0", "# a hint"]))
    after = draw(st.sampled_from(["", "return start", "pass"]))
    region = ["### BEGIN SOLUTION", *draw(bodies), "### END SOLUTION"]
    body = [part for part in (before, *region, after) if part]
    header = f"{draw(st.sampled_from(['', 'async ']))}def {draw(names)}({draw(parameters)}):"
    return indented("\n".join([header, indented("\n".join(body), 1)]), depth)


@st.composite
def cells(draw):
    parts = []
    for number in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            parts.append(draw(functions(0)))
        else:
            methods = draw(st.lists(functions(1), min_size=1, max_size=2))
            parts.append("\n\n".join([f"class Model{number}(object):", *methods]))
    return "\n\n\n".join(parts)


def signatures(node, path=""):
    """The definitions of a module or class as text, written apart from the code under test."""
    found = []
    for child in node.body:
        if isinstance(child, ast.ClassDef):
            found.append(f"class {path}{child.name}({ast.unparse(child.bases)})")
            found += signatures(child, f"{path}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(f"{path}{child.name}({ast.unparse(child.args)})")
    return found


@given(cells())
def test_a_stub_parses_and_keeps_every_name_and_signature(source):
    stubbed = stub(source, "en")
    tree = ast.parse(stubbed)
    assert signatures(tree) == signatures(ast.parse(source))
    assert "SOLUTION" not in stubbed and "ANSWER" not in stubbed
    assert stubbed.count("raise NotImplementedError(") == source.count("### BEGIN SOLUTION")
    assert stub(stubbed, "en") == stubbed


@given(parameters.filter(lambda text: text in ("", "*args, scale: float = 0.5")), bodies)
def test_calling_a_stub_raises_with_its_name(arguments, body):
    source = "\n".join(
        [
            f"def clean({arguments}):",
            indented("\n".join(["### BEGIN SOLUTION", *body, "### END SOLUTION"]), 1),
        ]
    )
    namespace: dict = {}
    exec(stub(source, "en"), namespace)
    with pytest.raises(NotImplementedError, match=r"^Complete clean\(\)$"):
        namespace["clean"]()


@given(st.lists(st.sampled_from(["### BEGIN SOLUTION", "### END SOLUTION", "x = 1"]), max_size=8))
def test_unbalanced_markers_never_pass(lines):
    marks = [line for line in lines if line != "x = 1"]
    balanced = all(
        mark == ("### BEGIN SOLUTION", "### END SOLUTION")[i % 2] for i, mark in enumerate(marks)
    )
    try:
        found = stubs.regions("\n".join(lines))
    except stubs.Mistake:
        assert not balanced or len(marks) % 2
    else:
        assert balanced and len(found) * 2 == len(marks)


# --- sound student notebooks -------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_student_notebook_is_sound_and_an_instructor_notebook_is_not(lang, lab):
    assert verify_student_notebook(student_notebook(lab, lang, COURSE), lab) == []
    problems = "\n".join(verify_student_notebook(instructor_notebook(lab, lang, COURSE), lab))
    for part in ("marker is left", "'codes' does not differ", "'why' is not as students"):
        assert part in problems


@pytest.mark.parametrize(
    ("cell_id", "change", "part"),
    [
        ("codes_check", {"outputs": [nbformat.v4.new_output("stream", text="✓")]}, "an output"),
        ("codes_check", {"execution_count": 3}, "execution count"),
        ("start-given-1", {"source": "words = ("}, "does not parse"),
        ("start-given-1", {"source": "%ls"}, "does not parse"),
        ("codes", {"source": "codes = [1]"}, "'codes' is not as students"),
        ("identity", {"source": IDENTITY.replace('""', '"ada"', 1)}, "'identity' is not as"),
        ("why", {"source": "So that they stay."}, "'why' is not as students"),
        ("why", {"id": "other"}, "'why' is missing"),
        ("start-prose-1", {"source": "### BEGIN SOLUTION"}, "marker is left"),
    ],
)
def test_an_unsound_student_notebook_says_what_is_wrong(cell_id, change, part, lab):
    notebook = student_notebook(lab, "en", COURSE)
    cells_by_id(notebook)[cell_id].update(change)
    problems = verify_student_notebook(notebook, lab)
    assert len(problems) == 1 and part in problems[0]


def test_a_notebook_of_no_language_is_unsound(lab):
    notebook = student_notebook(lab, "en", COURSE)
    del notebook.metadata["dl"]
    assert "language is ''" in verify_student_notebook(notebook, lab)[-1]


# --- nbgrader ----------------------------------------------------------------------------------


class ClearWithStubs(ClearSolutions):
    def preprocess(self, nb, resources):
        return clear_solutions(nb), resources


def test_clearing_leaves_the_instructor_notebook_as_it_is(lab):
    notebook = instructor_notebook(lab, "en", COURSE)
    before = copy.deepcopy(notebook)
    clear_solutions(notebook)
    assert notebook == before


@pytest.mark.kernels
@pytest.mark.parametrize("lang", ["es", pytest.param("en", marks=pytest.mark.heavy)])
def test_nbgrader_releases_the_student_notebook(lang, lab, tmp_path, monkeypatch):
    # nbgrader calls alembic by name, and a virtual environment need not be active
    scripts = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([scripts, os.environ["PATH"]]))
    folder = tmp_path / "course" / "source" / "sample"
    folder.mkdir(parents=True)
    (folder / "sample.ipynb").write_text(
        render(instructor_notebook(lab, lang, COURSE)), encoding="utf-8"
    )
    config = Config()
    config.CourseDirectory.root = str(tmp_path / "course")
    config.GenerateAssignment.preprocessors = [
        ClearWithStubs if item is ClearSolutions else item
        for item in GenerateAssignment.class_traits()["preprocessors"].default()
    ]
    result = NbGraderAPI(config=config).generate_assignment("sample")
    assert result["success"], result.get("log")
    released = nbformat.read(
        tmp_path / "course" / "release" / "sample" / "sample.ipynb", as_version=4
    )
    ours = student_notebook(lab, lang, COURSE)
    assert [(c.id, c.cell_type, c.source) for c in released.cells] == [
        (c.id, c.cell_type, c.source) for c in ours.cells
    ]
    for theirs, cell in zip(released.cells, ours.cells, strict=True):
        for made in ("checksum", "cell_type"):
            theirs.metadata.get("nbgrader", {}).pop(made, None)
        assert theirs.metadata == cell.metadata
    assert verify_student_notebook(released, lab) == []
