"""Importing nbformat in a fraction of its time."""

import sys


def hasten_nbformat() -> None:
    """Leave out what jsonschema prepares for a second and no notebook's schema asks for.

    To be called before nbformat is imported. jsonschema takes the absence of this module, which
    checks internationalised addresses with a grammar that it compiles on import, as a matter of
    course: it is an extra.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
