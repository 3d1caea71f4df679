"""Sphinx's configuration, for each language in turn; `building` fills in what differs."""

import json
from datetime import date
from typing import Any

from sphinx.application import Sphinx

from grading.course.config import LANGUAGES, load_course
from grading.messages import message
from grading.places import KIT

course = load_course(KIT)
project = course.name
author = course.institution
copyright = f"{date.today():%Y}, {course.institution}"
release = course.term

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.site.formulas"]
exclude_patterns = ["pictures"]
templates_path = ["templates"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
smartquotes = False
suppress_warnings = ["myst.header"]  # exercises stand a level below what leads to them

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them
napoleon_google_docstring = False

html_context = {"default_mode": "auto"}  # light or dark as the reader's system is
html_theme = "sphinx_book_theme"
html_title = course.name
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options: dict[str, Any] = {
    "article_header_end": ["languages.html", "article-header-buttons.html"],
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navbar_persistent": [],
    "show_toc_level": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_repository_button": False,
}


BY_SPHINX = {"genindex", "search"}  # pages that it makes in every language


def setup(app: Sphinx) -> None:
    """Give every page links to itself in the other languages."""
    app.add_config_value("twins", "{}", "html")  # JSON: the pages that there are, by language
    app.connect("html-page-context", _add_languages)


def _add_languages(app: Sphinx, page: str, _: str, context: dict[str, Any], __: Any) -> None:
    """Link to the same page in each other language, or to the first one where it has none."""
    twins = json.loads(app.config.twins)
    up = "../" * (page.count("/") + 1)
    context["languages"] = [
        {
            "code": lang,
            "name": message("language.name", lang),
            "address": f"{up}{lang}/{page if page in {*twins[lang], *BY_SPHINX} else 'index'}.html",
        }
        for lang in LANGUAGES
        if lang != app.config.language
    ]
