"""A Sphinx extension: formulas as MathML, which browsers read without a script or a font."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from grading.gradebook.pages import mathml

LOGGER = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the renderer, which `conf` chooses."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_checked(node, "inline"))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula" tabindex="0">{_checked(node, "block")}</div>\n')
    raise nodes.SkipNode


def _checked(node: nodes.Node, display: str) -> str:
    """Return a formula's MathML; one that there is none of fails the build."""
    markup = mathml(node.astext(), display)
    if markup.startswith("<code>"):
        LOGGER.warning("no MathML of the formula %r", node.astext(), location=node)
    return markup
