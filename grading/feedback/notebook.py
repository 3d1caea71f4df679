"""A submission's notebook as HTML, for a page: prose, code, outputs and pictures.

What comes in is harmless (`grading.judging.harmless`) and what goes out loads nothing. A page has
room for a complete lab; beyond it an output is left out, which is said in its place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import Any

import nh3
from markupsafe import Markup
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Operator, String

from grading.cells.headings import headings
from grading.cells.metadata import grade_id, role_of
from grading.feedback.pictures import Picture, Shown, smaller
from grading.gradebook.pages import ELEMENTS, LOOKS, html_of_markdown
from grading.judging.harmless import ATTRIBUTES, PICTURES, TAGS, harmless
from grading.messages import message

MOST_CODE = 20_000  # characters of one cell
MOST_OUTPUT = 4_000  # characters of one printed output
MOST_KEPT = 1_024  # cells in HTML, since most of a class's are the same
_END = "</div>\n"

# Short, because a lab has thousands of them; a style sheet says what they look like.
_MARKS = ((Keyword, "b"), (Operator.Word, "b"), (Comment, "i"), (String, "u"))
# No text may end what it stands in, as a lone </div> would.
_BALANCED = nh3.Cleaner(
    tags=TAGS | ELEMENTS,
    attributes=ATTRIBUTES | {"*": ATTRIBUTES["*"] | LOOKS | {"class"}},
    url_schemes={"data", "http", "https", "mailto"},
)
_HEADING = re.compile(r"<(/?)h([1-6])\b")


@dataclass(frozen=True)
class Part:
    """A section of a notebook: its heading, and its cells in HTML."""

    title: str
    cells: tuple[Markup, ...]


def parts_of(
    notebook: NotebookNode, title: str, lang: str, room: int, shown: Shown = smaller
) -> list[Part]:
    """Return the sections of an executed notebook, each begun by a heading of level 2.

    Parameters
    ----------
    notebook : NotebookNode
    title : str
        Of what stands above the first of them.
    lang : str
        Of what is said in place of what is left out.
    room : int
        Bytes that they may have together.
    shown : callable
        How its pictures are.
    """
    space = _Room(lang, room, shown)
    found: list[tuple[str, list[NotebookNode]]] = [(title, [])]
    for cell in harmless(notebook).cells:
        if role_of(cell) == "prose":
            begun = (words for level, words in headings(cell.source) if level == 2)
            if words := next(begun, ""):
                found.append((words.replace("`", ""), []))
                cell.source = cell.source.removeprefix(f"## {words}")  # said already
        if role_of(cell) != "setup":
            found[-1][1].append(cell)
    # What students wrote and what was given comes first, whatever is displayed below it.
    sources = [[(cell, _source(cell, space)) for cell in cells] for _, cells in found]
    return [
        Part(name, tuple(_with_outputs(cell, source, space) for cell, source in cells))
        for (name, _), cells in zip(found, sources, strict=True)
    ]


@lru_cache(maxsize=MOST_KEPT)
def highlighted(code: str) -> str:
    """Return Python code as HTML in which keywords, strings and comments are marked.

    Examples
    --------
    >>> highlighted("return 'a' < b  # why")
    "<b>return</b> <u>'a'</u> &lt; b  <i># why</i>"
    """
    tokens = PythonLexer(stripnl=False, ensurenl=False).get_tokens(code)
    pieces = []
    for mark, run in groupby(tokens, key=lambda token: _mark(token[0])):
        text = escape("".join(text for _, text in run), quote=False)
        pieces.append(f"<{mark}>{text}</{mark}>" if mark else text)
    return "".join(pieces)


@dataclass
class _Room:
    """How much a page may still hold, what is said in place of what it does not, and pictures."""

    lang: str
    left: int
    shown: Shown

    def has(self, html: str) -> bool:
        """Whether there is room for HTML, which it then takes."""
        size = len(html.encode(errors="replace"))
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits

    def left_out(self) -> str:
        """Return a line that says so."""
        line = f"<p class=left-out>{escape(message('feedback.left_out', self.lang))}</p>"
        self.left -= len(line.encode())
        return line

    def cut(self, text: str, most: int) -> str:
        """Return a text, or its beginning with a line that says so."""
        return (
            text
            if len(text) <= most
            else f"{text[:most]}\n[{message('feedback.cut', self.lang, count=len(text) - most)}]"
        )


def _mark(token: Any) -> str:
    return next((mark for kind, mark in _MARKS if token in kind), "")


def _source(cell: NotebookNode, room: _Room) -> str:
    """Return the beginning of a cell, as far as its outputs."""
    place = f' id="{anchor(grade_id(cell))}"' if grade_id(cell) else ""
    kind = "answer" if role_of(cell) in ("exercise", "question") else "given"
    html = f'<div class="block {kind}"{place}>'
    room.left -= len(html) + len(_END)
    source = _written_source(cell, room)
    return html + (source if room.has(source) else room.left_out())


def _written_source(cell: NotebookNode, room: _Room) -> str:
    if cell.cell_type == "markdown":
        return _written(cell.source, _attachments(cell, room))
    text = room.cut(cell.source, MOST_CODE)
    # A lab's checks are long, and nobody reads them for their looks.
    is_marked = cell.cell_type == "code" and role_of(cell) != "check"
    code = highlighted(text) if is_marked else escape(text, quote=False)
    return f"<pre class=code>{code}</pre>" if text else ""


def _with_outputs(cell: NotebookNode, source: str, room: _Room) -> Markup:
    shown = []
    for output in cell.get("outputs", []):
        html = f"<div class=output>{_output(output, room)}</div>"
        if not room.has(html):
            shown.append(room.left_out())  # once: what follows is more of it
            break
        shown.append(html)
    return Markup(source + "".join(shown) + _END)


def anchor(cell: str) -> str:
    """Return the id in a page of a cell with this grade id."""
    return f"cell-{cell}"


def _output(output: Mapping[str, Any], room: _Room) -> str:
    match output["output_type"]:
        case "stream":
            return _printed(output["text"], room)
        case "error":
            return _printed("\n".join(output["traceback"]), room)
        case _:
            return _displayed(output["data"], output.get("metadata", {}), room)


def _displayed(data: Mapping[str, str], about: Mapping[str, Any], room: _Room) -> str:
    for mime in PICTURES:
        if mime in data:
            alt = about.get(mime, {}).get("alt") or message("feedback.picture", room.lang)
            picture = room.shown(data[mime])
            return room.left_out() if picture is None else _image(picture, alt)
    if "text/html" in data:
        return _lower(data["text/html"])
    if "text/markdown" in data:
        return _written(data["text/markdown"], {})
    return _printed(data.get("text/plain", ""), room)


def _image(picture: Picture, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:{picture.mime};base64,{picture.data}">'


def _printed(text: str, room: _Room) -> str:
    plain: str = strip_ansi(text)  # type: ignore[no-untyped-call]
    return f"<pre>{escape(room.cut(plain, MOST_OUTPUT), quote=False)}</pre>"


def _attachments(cell: NotebookNode, room: _Room) -> dict[str, dict[str, str]]:
    """Return a cell's pictures as the renderer takes them."""
    found = {}
    for name, bundle in cell.get("attachments", {}).items():
        picture = room.shown(next(iter(bundle.values())))
        if picture is not None:
            found[name] = {picture.mime: picture.data}
    return found


def _written(markdown: str, attachments: dict[str, dict[str, str]]) -> str:
    return _with_pictures(markdown, attachments) if attachments else _prose(markdown)


@lru_cache(maxsize=MOST_KEPT)
def _prose(markdown: str) -> str:
    return _with_pictures(markdown, {})


def _with_pictures(markdown: str, attachments: dict[str, dict[str, str]]) -> str:
    return _lower(_BALANCED.clean(html_of_markdown(markdown, attachments)))


def _lower(html: str) -> str:
    """Return HTML whose headings stand below those of the page: its sections are of level 3."""
    return _HEADING.sub(lambda tag: f"<{tag[1]}h{min(max(int(tag[2]) + 1, 4), 6)}", html)
