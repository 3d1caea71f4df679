"""Sources of tests in every language of the course: what is not Spanish says what English says."""

import re
from collections.abc import Iterable

from grading.course.config import LANGUAGES

WRITTEN = ("es", "en")


def in_every_language(source: str, languages: Iterable[str] = LANGUAGES) -> str:
    """Return a source or a course.toml with the cells, titles and hints of the other languages."""
    for lang in languages:
        if lang not in WRITTEN:
            source = re.sub(r'( title_)en(="[^"]*")', rf"\g<0>\1{lang}\2", source)
            source = re.sub(r'"en"(: "(?:[^"\\]|\\.)*")', rf'\g<0>, "{lang}"\1', source)
            source = re.sub(r'\ben( = "[^"]*")(?= \})', rf"\g<0>, {lang}\1", source)
            cells = re.split(r"(?=^# %%)", source, flags=re.MULTILINE)
            source = "".join(cell + _twin(cell, lang) for cell in cells)
    return source


def _twin(cell: str, lang: str) -> str:
    marker, _, text = cell.partition("\n")
    if 'lang="en"' not in marker:
        return ""
    return "\n".join(["", marker.replace('lang="en"', f'lang="{lang}"'), text])
