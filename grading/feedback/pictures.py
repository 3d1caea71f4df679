"""Pictures of a notebook, as pages show them: without what else their files hold."""

import base64
import binascii
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import unpack_from

from PIL import Image, UnidentifiedImageError

READ = ("PNG", "JPEG", "GIF")
WIDTH = 720  # pixels; no wider is a page's column
QUALITY = 60  # of WebP: the letters of a plot are still sharp
EFFORT = 2  # of 6: half of what 4, the default, takes, for some 8 % more bytes
OPAQUE = 255
MOST_PIXELS = 20_000_000  # beyond what any camera's picture has, a file may be there to fill memory
LARGE = 400_000  # characters in base64; a usual figure has some 100,000
UNREADABLE = (OSError, ValueError, SyntaxError, binascii.Error, UnidentifiedImageError)

# A PNG begins so; of its chunks these are the picture (PNG specification, third edition, 4 and 11).
_PNG = b"\x89PNG\r\n\x1a\n"
_SEEN = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_FRAME = 12  # bytes of a chunk beside its data


@dataclass(frozen=True)
class Picture:
    """A picture as a page has it: its type, and its file in base64."""

    mime: str
    data: str


Shown = Callable[[str], Picture | None]  # of a file in base64; None if it cannot be shown


def smaller(data: str) -> Picture | None:
    """Return a picture as WebP, at most `WIDTH` wide, for a page that is sent to many.

    Parameters
    ----------
    data : str
        PNG, JPEG or GIF, in base64.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=READ) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            small = _plain(picture)
            small.thumbnail((WIDTH, 10 * WIDTH), Image.Resampling.HAMMING)
            made = io.BytesIO()
            small.save(made, "WEBP", quality=QUALITY, method=EFFORT)
    except UNREADABLE:
        return None
    return Picture("image/webp", base64.b64encode(made.getvalue()).decode())


def bare(data: str) -> Picture | None:
    """Return a PNG as it is, without any text in its file, for a page that is wanted at once.

    It takes a hundredth of the time of `smaller`, which does the same for what is no sound PNG, or
    a large one.
    """
    kept = None if len(data) > LARGE else _seen(data)
    return smaller(data) if kept is None else Picture("image/png", base64.b64encode(kept).decode())


def _seen(data: str) -> bytes | None:
    """Return those chunks of a PNG that are seen, None if it is none or damaged."""
    try:
        png = base64.b64decode(data)
        with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.verify()
    except UNREADABLE:
        return None
    return _PNG + b"".join(chunk for kind, chunk in _chunks(png) if kind in _SEEN)


def _plain(picture: Image.Image) -> Image.Image:
    """Return a picture without its palette, and without what shines through if nothing does."""
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    clear = picture.convert("RGBA")
    is_opaque = clear.getchannel("A").getextrema()[0] == OPAQUE
    return clear.convert("RGB") if is_opaque else clear


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a sound PNG with their kinds; what follows the last is none of them."""
    start, kind = len(_PNG), b""
    while kind != b"IEND":
        length, kind = unpack_from(">I4s", png, start)
        end = start + _FRAME + length
        yield kind, png[start:end]
        start = end
