"""The sentences that people read, by language: one TOML file each in ``grading/strings``."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

STRINGS = Path(__file__).parent / "strings"


def languages() -> tuple[str, ...]:
    """Return the languages there are strings for."""
    return tuple(sorted(path.stem for path in STRINGS.glob("*.toml")))


def message(key: str, lang: str, **values: Any) -> str:
    """Return the sentence ``key`` (``"section.name"``) in ``lang``, filled in.

    A `Reason` among the values is put in words in the same language.
    """
    section, name = key.split(".")
    spoken = {
        name: value.text(lang) if isinstance(value, Reason) else value
        for name, value in values.items()
    }
    return str(_strings(lang)[section][name]).format(**spoken)


@cache
def _strings(lang: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((STRINGS / f"{lang}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Reason:
    """Why marks were lost, in no language yet: ``key`` names a sentence (``"reason.missing"``)."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, lang: str) -> str:
        """Return the reason as one line in ``lang``.

        It may quote what a submission raised, so nothing is left in it that a terminal obeys.
        """
        text = message(self.key, lang, **self.values)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())
