"""The language of a reader, of those that the course has sentences in."""

from collections.abc import Sequence


def preferred(accepted: str, known: Sequence[str], fallback: str) -> str:
    """Return the language that a header ``Accept-Language`` asks for most, or the fallback.

    Examples
    --------
    >>> preferred("fr;q=0.9, en-GB;q=0.8, es;q=0.1", ("es", "en"), "es")
    'en'
    >>> preferred("tlh, *", ("es", "en"), "es")
    'es'
    """
    wanted: list[tuple[float, str]] = []
    for part in accepted[:500].split(","):
        tag, _, quality = part.partition(";")
        name = tag.strip().partition("-")[0].lower()
        if name in known:
            wanted.append((_quality(quality), name))
    best = max(wanted, key=lambda one: one[0], default=(0.0, fallback))
    return best[1] if best[0] > 0 else fallback


def _quality(text: str) -> float:
    name, _, number = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(number), 0.0), 1.0)
    except ValueError:
        return 0.0
