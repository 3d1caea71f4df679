"""Every language of the course is complete, and each notebook keeps to its own."""

import ast
import json
import pickle
import re
import shutil
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

import grading
import utils.language
from grading.answers.decoding import MalformedEvidence, label_of
from grading.answers.evidence import Answer
from grading.answers.reasons import reason_of_exception
from grading.authoring import Lab, parse_lab, student_notebook
from grading.course.config import LANGUAGES, load_course
from grading.errors import UserError
from grading.messages import STRINGS, Reason, message
from tests import mini
from tests.twins import in_every_language

PACKAGE = Path(grading.__file__).parent
ROOT = PACKAGE.parent
FOLDERS = {"grading": STRINGS, "utils": utils.language.STRINGS}
SPEAKERS = {
    "grading": ("grading", "utils", "docs"),
    "utils": ("utils", "data"),
}  # who names what is said
COURSE = load_course(ROOT)
LABS = [info.name for info in COURSE.labs]

Strings = dict[str, dict[str, Any]]


def strings(lang: str, package: str = "grading") -> Strings:
    return tomllib.loads((FOLDERS[package] / f"{lang}.toml").read_text(encoding="utf-8"))


# --- the files of strings ----------------------------------------------------------------------


def gaps(table: Strings) -> dict[str, set[str]]:
    """The names in braces of every sentence, by its key."""
    return {
        f"{section}.{key}": {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}
        for section, sentences in table.items()
        for key, text in sentences.items()
    }


def differences(one: Strings, other: Strings) -> list[str]:
    """The keys that only one of two files has, or that are filled in with other values."""
    left, right = gaps(one), gaps(other)
    return sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))


@pytest.mark.parametrize("package", FOLDERS)
@pytest.mark.parametrize("lang", LANGUAGES[1:])
def test_every_file_of_strings_has_the_same_sentences_with_the_same_gaps(
    lang: str, package: str
) -> None:
    assert differences(strings(LANGUAGES[0], package), strings(lang, package)) == []


def test_the_kit_and_what_it_uses_speak_the_same_languages() -> None:
    assert set(utils.language.languages(utils.language.STRINGS)) == set(LANGUAGES)


def test_a_missing_an_added_and_a_refilled_sentence_are_found() -> None:
    one = {"a": {"x": "{count} x", "y": "y"}}
    other = {"a": {"x": "x {total}", "z": "z"}}
    assert differences(one, other) == ["a.x", "a.y", "a.z"]
    assert differences(one, one) == []


def test_every_language_says_what_it_is() -> None:
    about = [strings(lang)["language"] for lang in LANGUAGES]
    assert all(table.keys() == {"name", "order", "alphabet", "common"} for table in about)
    assert [table["order"] for table in about] == list(range(1, len(about) + 1))
    words = [word for table in about for word in set(table["common"].split())]
    assert len(words) == len(set(words)), "a word common to two languages tells none of them"


def test_a_course_in_a_language_without_strings_is_refused(tmp_path: Path) -> None:
    text = mini.COURSE.replace('language = "en"', 'language = "tlh"')
    (tmp_path / "course.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"'tlh'; expected one of: es \(Español\), en \(English\)"):
        load_course(tmp_path)


# --- the sentences and the code ----------------------------------------------------------------

KEY = re.compile(r"([a-z_]+)\.([a-z_]+)")
SAYING = {"t": "report", "NotEvidence": "not_evidence"}  # calls that name a sentence of a section
FILES = ("css", "html", "js", "json", "secret")  # report.html is no sentence


@cache
def constants(package: str) -> tuple[set[str], set[str], list[re.Pattern[str]]]:
    """What the code says: keys of sentences, all words, and patterns of keys made from words."""
    keys, words, patterns = set(), set(), []
    sections = set(strings(LANGUAGES[0], package))
    for path in (path for name in SPEAKERS[package] for path in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(part.value) if isinstance(part, ast.Constant) else "(.+)"
                    for part in node.values
                ]
                patterns.append(re.compile("".join(parts)))
            elif isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", "")
                first = node.args[0]
                if name in SAYING and isinstance(first, ast.Constant):
                    keys.add(f"{SAYING[name]}.{first.value}")
    for path in (ROOT / package).rglob("templates/*.html"):
        text = path.read_text(encoding="utf-8")
        keys |= {f"report.{name}" for name in re.findall(r'\bt\("(\w+)"', text)}
        words |= set(re.findall(r'"(\w+)"', text))
    keys |= {
        word
        for word in words
        if (found := KEY.fullmatch(word)) and found[1] in sections and found[2] not in FILES
    }
    starts = tuple(rf"{section}\." for section in sections)
    return keys, words, [p for p in patterns if p.pattern.startswith(starts)]


def is_said(key: str, package: str) -> bool:
    """Whether some code says a sentence."""
    keys, words, patterns = constants(package)
    key = key.removesuffix("_one")  # said for the other where it counts a single thing
    return key in keys or any(
        found and set(found.groups()) <= words
        for found in (pattern.fullmatch(key) for pattern in patterns)
    )


@pytest.mark.parametrize("package", FOLDERS)
def test_every_sentence_that_code_says_is_written(package: str) -> None:
    keys, _, _ = constants(package)
    assert len(keys) > 100
    assert keys - gaps(strings(LANGUAGES[0], package)).keys() == set()


@pytest.mark.parametrize("package", FOLDERS)
def test_every_sentence_is_said(package: str) -> None:
    written = gaps({k: v for k, v in strings(LANGUAGES[0], package).items() if k != "language"})
    assert [key for key in written if not is_said(key, package)] == []


def test_a_sentence_that_nothing_says_is_noticed() -> None:
    assert not is_said("tick.of_no_use", "grading")
    assert not is_said("plot.of_no_use", "utils")


# --- sentences ---------------------------------------------------------------------------------


def test_one_mark_is_singular() -> None:
    values = {"label": "size", "earned": "0", "why": "why"}
    assert message("judged.lost", "en", marks="1", **values) == "✗ size: 0 of 1 mark: why"
    assert message("judged.lost", "es", marks="1", **values) == "✗ size: 0 de 1 punto: why"
    assert message("judged.lost", "es", marks="2", **values) == "✗ size: 0 de 2 puntos: why"


@pytest.mark.parametrize(
    ("left", "english", "spanish"),
    [
        ("dtype: float128", "found dtype float128", "hay dtype float128"),
        ("key: ", "found a float", "hay un número real"),
        ("tick.key: x", "tick.key: x", "tick.key: x"),  # what a submission may make up
        ("nonsense: {0.lang}", "nonsense: {0.lang}", "nonsense: {0.lang}"),
    ],
)
def test_a_value_that_is_no_evidence_is_said_in_both(left: str, english: str, spanish: str) -> None:
    reason = reason_of_exception(Answer(raised="NotEvidence", message=left))
    assert english in reason.text("en") and spanish in reason.text("es")


def test_a_disturbed_run_is_said_in_both() -> None:
    cause = Reason("cause.flood", {"megabytes": "16"})
    values = {"cell": 2, "cause": cause, "rest": Reason("run.rest")}
    flag = Reason("flag.unexpected", {"detail": Reason("run.killed", values)})
    assert flag.text("en") == (
        "the run was disturbed: the kernel was killed in cell 2: it sent more than 16 MB; "
        "the cells after it were not run"
    )
    assert flag.text("es") == (
        "la ejecución tuvo un contratiempo: se cerró el kernel en la celda 2: "
        "envió más de 16 MB; las celdas siguientes no se ejecutaron"
    )


def test_malformed_evidence_is_said_in_both() -> None:
    with pytest.raises(MalformedEvidence) as caught:
        label_of({"label": 3})
    reason = Reason("reason.malformed", {"detail": caught.value.reason})
    assert reason.text("en") == (
        "the evidence is malformed: expected a label of 1 to 200 characters, found 3"
    )
    assert reason.text("es") == (
        "la evidencia está mal formada: se esperaba un nombre de 1 a 200 caracteres, hay 3"
    )


def test_an_error_keeps_its_languages_on_its_way_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(UserError(Reason("unreadable.empty"))))
    assert str(error) == "not a notebook: the file is empty"
    assert error.text("es") == "no es un cuaderno: el fichero está vacío"
    assert UserError("as it is").text("es") == "as it is"


# --- the labs ----------------------------------------------------------------------------------


@cache
def lab_of(name: str) -> Lab:
    return parse_lab(ROOT / "notebooks" / "source" / name)


def built(name: str, lang: str) -> Path:
    return ROOT / "notebooks" / lang / f"{name}.ipynb"


@pytest.mark.parametrize("name", LABS)
def test_every_lab_is_there_in_every_language(name: str) -> None:
    assert COURSE.lab(name).title.keys() == set(LANGUAGES)
    for cell in lab_of(name).cells:  # parsing refuses a missing twin; this names any other gap
        assert cell.text.keys() == set(LANGUAGES)
        assert cell.role != "exercise" or all(cell.title[lang].strip() for lang in LANGUAGES)
    for lang in LANGUAGES:
        assert nbformat.read(built(name, lang), 4).metadata.dl.lang == lang


def test_every_built_notebook_is_of_a_language_and_a_lab_that_exist() -> None:
    folders = {path.parent.name: path.stem for path in ROOT.glob("notebooks/*/*.ipynb")}
    assert folders.keys() == set(LANGUAGES)
    assert {path.stem for path in ROOT.glob("notebooks/*/*.ipynb")} <= set(LABS)


# --- text in the wrong language ----------------------------------------------------------------

# Code, formulas, links and what is quoted or set in italics may be in any language, and so may the
# works that a list cites by author and year.
ANY_LANGUAGE = re.compile(
    r"^- [^\n]*\(\d{4}\w?\)\.[^\n]*(?:\n  .*)*"
    r"|```[\s\S]*?```|`[^`]*`|\$\$[\s\S]*?\$\$|\$[^$]*\$"
    r"|<[^>]*>|\]\([^)]*\)|https?://\S+|«[^»]*»|“[^”]*”|\"[^\"\n]*\"|(?<!\*)\*[^*\n]+\*(?!\*)",
    re.MULTILINE,
)
COMMON = {lang: frozenset(strings(lang)["language"]["common"].split()) for lang in LANGUAGES}


def foreign(text: str, lang: str) -> list[str]:
    """The paragraphs of a text with more of the common words of another language than its own's."""
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=[-|] )", ANY_LANGUAGE.sub(" ", text)):
        words = re.findall(r"[^\W\d_]+", paragraph.lower())
        count = {name: sum(word in common for word in words) for name, common in COMMON.items()}
        if any(count[name] > count[lang] for name in LANGUAGES):
            found.append(" ".join(paragraph.split()))
    return found


def prose(name: str, lang: str) -> str:
    cells = nbformat.read(built(name, lang), 4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", LABS)
def test_a_notebook_keeps_to_its_language(name: str, lang: str) -> None:
    assert foreign(prose(name, lang), lang) == []


@pytest.mark.parametrize("name", LABS)
def test_of_a_whole_lab_in_the_other_language_hardly_anything_escapes(name: str) -> None:
    for lang, other in (LANGUAGES[:2], LANGUAGES[1::-1]):
        text = prose(name, other)
        long = [p for p in re.split(r"\n\s*\n", ANY_LANGUAGE.sub(" ", text)) if len(p) > 80]
        noticed = [p for p in long if foreign(p, lang)]
        assert len(noticed) >= 0.97 * len(long) > 20


@pytest.mark.parametrize(
    ("text", "lang", "noticed"),
    [
        ("## The softmax", "es", True),
        ("## La softmax", "en", True),
        ("Una capa **densa**.\n\nThis is the second paragraph.", "es", True),
        ("- Mide la pérdida.\n- Plot the loss of each epoch.", "es", True),
        ("En inglés se llama *the vanishing gradient*, «in the limit», `the = 1`.", "es", False),
        (
            "- Baldi (1989). Learning from examples without\n  local minima, and the rest.",
            "es",
            False,
        ),
        ("The network of Elman ($y = la + el$).", "en", False),
    ],
)
def test_a_text_in_the_wrong_language_is_noticed(text: str, lang: str, noticed: bool) -> None:
    assert bool(foreign(text, lang)) == noticed


def hints(code: str) -> Iterator[dict[str, str]]:
    """The hints that a cell's checks have, by language."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            yield ast.literal_eval(node.value)


@pytest.mark.parametrize("name", LABS)
def test_hints_are_in_the_language_they_say(name: str) -> None:
    found = [hint for cell in lab_of(name).of_role("check") for hint in hints(cell.code)]
    assert found
    for hint in found:
        assert hint.keys() == set(LANGUAGES)
        assert [foreign(text, lang) for lang, text in hint.items()] == [[]] * len(LANGUAGES)


def test_hints_the_wrong_way_round_are_noticed() -> None:
    (hint,) = hints('f(hint={"es": "Is the sum over each row?", "en": "¿Suma por cada fila?"})')
    assert foreign(hint["es"], "es") and foreign(hint["en"], "en")


# --- numbers -----------------------------------------------------------------------------------

# In every language the decimal sign is a point and thousands are set apart by a space or not at
# all, as the notebooks' code prints numbers. In code and formulas a comma separates, and so it does
# in a tuple; `{,}` is how LaTeX sets a comma that does not.
SEPARATED = re.compile(
    r"```[\s\S]*?```|`[^`]*`|\$\$[\s\S]*?\$\$|\$[^$]*\$|\]\([^)]*\)|https?://\S+"
    r"|[(\[]-?\d+(?:, *-?\d+)*,?[)\]]"
)


def decimal_commas(text: str) -> list[str]:
    """The lines of a text in which a number is written with a comma."""
    kept = SEPARATED.sub(lambda found: re.sub(r"(?<!\{),", " ", found[0]), text)
    return [
        line
        for line, looked_at in zip(text.split("\n"), kept.split("\n"), strict=True)
        if re.search(r"\d(?:,|\{,\})\d", looked_at)
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("package", FOLDERS)
def test_sentences_write_numbers_with_a_point(package: str, lang: str) -> None:
    assert decimal_commas((FOLDERS[package] / f"{lang}.toml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", ["README.md", "docs/student.md"])
def test_pages_write_numbers_with_a_point(page: str) -> None:
    assert decimal_commas((ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", LABS)
def test_a_notebook_writes_numbers_with_a_point(name: str, lang: str) -> None:
    said = [hint[lang] for cell in lab_of(name).of_role("check") for hint in hints(cell.code)]
    assert decimal_commas("\n".join([prose(name, lang), *said])) == []


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ("Baja a 0,5 en la época 3.", True),
        ("Un 1,2 % de error, (8,03 con más palabras)", True),
        ("There are 29,000 pairs.", True),
        ("Una tasa de $\\alpha = 0{,}6$.", True),
        ("Baja a 0.5, 3 veces menos; 29 000 pares, 1,\n2", False),
        ("El elemento (1,2) de `x[3,4]` y de $W_{1,2}$, con forma [5,6,].", False),
        ("```\nf(1.0,2.0)\n```", False),
    ],
)
def test_a_decimal_comma_is_noticed(text: str, noticed: bool) -> None:
    assert bool(decimal_commas(text)) == noticed


# --- another language --------------------------------------------------------------------------

BUILD = """
import json
from pathlib import Path

from grading.authoring import parse_lab, render, student_notebook, verify_student_notebook
from grading.course.config import LANGUAGES, load_course
from grading.session.outcomes import Outcome, Verdict
from grading.session.scorecard import render_outcome
from utils import language

course = load_course(Path())
lab = parse_lab(Path("notebooks/source/mini.py"))
notebooks = {lang: student_notebook(lab, lang, course) for lang in LANGUAGES}
assert not [line for made in notebooks.values() for line in verify_student_notebook(made, lab)]
tick = render_outcome(Outcome("size", 1, Verdict.PASSED), "xx", "quick")[0]
language.use("xx")
axis = language.sentence("plot.epoch")
rendered = {lang: render(nb) for lang, nb in notebooks.items()}
print(json.dumps({"tick": tick, "axis": axis, "notebooks": rendered}))
"""


@pytest.fixture(scope="module")
def galician(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A course in three languages: two more files of strings, a title and the cells of a lab."""
    root = tmp_path_factory.mktemp("course")
    for package in ("grading", "utils", "data"):
        ignored = shutil.ignore_patterns("__pycache__", "keys")
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    mini.make_course(root)
    text = (STRINGS / "es.toml").read_text(encoding="utf-8")
    for old, new in (
        ('name = "Español"', 'name = "Galego"'),
        ("order = 1", f"order = {len(LANGUAGES) + 1}"),
        ("### Ejercicio", "### Exercicio"),
        ("Escribe aquí tu respuesta", "Escribe aquí a túa resposta"),
        ("{earned} de {marks} punto", "{earned} de {marks} punto galego"),
    ):
        assert old in text
        text = text.replace(old, new)
    (root / "grading" / "strings" / "xx.toml").write_text(text, encoding="utf-8")
    said = (FOLDERS["utils"] / "es.toml").read_text(encoding="utf-8")
    said = said.replace('epoch = "época"', 'epoch = "época galega"')
    (root / "utils" / "strings" / "xx.toml").write_text(said, encoding="utf-8")
    source = in_every_language(mini.SOURCE, ["xx"])
    source = source.replace('title_xx="Double"', 'title_xx="O dobre"')
    (root / "notebooks" / "source" / "mini.py").write_text(source, encoding="utf-8")
    listed = in_every_language(mini.COURSE, ["xx"]).replace('xx = "Mini"', 'xx = "Somas"')
    (root / "course.toml").write_text(listed, encoding="utf-8")
    (root / "build.py").write_text(BUILD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "build.py"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_another_language_needs_only_its_strings_its_cells_and_a_title(
    galician: dict[str, Any],
) -> None:
    assert galician["notebooks"].keys() == {*LANGUAGES, "xx"}
    notebook = nbformat.reads(galician["notebooks"]["xx"], as_version=4)
    cells = {cell.id: cell.source for cell in notebook.cells}
    assert notebook.metadata.dl.lang == "xx"
    assert "# Somas" in cells["header"] and "/notebooks/xx/" in cells["header"]
    assert cells["double-header"].startswith("### Exercicio 1 · O dobre")
    assert cells["why"] == "*Escribe aquí a túa resposta*"
    assert '"xx": "Multiply by two."' in cells["check-double"]
    assert galician["tick"] == "✓ size: 1 de 1 punto galego"
    assert galician["axis"] == "época galega"


def test_another_language_changes_nothing_in_the_others(
    galician: dict[str, Any], tmp_path: Path
) -> None:
    course = mini.make_course(tmp_path)
    lab = parse_lab(tmp_path / "notebooks" / "source" / "mini.py")
    for lang in LANGUAGES:
        before = student_notebook(lab, lang, course)
        after = nbformat.reads(galician["notebooks"][lang], as_version=4)
        assert markdown(after) == markdown(before)


def markdown(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
