"""A submission's notebook as it is stored: what people read stays, and nothing in it is live.

Pages are made of it in more ways than we write: by Formgrader, by nbgrader's feedback, by whatever
opens a notebook. So what could run, load or submit something there is taken out before it is kept.
Text, pictures, tables, colours and formulas stay.
"""

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import nh3
from nbformat import NotebookNode, from_dict

TAGS = nh3.ALLOWED_TAGS - {"area", "map"} | {"tfoot"}  # plain text, lists and tables
PARTS = {"caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"}  # of a table
ATTRIBUTES = {
    "*": {"dir", "lang", "style", "title"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start"},
    "table": {"border"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
}
CLASSES = {"table": {"dataframe"}}  # any other might be one to which a page ties a button
STYLES = {
    *("background-color", "border", "color", "font-style", "font-weight", "padding"),
    *("text-align", "text-decoration", "vertical-align", "white-space"),
}
PICTURES = ("image/png", "image/jpeg", "image/gif")
SIZES = ("width", "height")

# A page of them is read in a fraction of a second, however they are nested; pandas shows a table
# of 60 by 20 in some 3,000. What is beyond them is shown without its markup.
MOST_MARKS = 10_000  # in one text
ALL_MARKS = 30_000  # in a notebook
MOST_WRITTEN = 50_000  # characters of Markdown in one text
ALL_WRITTEN = 1_000_000

# Where a picture may come from: itself, or a file beside the notebook; never from elsewhere.
_FILE = r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:png|jpe?g|gif|webp)"
_DATA = r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*"
_SOURCE = re.compile(rf"{_FILE}|{_DATA}", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")

# Between two characters that mean something together, it makes text of them and cannot be seen.
APART = "\u200b"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BEGINNING = re.compile(r"<(?=[A-Za-z/!?])")
_TAG = re.compile(rf"{_BEGINNING.pattern}(?:[^<>]*>)?")
_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)\s*(/?>)?")
_CLEAN_TAG = re.compile(r'<[a-z][a-z0-9]*(?: [a-z-]+="[^"]*")*>')
_PICTURE = re.compile(r"!\[(?:[^\[\]\n]*\]\(([^()\s<>]*)\))?")
_LINK = re.compile(
    r"\]\((?!(?:https?://|mailto:|#|attachment:|data:image/(?:png|jpeg|gif);base64,"
    rf"|{_FILE}\))"
    r'[^()\s<>]*(?: "[^"\n]*")?\))'
)
_PASTED = re.compile(r"\]\(data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=]+)\)")
_DEFINITION = re.compile(r"\]:(?!\s*https?://)")

_CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=lambda tag, name, value: _attribute(name, value),
    allowed_classes=CLASSES,
    filter_style_properties=STYLES,
    url_schemes={"data", "http", "https", "mailto"},
)

_CELL_KEYS = ("nbgrader", "dl", "deletable", "editable", "tags")
_NOTEBOOK_KEYS = ("nbgrader", "dl", "kernelspec", "language_info")
_WORD = re.compile(r"[\w-]+")


def harmless(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of an executed notebook in which nothing of a submission is live.

    Parameters
    ----------
    notebook : NotebookNode
        Valid nbformat 4, with whatever a kernel has put into it.
    """
    metadata = {key: notebook.metadata[key] for key in _NOTEBOOK_KEYS if key in notebook.metadata}
    room = _Room()
    cells = [from_dict(_cell(cell, room)) for cell in notebook.cells]
    return NotebookNode(notebook, metadata=NotebookNode(metadata), cells=cells)


def harmless_html(html: str) -> str:
    """Return the HTML that cannot run, load or submit anything, nor pose as a page's own."""
    return _CLEANER.clean(html)


def harmless_markdown(text: str, attachments: Collection[str] = ()) -> str:
    r"""Return Markdown of which no renderer makes anything live, however it understands it.

    HTML that is harmless stays; so do links to the web, and pictures among ``attachments`` and of
    files beside the notebook. Whatever else would be a tag, a link or a picture shows as text.

    Examples
    --------
    >>> harmless_markdown("Because **a < b**, see [here](https://example.org).")
    'Because **a < b**, see [here](https://example.org).'
    >>> harmless_markdown("[x](javascript:alert()) <b onclick='alert()'>y</b>")
    '[x]\u200b(javascript:alert()) <b>y</b>'
    """
    text = _TAG.sub(_tag, _CONTROL.sub("", text))
    text = _PICTURE.sub(partial(_picture, attachments=attachments), text)
    return _DEFINITION.sub(f"]{APART}:", _LINK.sub(f"]{APART}(", text))


@dataclass
class _Room:
    """What the page of a notebook may still hold: marks to parse, and Markdown."""

    marks: int = ALL_MARKS
    written: int = ALL_WRITTEN

    def html(self, text: str) -> str | None:
        """Return harmless HTML, None if it is too much of it."""
        return harmless_html(text) if self._takes(text.count("<") + text.count("&")) else None

    def markdown(self, text: str, attachments: Collection[str] = ()) -> str:
        """Return harmless Markdown, cut where it is too much."""
        whole, text = text, text[: min(MOST_WRITTEN, self.written)]
        self.written -= len(text)
        if not self._takes(text.count("<")):
            text = _as_text(text)
        return harmless_markdown(text, attachments) + ("" if len(text) >= len(whole) else " …")

    def _takes(self, marks: int) -> bool:
        fits = marks <= min(MOST_MARKS, self.marks)
        self.marks -= marks if fits else 0
        return fits


# --- attributes, tags and pictures ------------------------------------------------------------


def _attribute(name: str, value: str) -> str | None:
    wanted = {"href": _ADDRESS.match, "src": _SOURCE.fullmatch}.get(name)
    return value if wanted is None or wanted(value.strip()) else None


def _tag(match: re.Match[str]) -> str:
    """Return a tag of Markdown as it is if it is harmless, without what is not, else as text."""
    tag = match[0]
    named = _NAME.match(tag)
    if named and tag.endswith(">") and named[2].lower() in TAGS:
        name = named[2].lower()
        if named[1] or named[3] or name in PARTS:  # nothing of it is lost without its attributes
            return f"<{named[1]}{name}>"
        if clean := _CLEAN_TAG.match(harmless_html(tag)):
            # On one line, with no bracket in its values: a tag to every reader, or text to every.
            inside = " ".join(clean[0][1:-1].split())
            return f"<{inside.replace('<', '&lt;').replace('>', '&gt;')}>"
    return f"<{APART}{tag[1:]}"


def _as_text(markup: str) -> str:
    return _BEGINNING.sub(f"<{APART}", markup)


def _picture(match: re.Match[str], attachments: Collection[str]) -> str:
    """Return a picture of Markdown as it is if it comes from nowhere else, else as a link."""
    source = match[1] or ""
    if source.removeprefix("attachment:") in attachments or _SOURCE.fullmatch(source):
        return match[0]
    return f"!{APART}{match[0][1:]}"


# --- cells and outputs --------------------------------------------------------------------------


def _cell(cell: NotebookNode, room: _Room) -> dict[str, Any]:
    kept = {**cell, "metadata": _cell_metadata(cell.metadata)}
    if cell.cell_type == "code":
        found = (_output(output, room) for output in cell.get("outputs", []))
        kept["outputs"] = [output for output in found if output]
    elif cell.cell_type == "markdown":
        source, pasted = _apart(cell.source)
        pictures = _attachments(cell.get("attachments")) | pasted
        kept["source"] = room.markdown(source, pictures)
        kept.pop("attachments", None)
        if pictures:
            kept["attachments"] = pictures
    else:
        kept["source"] = _as_text(cell.source)
        kept.pop("attachments", None)
    return kept


def _cell_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: metadata[key] for key in _CELL_KEYS if key in metadata}
    about = kept.get("nbgrader")
    # Templates write the id into pages as it is.
    if not (isinstance(about, dict) and _WORD.fullmatch(str(about.get("grade_id")))):
        kept.pop("nbgrader", None)
    tags = kept.get("tags", ())
    if not (isinstance(tags, list) and all(_WORD.fullmatch(str(tag)) for tag in tags)):
        kept.pop("tags", None)
    return kept


def _apart(source: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Return Markdown without the pictures that some editors paste into it, and these."""
    pasted: dict[str, dict[str, str]] = {}

    def keep(match: re.Match[str]) -> str:
        name = f"pasted-{len(pasted) + 1}"
        pasted[name] = {match[1]: match[2]}
        return f"](attachment:{name})"

    return _PASTED.sub(keep, source), pasted


def _attachments(found: Any) -> dict[str, dict[str, str]]:
    """Return the pictures among a cell's attachments, by the name that its text has for them."""
    pictures = {
        name: {mime: data for mime in PICTURES if (data := _picture_data(bundle.get(mime)))}
        for name, bundle in (found if isinstance(found, dict) else {}).items()
        if isinstance(bundle, dict)
    }
    return {name: bundle for name, bundle in pictures.items() if bundle}


def _output(output: Mapping[str, Any], room: _Room) -> dict[str, Any] | None:
    """Return an output with what can be read of it, None if that is nothing."""
    if output.get("output_type") not in ("display_data", "execute_result"):
        return dict(output)
    data = _data(output.get("data") or {}, room)
    if not data:
        return None
    found = output.get("metadata")
    about = {mime: found.get(mime) for mime in PICTURES} if isinstance(found, dict) else {}
    metadata = {
        mime: _picture_metadata(item)
        for mime, item in about.items()
        if mime in data and isinstance(item, dict)
    }
    return {**output, "data": data, "metadata": metadata}


def _data(found: Mapping[str, Any], room: _Room) -> dict[str, str]:
    """Return the forms of an output that are text or pictures, made harmless."""
    texts = {mime: text for mime, value in found.items() if (text := _text(value)) is not None}
    kept = {mime: texts[mime] for mime in ("text/plain",) if mime in texts}
    kept |= {mime: data for mime in PICTURES if (data := _picture_data(texts.get(mime)))}
    html = room.html(texts["text/html"]) if "text/html" in texts else None
    if html is not None:
        kept["text/html"] = html
    elif "image/svg+xml" in texts:  # an <img> shows the picture and runs nothing
        data = base64.b64encode(texts["image/svg+xml"].encode()).decode()
        kept["text/html"] = f'<img src="data:image/svg+xml;base64,{data}">'
    written = texts.get("text/markdown", texts.get("text/latex"))
    if written is not None:
        kept["text/markdown"] = room.markdown(written)
    return kept


def _text(value: Any) -> str | None:
    """Return a value of a bundle as the one text that a reader joins it to."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value if isinstance(value, str) else None


def _picture_data(value: Any) -> str | None:
    text = _text(value)
    return text if text is not None and _BASE64.fullmatch(text) else None


def _picture_metadata(found: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        name: found[name]
        for name in SIZES
        if type(found.get(name)) in (int, float) and 0 < found[name] < 10_000
    }
    if isinstance(found.get("alt"), str):
        kept["alt"] = found["alt"]
    return kept
