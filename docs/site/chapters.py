"""A lab as a page: the student's notebook, with what given cells show when the lab is solved.

No answer is on it: exercises are stubs, questions are open, and of what was executed only the
outputs of given cells and the ticks of checks are taken.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode

from docs.site.facts import Chapter, Facts, Term
from docs.site.words import say
from grading.authoring import Lab, colab_url, student_notebook, total_points
from grading.authoring.source import FRAME_IDS
from grading.cells.metadata import role_of
from grading.course.config import Course

PICTURES = {"image/png": "png", "image/svg+xml": "svg", "image/jpeg": "jpg"}
_RULE = re.compile(r"^(?:\*\*\*|---|___)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page of MyST, and the files that lie beside it, by path."""

    text: str
    files: Mapping[str, bytes]


def chapter(
    course: Course, lab: Lab, lang: str, executed: NotebookNode, facts: Facts, notebook: str
) -> Page:
    """Return the page of a lab in one language.

    Parameters
    ----------
    course, lab, lang
    executed : NotebookNode
        The solution after a student's session.
    facts : Facts
    notebook : str
        The path of the notebook to download, from the site's top.
    """
    info = course.lab(lab.name)
    files: dict[str, bytes] = {}
    before = [f"[{course.lab(name).title[lang]}]({name}.md)" for name in info.needs]
    parts = [
        f"# {info.title[lang]}",
        f"[{say('open_in_colab', lang)}]({colab_url(course, lab.name, lang)}) · "
        f"{{download}}`{say('download', lang)} <{notebook}>`",
        say("at_a_glance", lang, hours=f"{info.hours:g}", marks=f"{total_points(lab):g}")
        + " "
        + (say("builds_on", lang, labs=", ".join(before)) if before else say("needs_none", lang)),
        *_able(facts.chapter(lab.name), lang),
        *_cells(lab, student_notebook(lab, lang, course), executed, lang, files),
        *_terms(facts.terms, lab, lang),
    ]
    return Page("\n\n".join(parts) + "\n", files)


def terms_in(terms: tuple[Term, ...], text: str, lang: str) -> list[Term]:
    """Return the terms that a text uses, in any of their forms, singular or plural."""
    folded = text.casefold()
    return [term for term in terms if any(_uses(folded, form) for form in forms(term, lang))]


def forms(term: Term, lang: str) -> list[str]:
    """Return the spellings by which a term is found: its name without what is in brackets first."""
    bare = re.sub(r"\s*\(.*\)", "", term.name[lang])
    more = term.forms.get(lang, "").split(",")
    return [form for text in (bare, *more) if (form := text.strip())]


def _uses(folded: str, form: str) -> bool:
    stem = re.escape(form.casefold())
    return re.search(rf"(?<!\w){stem}(?:s|es)?(?!\w)", folded) is not None


def _able(about: Chapter | None, lang: str) -> Iterator[str]:
    if about:
        yield f"## {say('able', lang)}"
        yield "\n".join(f"- {line}" for line in about.able[lang])


def _terms(terms: tuple[Term, ...], lab: Lab, lang: str) -> Iterator[str]:
    prose = "\n".join(cell.text[lang] for cell in lab.cells if not cell.is_code)
    if used := terms_in(terms, prose, lang):
        yield f"## {say('terms', lang)}"
        yield " · ".join(f"{{term}}`{term.name[lang]}`" for term in used)


# --- cells -------------------------------------------------------------------------------------


def _cells(
    lab: Lab, notebook: NotebookNode, executed: NotebookNode, lang: str, files: dict[str, bytes]
) -> Iterator[str]:
    outputs = {cell.id: cell.get("outputs", []) for cell in executed.cells}
    points = {cell.id: cell.points for cell in lab.of_role("check")}
    for cell in notebook.cells:
        if cell.id in FRAME_IDS:
            continue
        match role_of(cell):
            case "prose":
                yield _RULE.sub("", cell.source)
            case "question":
                yield f":::{{container}} answer\n{cell.source}\n:::"
            case "exercise":
                yield _code(cell.source, "exercise")
            case "check":
                told = say("check", lang, marks=f"{points[cell.id]:g}")
                yield f'<details class="check"><summary>{escape(told)}</summary>'
                yield _code(cell.source, "given")
                yield "</details>"
                if ticks := [*_ticks(outputs[cell.id])]:
                    yield _printed("\n".join(ticks), "ticks")
            case _:
                yield _code(cell.source, "given")
                for output in outputs[cell.id]:
                    yield from _output(output, lab.name, lang, files)


def _code(source: str, kind: str) -> str:
    return _fenced("code-block", source, "python", {"class": kind})


def _printed(text: str, kind: str) -> str:
    return _fenced("code-block", strip_ansi(text), "text", {"class": kind})  # type: ignore[no-untyped-call]


def _fenced(directive: str, body: str, argument: str, options: Mapping[str, str]) -> str:
    """Return a directive whose fence is longer than any in its body."""
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    fence = "`" * (longest + 1)
    settings = "".join(f":{name}: {value}\n" for name, value in options.items())
    return f"{fence}{{{directive}}} {argument}\n{settings}\n{body.rstrip()}\n{fence}"


def _ticks(outputs: list[Any]) -> Iterator[str]:
    for output in outputs:
        if text := output.get("data", {}).get("text/plain", ""):
            yield text


def _output(output: Any, lab: str, lang: str, files: dict[str, bytes]) -> Iterator[str]:
    if output["output_type"] == "stream":
        yield _printed(output["text"], "output")
        return
    data = output["data"]
    for mime, suffix in PICTURES.items():
        if mime in data:
            content = data[mime].encode() if suffix == "svg" else base64.b64decode(data[mime])
            path = f"pictures/{lab}/{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"
            files[path] = content
            alt = output.get("metadata", {}).get(mime, {}).get("alt", "")
            yield _fenced("image", "", f"/{path}", {"alt": json.dumps(" ".join(alt.split()))})
            return
    yield _printed(data.get("text/plain", ""), "output")
