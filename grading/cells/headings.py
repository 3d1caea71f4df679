"""The headings of a text in Markdown."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)[\s#]*$")


def headings(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the level and the words of each heading outside code blocks.

    Examples
    --------
    >>> list(headings("# Lab\n```\n# a comment\n```\n## 1. Data ##"))
    [(1, 'Lab'), (2, '1. Data')]
    """
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence and (match := _HEADING.match(line)):
            yield len(match[1]), match[2]
