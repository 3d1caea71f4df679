"""What a built site must keep to: nothing from elsewhere, no broken link, no mute picture.

Pure: the files of a site go in, one line for each thing that is wrong comes out.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

Site = Mapping[str, bytes]  # content by path, with "/" between its parts

LOADING = {  # what a browser fetches by itself
    **{name: "src" for name in ("audio", "embed", "iframe", "img", "input", "script", "source")},
    **{"track": "src", "video": "src", "link": "href", "object": "data", "image": "href"},
}
ADDRESSES = {  # of a link that is no file to load
    *("alternate", "author", "canonical", "next", "prev", "search", "index", "license"),
}
_CSS_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
_HIDDEN = {"script", "style"}


@dataclass
class PageFacts:
    """What a page of HTML holds.

    Attributes
    ----------
    loads : list of str
        Addresses that are fetched without a click.
    links : list of str
        Addresses behind links.
    ids : set of str
    mute : list of str
        The pictures without words.
    text : str
        All that can be read, without tags, and what attributes say.
    """

    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    mute: list[str] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.facts = PageFacts()
        self.pieces: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        facts = self.facts
        if tag in LOADING and not (tag == "link" and {*about.get("rel", "").split()} & ADDRESSES):
            facts.loads += [about[name] for name in (LOADING[tag], "srcset") if about.get(name)]
        facts.loads += _in_css(about.get("style", ""))
        if tag == "a" and "href" in about:
            facts.links.append(about["href"])
        facts.ids |= {about[name] for name in ("id", "name") if name in about}
        if tag == "img" and not about.get("alt", "").strip():
            facts.mute.append(about.get("src", "")[:80])
        self.pieces += [about[name] for name in ("alt", "title", "aria-label") if name in about]
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = "" if tag in _HIDDEN else self.inside

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.facts.loads += _in_css(data)
        self.pieces.append(data)


def page_facts(html: str) -> PageFacts:
    """Return what a page holds."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.facts.text = "".join(reader.pieces)
    return reader.facts


def _in_css(text: str) -> list[str]:
    return [one or other for one, other in _CSS_URL.findall(text)]


def problems(site: Site) -> list[str]:
    """Return one line for each load from elsewhere, broken link and picture without words."""
    pages = {
        path: page_facts(content.decode("utf-8", errors="replace"))
        for path, content in site.items()
        if path.endswith(".html")
    }
    sheets = {
        path: PageFacts(loads=_in_css(content.decode("utf-8", errors="replace")))
        for path, content in site.items()
        if path.endswith(".css")
    }
    found = []
    for path, facts in (*pages.items(), *sheets.items()):
        found += [f"{path}: loads {address}" for address in facts.loads if is_elsewhere(address)]
        found += [f"{path}: {line}" for line in _broken(path, facts, pages, site)]
        found += [f"{path}: the picture {source} has no words" for source in facts.mute]
    return [*dict.fromkeys(found)]


def is_elsewhere(address: str) -> bool:
    """Return whether an address is another site's."""
    parts = urlsplit(address.strip())
    return bool(parts.netloc) or parts.scheme not in ("", "data", "about")


def _broken(
    path: str, facts: PageFacts, pages: Mapping[str, PageFacts], site: Site
) -> Iterator[str]:
    for address in (*facts.loads, *facts.links):
        parts = urlsplit(address.strip())
        if parts.scheme or parts.netloc or (not parts.path and not parts.fragment):
            continue
        target = path
        if parts.path:
            folder = posixpath.dirname(path)
            target = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
        anchor = unquote(parts.fragment)
        if target not in site:
            yield f"leads to {address}, which is not there"
        elif anchor and target in pages and anchor not in pages[target].ids:
            yield f"leads to {address}, where there is no such place"


def readable(site: Site) -> dict[str, bytes]:
    """Return a site as `grading.publishing.leaks` can read it: pages as text without their tags.

    Highlighted code stands in tags, letter by letter; what the index of the search holds are words.
    """
    return {
        path: page_facts(content.decode("utf-8", errors="replace")).text.encode()
        if path.endswith(".html")
        else content
        for path, content in site.items()
    }


def untranslated(pages: Mapping[str, set[str]], only: Mapping[str, set[str]]) -> list[str]:
    """Return one line for each page that a language lacks.

    Parameters
    ----------
    pages : mapping of str to set of str
        The pages by language.
    only : mapping of str to set of str
        Those that are in one language by design.
    """
    every = {page for lang, names in pages.items() for page in names - only.get(lang, set())}
    return [
        f"the page {page} is not in {lang}; write it, or say that it is in one language only"
        for lang, names in pages.items()
        for page in sorted(every - names)
    ]
