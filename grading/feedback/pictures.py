"""Pictures of a notebook, made smaller for a page that is sent to many."""

import base64
import binascii
import io

from PIL import Image, UnidentifiedImageError

READ = ("PNG", "JPEG", "GIF")
WIDTH = 720  # pixels; no wider is a page's column
QUALITY = 60  # of WebP: the letters of a plot are still sharp
EFFORT = 2  # of 6: half of what 4, the default, takes, for some 8 % more bytes
MOST_PIXELS = 20_000_000  # beyond what any camera's picture has, a file may be there to fill memory


def smaller(data: str) -> str | None:
    """Return a picture as WebP in base64, at most `WIDTH` wide; None if it cannot be read.

    Parameters
    ----------
    data : str
        PNG, JPEG or GIF, in base64.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=READ) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.thumbnail((WIDTH, 10 * WIDTH))
            made = io.BytesIO()
            picture.convert("RGBA").save(made, "WEBP", quality=QUALITY, method=EFFORT)
    except (OSError, ValueError, SyntaxError, binascii.Error, UnidentifiedImageError):
        return None  # damaged, or no picture
    return base64.b64encode(made.getvalue()).decode()
