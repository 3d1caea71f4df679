"""A picture on a page says nothing but what is seen, and no file of one fills memory."""

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from grading.feedback.pictures import LARGE, WIDTH, Picture, bare, smaller
from tests import live_markup

WHOSE = "Ada Testperson"
SIZE = (40, 30)


def encoded(picture: Image.Image, kind: str = "PNG", **how) -> str:
    stream = io.BytesIO()
    picture.save(stream, kind, **how)
    return base64.b64encode(stream.getvalue()).decode()


def drawn(mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture of noise; what is no palette or grey is half clear, where it can be."""
    shape = (size[1], size[0], 4)
    pixels = np.random.default_rng(7).integers(0, 256, size=shape, dtype=np.uint8)
    pixels[..., 3] = np.where(np.arange(size[0]) < size[0] // 2, 0, 255)
    return Image.fromarray(pixels).convert(mode)


def signed(picture: Image.Image) -> str:
    """Return a PNG that says three times whose it is, once after its end."""
    about = PngImagePlugin.PngInfo()
    about.add_text("Author", WHOSE)
    about.add_itxt("Comment", WHOSE, zip=False)
    data = base64.b64decode(encoded(picture, pnginfo=about)) + WHOSE.encode()
    assert data.count(WHOSE.encode()) == 3
    return base64.b64encode(data).decode()


def opened(picture: Picture | None) -> Image.Image:
    assert picture is not None
    return Image.open(io.BytesIO(base64.b64decode(picture.data)))


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("shown", [smaller, bare])
def test_a_file_that_tells_whose_it_is_tells_it_no_more(
    shown: Callable[[str], Picture | None],
) -> None:
    found = shown(signed(drawn()))
    assert found is not None and WHOSE.encode() not in base64.b64decode(found.data)
    assert not {"Author", "Comment", "exif", "xmp"} & opened(found).info.keys()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_bare_one_has_the_same_pixels(mode: str) -> None:
    found = bare(signed(drawn(mode)))
    assert found is not None and found.mime == "image/png"
    np.testing.assert_array_equal(pixels(opened(found)), pixels(drawn(mode)))


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("width", [WIDTH // 2, 2 * WIDTH])
def test_a_smaller_one_looks_the_same(mode: str, width: int) -> None:
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (width // 4, 1))
    picture = Image.fromarray(ramp).convert(mode)
    found = opened(smaller(encoded(picture)))
    assert found.format == "WEBP" and found.size == (min(width, WIDTH), min(width, WIDTH) // 4)
    wanted = picture.convert("RGBA").resize(found.size)
    assert np.abs(pixels(found).astype(int) - pixels(wanted)).mean() < 3


def test_what_shines_through_a_smaller_one_still_does() -> None:
    found = pixels(opened(smaller(encoded(drawn("RGBA")))))
    np.testing.assert_array_equal(found[..., 3], pixels(drawn("RGBA"))[..., 3])


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_what_is_no_png_is_made_smaller(kind: str) -> None:
    found = bare(encoded(drawn(), kind))
    assert found is not None and found.mime == "image/webp"


def test_a_large_png_is_made_smaller() -> None:
    data = encoded(drawn(size=(500, 400)))
    assert len(data) > LARGE
    found = bare(data)
    assert found is not None and found.mime == "image/webp" and len(found.data) < LARGE


def vast() -> str:
    """Return a PNG that says that it is 100,000 by 100,000."""
    header = bytearray(base64.b64decode(live_markup.PIXEL))
    header[16:24] = (100_000).to_bytes(4, "big") * 2
    return base64.b64encode(header).decode()


@pytest.mark.parametrize("shown", [smaller, bare])
@pytest.mark.parametrize(
    "data",
    [
        "",
        "not base64",
        base64.b64encode(b"<svg onload=alert()>").decode(),
        base64.b64encode(base64.b64decode(live_markup.PIXEL)[:40]).decode(),
        vast(),
    ],
    ids=["empty", "text", "svg", "header", "vast"],
)
def test_one_that_cannot_be_shown_is_none(
    shown: Callable[[str], Picture | None], data: str
) -> None:
    assert shown(data) is None


def test_one_that_lacks_its_end_is_shown_as_far_as_it_can_be_read() -> None:
    cut = base64.b64decode(encoded(drawn()))[:-20]
    found = bare(base64.b64encode(cut).decode())
    assert found is not None and opened(found).size == SIZE
