"""The documents of the repository as pages: they are in English, the students' in each language."""

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from docs.site.words import say
from grading.course.config import LANGUAGES
from grading.messages import ID_LANGUAGE, message

GUIDES = (
    *("instructor", "upgrading", "service", "marking", "scaling"),
    *("authoring", "add_a_lab", "translating"),
    *("architecture", "submission", "security", "developer", "changelog"),
)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)]+)\)")


def students_page(text: str, lang: str) -> str:
    """Return the students' guide in one language: what stands under the language's name in it.

    Raises
    ------
    ValueError
        If the document has no such part.
    """
    name = message("language.name", lang)
    parts = re.split(r"(?m)^## (.+)\n", text)
    bodies = dict(zip(parts[1::2], parts[2::2], strict=True))
    if name not in bodies:
        raise ValueError(f"docs/student.md has no part '## {name}'; found {[*bodies]}")
    return f"# {say('student', lang)}\n\n{bodies[name].strip()}\n"


def guide_page(text: str, pages: Iterable[str]) -> str:
    """Return a document whose links lead to the site's pages; to other files, they are no links."""
    known = set(pages)

    def link(match: re.Match[str]) -> str:
        words, target = match.groups()
        path, _, anchor = target.partition("#")
        stem = Path(path).stem.lower()
        if not path.endswith(".md") or stem not in known:
            return f"{words} (`{path}`)" if words.strip("`") not in path else f"`{path}`"
        # The students' guide is a page for each language here, so its parts have no anchors.
        return f"[{words}]({stem}.md{f'#{anchor}' if anchor and stem != 'student' else ''})"

    return _LINK.sub(link, text)


def list_page(titles: dict[str, str], lang: str) -> str:
    """Return the page that leads to the documents where they are not in its language."""
    items = "\n".join(
        f'- <a href="../{ID_LANGUAGE}/{page}.html" hreflang="{ID_LANGUAGE}" lang="{ID_LANGUAGE}">'
        f"{escape(title)}</a>"
        for page, title in titles.items()
    )
    return f"# {say('guides', lang)}\n\n{say('guides_lead', lang)}\n\n{items}\n"


def title_of(text: str) -> str:
    """Return a page's first heading."""
    found = re.search(r"(?m)^# (.+)$", text)
    return found[1].strip() if found else ""


def languages_page(title: str, languages: Sequence[str] = LANGUAGES) -> str:
    """Return the site's first file, in HTML, where one chooses a language."""
    links = "".join(
        f'<li><a href="{lang}/index.html" hreflang="{lang}" lang="{lang}">'
        f"{escape(message('language.name', lang))}</a></li>"
        for lang in languages
    )
    return (
        f'<!doctype html>\n<html lang="{languages[0]}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        "<style>body{background:#fff;color:#222;font:1.3rem system-ui;margin:15vh auto;"
        "max-width:30rem;padding:0 1rem}a{color:#0b4f9e}li{margin:1rem 0}"
        "@media(prefers-color-scheme:dark){body{background:#121212;color:#eee}a{color:#9cc7ff}}"
        "</style>"
        f"<main><h1>{escape(title)}</h1><ul>{links}</ul></main></html>\n"
    )
