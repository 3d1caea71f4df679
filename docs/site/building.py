"""The site's pages, gathered; then Sphinx, a language at a time; then the checks."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from docs.site import checking, guides, overview, reference, teaching
from docs.site.chapters import chapter
from docs.site.facts import Facts
from docs.site.words import say
from grading.authoring import Lab, render, student_notebook
from grading.course.config import LANGUAGES, Course
from grading.course.roster import read_roster
from grading.errors import UserError
from grading.messages import ID_LANGUAGE
from grading.places import KIT
from grading.publishing.leaks import leaks, secrets_of_lab

HERE = Path(__file__).resolve().parent
DOCS = KIT / "docs"
ENGLISH = (*guides.GUIDES, "commands", *reference.PACKAGES)  # the pages in English alone
PRIVATE = "rubrics"  # the page of a private site that holds answers
ABOUT_MARKERS = {"authoring", "add_a_lab", "developer"}  # guides that speak of solution markers


@dataclass(frozen=True)
class Sources:
    """What the site is made of.

    Attributes
    ----------
    course : Course
    labs : tuple of Lab
    facts : Facts
    executed : mapping of (str, str) to NotebookNode
        Each lab's solution after a session, by lab and language.
    private : bool
        Whether instructors alone read it, with how each question is marked.
    """

    course: Course
    labs: tuple[Lab, ...]
    facts: Facts
    executed: Mapping[tuple[str, str], NotebookNode]
    private: bool = False


def pages_of(sources: Sources, lang: str) -> dict[str, bytes]:
    """Return every source file of the site in one language, by path."""
    course, labs, facts = sources.course, sources.labs, sources.facts
    doors = {
        "door_students": ["labs", "student", "glossary", "references", "errata"],
        "door_instructors": ["syllabus", "notes", "mistakes"],
        "door_engineers": ["guides"],
    }
    if sources.private:
        doors["door_instructors"].append(PRIVATE)
    texts = {
        "index": overview.front_page(course, lang, doors),
        "labs": overview.labs_page(course, labs, lang),
        "student": guides.students_page(_document("student"), lang),
        "glossary": overview.glossary_page(facts, lang),
        "references": overview.references_page(course, labs, lang),
        "errata": overview.errata_page(course, facts, lang),
        "syllabus": teaching.syllabus_page(course, labs, lang),
        "notes": teaching.notes_page(course, facts, lang),
        "mistakes": teaching.mistakes_page(course, labs, lang),
    }
    if sources.private:
        texts[PRIVATE] = teaching.rubrics_page(course, labs, lang)
    files: dict[str, bytes] = {}
    for lab in labs:
        notebook = f"notebooks/{lab.name}.ipynb"
        files[notebook] = render(student_notebook(lab, lang, course)).encode()
        page = chapter(course, lab, lang, sources.executed[lab.name, lang], facts, notebook)
        texts[lab.name] = page.text
        files |= page.files
    english = english_pages({*texts, *ENGLISH})
    if lang == ID_LANGUAGE:
        names = "\n".join(english)
        texts["guides"] = (
            f"# {say('guides', lang)}\n\n{say('guides_lead', lang)}\n\n"
            f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n"
        )
        texts |= english
    else:
        titles = {page: guides.title_of(text) for page, text in english.items()}
        texts["guides"] = guides.list_page(titles, lang)
    pictures = {f"pictures/{path.name}": path.read_bytes() for path in DOCS.glob("pictures/*.png")}
    return {f"{name}.md": text.encode() for name, text in texts.items()} | files | pictures


def english_pages(known: set[str]) -> dict[str, str]:
    """Return the pages that are in English alone: documents, and what is made from the code."""
    documents = {name: guides.guide_page(_document(name), known) for name in guides.GUIDES}
    api = {page: reference.module_page(name) for page, name in reference.PACKAGES.items()}
    return documents | {"commands": reference.commands_page()} | api


def _document(name: str) -> str:
    path = KIT / "CHANGELOG.md" if name == "changelog" else DOCS / f"{name}.md"
    return path.read_text(encoding="utf-8")


def build(sources: Sources, folder: Path, say_line: Callable[[str], None]) -> None:
    """Write the site into ``folder``, in the place of a former one.

    Raises
    ------
    UserError
        With one line for each warning of Sphinx's and each thing that a site may not have. Then
        the former one stays as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    pages = {lang: pages_of(sources, lang) for lang in LANGUAGES}
    twins = {lang: {_stem(path) for path in found} - {""} for lang, found in pages.items()}
    only = {ID_LANGUAGE: {*ENGLISH}}
    if lacking := checking.untranslated(twins, only):
        raise UserError("\n".join(lacking))
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".site-") as scratch:
        out = Path(scratch, "site")
        for lang, files in pages.items():
            say_line(f"writing the pages in {lang} …")
            _render(Path(scratch, f"source-{lang}"), files, out / lang, lang, twins)
        title = sources.course.name
        (out / "index.html").write_text(guides.languages_page(title), encoding="utf-8")
        site = read_site(out)
        say_line(f"looking through {len(site)} files …")
        if found := checking.problems(site) + site_leaks(sources, site):
            raise UserError("\n".join(found))
        if folder.exists():
            shutil.rmtree(folder)
        out.rename(folder)


def read_site(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def site_leaks(sources: Sources, site: checking.Site) -> list[str]:
    """Return one line for each answer in a site, and for whoever of the roster it names.

    The kit's own documents were written before there was a roster: whoever is called as somebody in
    their examples is not meant.
    """
    secrets = [secret for lab in sources.labs for secret in secrets_of_lab(lab)]
    course = sources.course
    roster = read_roster(course.roster) if course.roster.exists() else None
    readable = checking.readable(site)
    documents = {f"{ID_LANGUAGE}/{name}.html" for name in ENGLISH}
    kits = {path: text for path, text in readable.items() if path in documents}
    answers = {f"{lang}/{PRIVATE}.html" for lang in LANGUAGES if sources.private}
    others = {path: text for path, text in readable.items() if path not in documents | answers}
    about = {f"{ID_LANGUAGE}/{name}.html" for name in ABOUT_MARKERS}
    return leaks(others, secrets, roster) + leaks(kits, secrets, about_markers=about)


def _stem(path: str) -> str:
    return path.removesuffix(".md") if path.endswith(".md") else ""


def _render(
    source: Path, files: Mapping[str, bytes], out: Path, lang: str, twins: Mapping[str, set[str]]
) -> None:
    """Have Sphinx make the pages of one language, in a process that knows no other.

    Raises
    ------
    UserError
        With its warnings, if it has any.
    """
    for path, content in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(content)
    warnings = source.with_suffix(".warnings")
    made = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "html", "--quiet", "--no-color"),
            *("--conf-dir", HERE, "--doctree-dir", source.with_suffix(".doctrees")),
            *("--warning-file", warnings, "--define", f"language={lang}"),
            *(
                "--define",
                f"twins={json.dumps({name: sorted(found) for name, found in twins.items()})}",
            ),
            *(source, out),
        ],
        cwd=KIT,
        capture_output=True,
        text=True,
    )
    shutil.rmtree(out / "_sources", ignore_errors=True)
    (out / ".buildinfo").unlink(missing_ok=True)
    for template in (out / "_static").glob("*macros.html"):  # the theme's own, which are no pages
        template.unlink()
    said = warnings.read_text(encoding="utf-8") if warnings.exists() else ""
    if lines := said.strip() or (made.stderr.strip() if made.returncode else ""):
        raise UserError(f"the pages in {lang}:\n{lines.replace(f'{source}/', '')}")
