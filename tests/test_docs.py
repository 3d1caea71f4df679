"""The documents: their links lead somewhere, and what they tell people to type exists."""

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grading.authoring import colab_url, parse_lab, total_points
from grading.cli.app import app
from grading.course.config import LANGUAGES, load_course

ROOT = Path(__file__).resolve().parent.parent
DOCS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.png"))
MAX_PICTURE = 120_000  # bytes

document = pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)


# --- what a document holds ---------------------------------------------------------------------


def tokens(path: Path) -> Iterator[Token]:
    """Yield every token of a document, those inside paragraphs and cells included."""
    parser = MarkdownIt("commonmark").enable("table")
    for token in parser.parse(path.read_text(encoding="utf-8")):
        yield token
        yield from token.children or ()


def links(path: Path) -> list[str]:
    """Return what a document links to and shows."""
    html = (t.content for t in tokens(path) if t.type in ("html_inline", "html_block"))
    return [
        *(str(t.attrs["href"]) for t in tokens(path) if t.type == "link_open"),
        *(str(t.attrs["src"]) for t in tokens(path) if t.type == "image"),
        *(address for text in html for address in re.findall(r'(?:src|href)="([^"]*)"', text)),
    ]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    every = list(tokens(path))
    titles = [
        "".join(part.content for part in every[n + 1].children or ())
        for n, token in enumerate(every)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def typed(path: Path) -> list[list[str]]:
    """Return what a document tells people to type, a list of words each, without comments."""
    code = (t.content for t in tokens(path) if t.type in ("code_inline", "code_block", "fence"))
    lines = [line for text in code for line in text.splitlines()]
    return [words for line in lines if (words := _words(line))]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # code of another kind
        return []


# --- the tests ---------------------------------------------------------------------------------


@document
def test_links_and_anchors_exist(path: Path) -> None:
    for link in links(path):
        if re.match(r"https?:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file) if file else path
        assert target.exists(), f"{path.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{path.name} links to {link}"


@document
def test_commands_exist_with_these_options(path: Path) -> None:
    known = typer.main.get_command(app).commands
    for words in typed(path):
        if words[:3] != ["python", "-m", "grading"] or words[3:] in ([], ["--help"]):
            continue
        name, *arguments = words[3:]
        assert name in known, " ".join(words)
        if arguments:  # a name alone speaks of the command
            known[name].make_context(name, arguments)  # raises where they do not fit


@document
def test_options_named_alone_exist(path: Path) -> None:
    commands = typer.main.get_command(app).commands.values()
    parameters = [parameter for command in commands for parameter in command.params]
    options = {name for p in parameters for name in (*p.opts, *p.secondary_opts)}
    for words in typed(path):
        if words[0].startswith("--"):
            assert words[0] in options | {"--help"}, words[0]


@document
def test_modules_that_are_run_exist(path: Path) -> None:
    for words in typed(path):
        if words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2]), " ".join(words)


@document
def test_make_targets_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    benchmarks = {one.stem.removeprefix("bench_") for one in (ROOT / "benchmarks").glob("bench_*")}
    for words in typed(path):
        if words[0] == "make":
            known = targets | benchmarks if words[1:2] == ["bench"] else targets
            assert {word for word in words[1:] if "=" not in word} <= known, " ".join(words)


@pytest.mark.slow
def test_the_table_of_labs_says_what_the_course_says() -> None:
    course = load_course(ROOT)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    about = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]+) \|", readme))
    rows = [
        f"| `{lab.name}` | {about.get(lab.name, lab.title['en'])} | {lab.hours:g} "
        f"| {total_points(parse_lab(ROOT / 'notebooks' / 'source' / lab.name)):g} | "
        + " · ".join(f"[{lang}]({colab_url(course, lab.name, lang)})" for lang in LANGUAGES)
        + " |"
        for lab in course.labs
    ]
    found = [line for line in readme.splitlines() if line.startswith("| `")]
    if found != rows:
        pytest.fail("README.md, the labs; paste these lines:\n" + "\n".join(rows), pytrace=False)


def test_the_changelog_begins_with_the_version_that_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"(?m)^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    assert versions[0] == project["version"]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_pictures_are_small_and_shown(picture: Path) -> None:
    assert picture.stat().st_size < MAX_PICTURE
    shown = {(path.parent / link).resolve() for path in DOCS for link in links(path)}
    assert picture in shown


@document
def test_pictures_are_described(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for image in [t.content for t in tokens(path) if t.type == "image"]:
        assert image.strip()
    for tag in re.findall(r"<img [^>]*>", text):
        assert re.search(r'alt="[^"]+"', tag), tag
