"""How the path of a file is spelled, when nothing says how its letters are encoded."""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress

# What Windows writes into zips in the west of Europe (its console's and its windows' encoding), in
# America, and an old Mac.
LEGACY = ("cp850", "cp1252", "cp437", "mac_roman")


def spellings(raw: bytes) -> tuple[str, ...]:
    r"""Return a path in every reading of its bytes, the likely one first.

    That is UTF-8, which Macs and Linux write without saying so, else the reading with the fewest
    signs beside its letters. A path that was read wrongly once and encoded again is read back.
    Accents are composed, and backslashes are ``/``.

    Examples
    --------
    >>> spellings("José/lab.ipynb".encode("cp850"))[0]
    'José/lab.ipynb'
    >>> spellings(b"ana\\lab.ipynb")
    ('ana/lab.ipynb',)
    """
    if raw.isascii():
        readings = [raw.decode("ascii")]
    else:
        legacy = sorted(_read(raw), key=lambda text: sum(map(_is_sign, text)))
        readings = [*_read_utf8(raw), *legacy]
    composed = (unicodedata.normalize("NFC", text).replace("\\", "/") for text in readings)
    return tuple(dict.fromkeys(composed))


def _read(raw: bytes) -> Iterator[str]:
    for encoding in LEGACY:
        with suppress(UnicodeDecodeError):
            yield raw.decode(encoding)


def _read_utf8(raw: bytes) -> Iterator[str]:
    with suppress(UnicodeDecodeError):
        yield (text := raw.decode("utf-8"))
        for encoding in LEGACY:
            with suppress(UnicodeError):
                yield text.encode(encoding).decode("utf-8")


def _is_sign(char: str) -> bool:
    return not char.isascii() and not char.isalpha()
