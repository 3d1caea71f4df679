"""A tutorial followed to the letter: its files are written, its commands are run."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt

from grading.places import KIT

SHELL = "sh"


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each step of a page: a file's path, or ``"sh"``, and what is in its block.

    A file is the one that the paragraph above its block names last.
    """
    named = ""
    for token in MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8")):
        if token.type == "inline":
            names = re.findall(r"`([^`\s]+\.\w+)`", token.content)
            named = names[-1] if names else ""
        elif token.type == "fence":
            kind = token.info.strip()
            if kind != SHELL and not named:
                raise ValueError(f"{page.name}: the block at line {token.map} is of no file")
            yield (SHELL if kind == SHELL else named), token.content


def follow(page: Path, folder: Path) -> list[str]:
    """Do all that a page says in a folder, and return what each command printed."""
    said = []
    for what, text in steps(page):
        if what != SHELL:
            (folder / what).parent.mkdir(parents=True, exist_ok=True)
            (folder / what).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            words = [sys.executable if word == "python" else word for word in shlex.split(line)]
            done = subprocess.run(
                words,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(KIT)},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            said.append(done.stdout)
    return said
