"""The site's short sentences, from ``grading/strings``."""

from typing import Any

from grading.messages import message


def say(key: str, lang: str, **values: Any) -> str:
    """Return the sentence ``site.KEY`` in a language, filled in."""
    return message(f"site.{key}", lang, **values)
