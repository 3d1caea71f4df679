"""``jhwutils.image_audio``: look at images and listen to sounds in a notebook.

Images are arrays of shape (height, width), (height, width, 3) or (height, width, 4), of floats
between 0 and 1 or of integers between 0 and 255.
"""

import base64
import io
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio, display
from numpy.typing import ArrayLike, NDArray

from grading.session.display import publish

__all__ = [
    "load_image_color",
    "load_image_colour",
    "load_image_gray",
    "play_sound",
    "show_image",
    "show_image_mpl",
]

LUMINANCE = np.array([0.299, 0.587, 0.114])  # weights of red, green and blue, ITU-R BT.601


def show_image(image: ArrayLike, width: str = "50%") -> None:
    """Show an image as it is, scaled to a CSS ``width``."""
    pixels = _unit(image)
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, pixels, cmap="gray", vmin=0, vmax=1, format="png")
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    text = f"image of {pixels.shape[0]} × {pixels.shape[1]} pixels"
    style = f"width:{width};image-rendering:pixelated"
    publish(text, f'<img alt="{text}" style="{style}" src="data:image/png;base64,{encoded}">')


def show_image_mpl(image: ArrayLike) -> None:
    """Show an image as a matplotlib figure without axes."""
    figure, axes = plt.subplots()
    axes.imshow(_unit(image), cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
    plt.show()
    plt.close(figure)


def play_sound(sound: ArrayLike, sr: int = 44100) -> None:
    """Show a player for a sound.

    Parameters
    ----------
    sound : array_like, shape (samples,) or (channels, samples)
        Any range; it is scaled to the loudest sample.
    sr : int
        Samples a second.
    """
    display(Audio(np.asarray(sound, dtype=float), rate=sr))


def load_image_gray(path: str | Path) -> NDArray[np.float64]:
    """Read an image file as its luminance, shape (height, width), between 0 and 1."""
    pixels = _unit(matplotlib.image.imread(path))
    return pixels if pixels.ndim == 2 else pixels[..., :3] @ LUMINANCE


def load_image_colour(path: str | Path) -> NDArray[np.float64]:
    """Read an image file as red, green and blue, shape (height, width, 3), between 0 and 1."""
    pixels = _unit(matplotlib.image.imread(path))
    return np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels[..., :3]


load_image_color = load_image_colour


def _unit(image: ArrayLike) -> NDArray[np.float64]:
    """Return an image as floats between 0 and 1, or raise ValueError if it is none."""
    pixels = np.asarray(image)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise ValueError(
            "expected an image of shape (height, width) or (height, width, 3 or 4), "
            f"found shape {pixels.shape}"
        )
    scale = 255.0 if np.issubdtype(pixels.dtype, np.integer) else 1.0
    return np.clip(pixels.astype(float) / scale, 0.0, 1.0)
