"""Importing nbformat in a fraction of its time."""

import sys


def hasten_nbformat() -> None:
    """Leave out what jsonschema prepares for a second and no notebook's schema asks for.

    To be called before nbformat is imported. jsonschema takes the absence of these modules as a
    matter of course, they are extras: the first checks internationalised addresses with a grammar
    that it compiles on import, the second durations, with a whole library of dates.
    """
    for extra in ("rfc3987_syntax", "isoduration"):
        sys.modules.setdefault(extra, None)  # type: ignore[arg-type]
