"""The text of a file of names, in an encoding that it does not tell.

What is not Unicode is decoded in each of a few encodings and measured for how unlike people's names
it reads: a wrong one puts symbols beside letters, and capitals inside words. Where no reading is
clearly the best the file is refused, for a refusal costs less than a garbled name.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import suppress

from grading.errors import UserError

# How odd each encoding is by itself, by how the lines end: CR alone is an old Mac's.
PRIOR = {
    b"\r\n": {"cp1252": 0, "mac_roman": 2, "cp850": 2},
    b"\n": {"cp1252": 0, "mac_roman": 1, "cp850": 2},
    b"\r": {"cp1252": 2, "mac_roman": 0, "cp850": 3},
}
SYMBOL, CASE, RARE, SIGN = 4, 4, 2, 1  # how odd: "Mu¤oz", "MuÒoz", "Raœl", "O’Brien"
MARGIN = 2  # by which the best reading must beat the next
COMMON = frozenset("áéíóúüñçàèòªº")

SIGNATURES = {b"PK\x03\x04": "a spreadsheet (.xlsx or .ods)", b"\xd0\xcf\x11\xe0": "an .xls file"}
SAVE_AGAIN = "save it again as 'CSV UTF-8'"
EXPORT_AGAIN = "export it again, as 'CSV UTF-8'"


def decoded(data: bytes) -> str:
    """Return the text of a CSV file, its accents composed.

    Raises
    ------
    UserError
        In one line that begins with the line's number, if the encoding cannot be told.

    Examples
    --------
    >>> decoded("1;Muñoz".encode("mac_roman")), decoded("1;Muñoz".encode("cp1252"))
    ('1;Muñoz', '1;Muñoz')
    """
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature):
            raise UserError(f"line 1: this is {kind}, not a CSV file; {SAVE_AGAIN}")
    return unicodedata.normalize("NFC", _unicode(data) or _legacy(data))


def _unicode(data: bytes) -> str | None:
    """Return the text if it is UTF-16 or UTF-8, None if it is neither."""
    zeros = [data[start::2].count(0) for start in (0, 1)]
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if marked or sum(zeros) * 3 > len(data):
        kind = "utf-16" if marked else "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        try:
            return data.decode(kind)
        except UnicodeDecodeError:
            raise UserError(f"line 1: this is damaged UTF-16; {SAVE_AGAIN}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    for number, line in enumerate(unicodedata.normalize("NFC", text).splitlines(), start=1):
        if garbled := _garbled(line):
            raise UserError(f"line {number}: {garbled}; {EXPORT_AGAIN}")
    return text


def _garbled(line: str) -> str:
    """Say how a line of UTF-8 is in truth another text, misread here or before it was saved."""
    if "\ufffd" in line:
        return f"letters are lost in {line.strip()!r:.60}"
    for encoding in PRIOR[b"\n"]:
        for written, read in ((encoding, "utf-8"), ("utf-8", encoding)):
            with suppress(UnicodeError):
                meant = line.encode(written).decode(read)
                if oddness(meant) < oddness(line):
                    return f"{line.strip()!r:.60} seems to be {meant.strip()!r:.60}, misread"
    return ""


def _legacy(data: bytes) -> str:
    """Return the text in the one encoding in which it reads as names."""
    ends = next((end for end in (b"\r\n", b"\n") if end in data), b"\r")
    odd: dict[str, int] = {}
    for encoding, prior in PRIOR[ends].items():
        with suppress(UnicodeDecodeError):
            text = data.decode(encoding)
            odd[text] = min(odd.get(text, prior + oddness(text)), prior + oddness(text))
    best, *others = sorted(odd, key=lambda text: odd[text])
    rivals = [text for text in others if odd[text] < odd[best] + MARGIN]
    end = "\r" if ends == b"\r" else "\n"
    readings = zip(*(text.split(end) for text in (best, *rivals)), strict=True)
    for number, (line, *others) in enumerate(readings, start=1):
        if other := next((text for text in others if text != line), ""):
            found = f"{line.strip()!r:.60} may also be {other.strip()!r:.60}"
        elif SYMBOL in _oddities(line):
            found = f"{line.strip()!r:.60} is not text in an encoding that is known here"
        else:
            continue
        raise UserError(f"line {number}: {found}; {SAVE_AGAIN}")
    return best


def oddness(text: str) -> int:
    """Return how unlike names the characters of a text are that are not ASCII."""
    return sum(_oddities(text))


def _oddities(text: str) -> Iterator[int]:
    for place, char in enumerate(text):
        if not char.isascii():
            before, after = text[max(place - 2, 0) : place], text[place + 1 : place + 2]
            yield _oddity(char, before, after)


def _oddity(char: str, before: str, after: str) -> int:
    """Return how odd a character is after up to two others and before one."""
    last = before[-1:]
    if not char.isalpha():
        is_inside = last.isalpha() and after.isalpha()
        if char in "’\xa0" or (char == "·" and last + after in ("ll", "LL")):
            return (RARE if char == "\xa0" else SIGN) if is_inside else 0
        is_beside = any(other.isalpha() or not other.isascii() for other in (last, after) if other)
        return SYMBOL if is_beside else 0
    if char.isupper():
        wrong_case = last.islower() or (last.isupper() and after.islower())
    else:
        wrong_case = after.isupper() or (len(before) == 2 and before.isalpha() and before.isupper())
    if wrong_case:
        return CASE
    starts_small = char.islower() and not last.isalpha() and after.islower()
    return RARE * (starts_small + (char.lower() not in COMMON))
