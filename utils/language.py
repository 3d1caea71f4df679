"""The language of this session, and what `utils` and `data` say in it.

It is kept in the environment (``DL_LANG``), so that the workers of a ``DataLoader`` and the
processes of ``accelerate launch`` speak as the session that started them. The setup cell of a
notebook sets it; where nobody did, English is spoken. The sentences are in ``utils/strings``, one
TOML file a language.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

VARIABLE = "DL_LANG"
FALLBACK = "en"
STRINGS = Path(__file__).with_name("strings")


def use(lang: str) -> None:
    """Speak ``lang`` from now on, in this process and in those that it starts."""
    os.environ[VARIABLE] = lang


def current() -> str:
    """Return the language of this session, such as ``"es"``."""
    return os.environ.get(VARIABLE) or FALLBACK


def tr(*, en: str, **others: str) -> str:
    """Return the one of these texts that is in this session's language; English without one.

    Examples
    --------
    >>> use("es")
    >>> tr(es="pérdida", en="loss")
    'pérdida'
    >>> use("en")
    """
    return others.get(current(), en)


def sentence(key: str, **values: Any) -> str:
    """Return the sentence ``key`` (``"section.name"``) in this session's language, filled in.

    A language without a file is spoken in English.

    Raises
    ------
    KeyError
        If there is no such sentence, or a value for it is missing.

    Examples
    --------
    >>> sentence("loader.no_item", name="train")
    'train is empty: its data set has no item. Check how it was loaded.'
    """
    lang = current() if current() in languages(STRINGS) else FALLBACK
    return fill(strings(STRINGS, lang), key, values)


@cache
def languages(folder: Path) -> tuple[str, ...]:
    """Return the languages that a folder has strings for."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml")))


@cache
def strings(folder: Path, lang: str) -> dict[str, dict[str, Any]]:
    """Return the sentences of a language by section and name."""
    return tomllib.loads((folder / f"{lang}.toml").read_text(encoding="utf-8"))


def fill(sentences: Mapping[str, Mapping[str, Any]], key: str, values: Mapping[str, Any]) -> str:
    """Return the sentence ``key`` with its values.

    A sentence ``KEY_one``, where there is one, is said for ``KEY`` when it counts (``count`` or
    ``marks``) a single thing.
    """
    section, name = key.split(".")
    if str(values.get("count", values.get("marks"))) == "1":
        name = f"{name}_one" if f"{name}_one" in sentences[section] else name
    return str(sentences[section][name]).format(**values)
