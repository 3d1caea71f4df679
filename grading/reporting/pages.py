"""A page of HTML that refers to nothing outside it, from a template, its styles and its script."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def rendered(
    template: str, styles: Sequence[str], script: str = "", allows: str = "", **values: Any
) -> str:
    """Return a page.

    Parameters
    ----------
    template : str
        A file of ``templates/``, as are the next two. It puts ``css``, ``script`` and ``policy``
        into its head and body.
    styles : sequence of str
    script : str
        Empty if nothing runs in it.
    allows : str
        What its policy allows beside that style and that script.
    **values
        What the template fills in; whatever is no markup is escaped.
    """
    code = _text(script) if script else ""
    css = "".join(_text(style) for style in styles)
    return (
        environment(TEMPLATES)
        .get_template(template)
        .render(
            **values,
            css=Markup(css),
            script=Markup(code),
            policy=_policy(css, code, allows),
        )
    )


@cache
def environment(templates: Path) -> Environment:
    """Return what makes pages; it keeps the templates, of which a class needs one many times."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _policy(css: str, script: str, allows: str) -> str:
    """Return a Content-Security-Policy that allows these and nothing else."""

    def source(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    rules = [
        "default-src 'none'",
        f"style-src {source(css)}",
        *([f"script-src {source(script)}"] if script else []),
        *([allows] if allows else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)
