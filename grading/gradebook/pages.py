"""nbgrader's pages of a submission, as this course's settings have them made.

Formgrader's view, and the feedback of courses that are nbgrader's own, are its templates. Around
them stand a second wall, should anything live be left in what was stored
(`grading.judging.harmless`): a content security policy in every page. And nothing is loaded from
elsewhere: formulas are MathML, which browsers read.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import nbgrader
from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets.config import Config

from grading.judging.harmless import MOST_WRITTEN

TEMPLATES = Path(__file__).parent / "templates"
NBGRADERS = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
MOST_FORMULA = 2_000  # characters; a longer formula is shown as it was written
MOST_FORMULAS = 300  # in one text

_SCRIPT = re.compile(r"<script[^>]*>(.*?)</script>|\son[a-z]+=\"([^\"]*)\"", re.DOTALL)
_MATHML = "http://www.w3.org/1998/Math/MathML"
ELEMENTS = {
    *("math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot"),
    *("mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext"),
    *("mtr", "munder", "munderover"),
}
LOOKS = {
    *("accent", "columnalign", "columnlines", "columnspacing", "display", "displaystyle"),
    *("fence", "form", "largeop", "linethickness", "lspace", "mathvariant", "maxsize", "minsize"),
    *("movablelimits", "notation", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator"),
    *("stretchy", "width"),
}
_LOOK = re.compile(r"[a-z][a-z -]{0,30}|(?:-?\d?(?:\.\d{1,3})?(?:em|ex|pt|px)? ?){1,8}")


def page_settings() -> Config:
    """Return the settings of the exporter that makes nbgrader's pages."""
    settings = Config()
    settings.HTMLExporter.extra_template_basedirs = [str(NBGRADERS), str(TEMPLATES)]
    settings.HTMLExporter.filters = {"markdown2html": markdown_to_html, "script_hashes": hashes}
    # A heading's id may not be that of a field into which marks are typed.
    settings.HTMLExporter.exclude_anchor_links = True
    return settings


@pass_context
def markdown_to_html(context: Context, source: str) -> str:
    """Return the HTML of a cell's Markdown: a filter of the exporter's templates."""
    return html_of_markdown(source, (context.get("cell") or {}).get("attachments", {}))


def html_of_markdown(source: str, attachments: dict[str, dict[str, str]]) -> str:
    """Return the HTML of Markdown, its formulas in MathML, its attachments in it."""
    renderer = _Renderer(
        escape=False,
        allow_harmful_protocols=False,
        attachments=attachments,
        exclude_anchor_links=True,
    )
    try:
        return MarkdownWithMath(renderer=renderer).render(source)
    except Exception:  # the renderer's trouble with one text is no reason to lack a page
        return f"<pre>{escape(source[:MOST_WRITTEN])}</pre>"


def mathml(formula: str, display: str) -> str:
    r"""Return a formula of TeX in MathML; as it was written where there is no such.

    Parameters
    ----------
    formula : str
        Without dollars around it.
    display : {"inline", "block"}

    Examples
    --------
    >>> mathml("x < 1", "inline")
    '<math display="inline"><mrow><mi>x</mi><mo>&lt;</mo><mn>1</mn></mrow></math>'
    >>> mathml(r"\color{red}{x}", "inline")
    '<code>\\color{red}{x}</code>'
    """
    if len(formula) > MOST_FORMULA:
        return _as_written(formula)
    try:
        return "".join(_of_layout(ElementTree.fromstring(convert(formula, display=display))))
    except Exception:  # whatever the converter lacks is still to be read
        return _as_written(formula)


def _as_written(formula: str) -> str:
    return f"<code>{escape(formula)}</code>"


def hashes(markup: str) -> str:
    """Return what a policy says to allow the scripts written in ``markup``, and no others."""
    found = (one or other for one, other in _SCRIPT.findall(markup))
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in found if text)
    return " ".join(f"'sha256-{digest.decode()}'" for digest in digests)


class _Renderer(IPythonRenderer):
    """nbconvert's own, but that formulas are MathML."""

    formulas = 0

    def inline_math(self, body: str) -> str:
        return self._formula(body, "inline")

    def block_math(self, body: str) -> str:
        return self._formula(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return self._formula(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def _formula(self, formula: str, display: str) -> str:
        self.formulas += 1
        return mathml(formula, display) if self.formulas <= MOST_FORMULAS else _as_written(formula)


def _of_layout(node: ElementTree.Element) -> Iterator[str]:
    """Yield a formula's MathML with nothing in it that is more than layout: no links, no styles."""
    name = node.tag.removeprefix(f"{{{_MATHML}}}")
    name = name if name in ELEMENTS else "mrow"
    looks = (
        f' {key}="{text}"'
        for key, text in node.attrib.items()
        if key in LOOKS and _LOOK.fullmatch(text)
    )
    yield f"<{name}{''.join(looks)}>{escape(node.text or '')}"
    for child in node:
        yield from _of_layout(child)
        yield escape(child.tail or "")
    yield f"</{name}>"
