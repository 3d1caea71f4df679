"""The autoencoder half of lab 3 on bad input; tests/labs/test_lab3.py grades its example class."""

from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.lab_code import definitions

LAB = "lab3_word2vec_autoencoder"


@pytest.fixture(scope="module")
def half() -> dict[str, Any]:
    names = definitions(LAB)
    names.update(height=8, width=6)
    return names


def test_images_become_rows_from_0_to_1(half: dict[str, Any]) -> None:
    images = np.arange(2 * 8 * 6, dtype=np.uint8).reshape(2, 8, 6)
    rows = half["to_rows"](images)
    torch.testing.assert_close(rows, torch.arange(96.0).reshape(2, 48) / 255)
    torch.testing.assert_close(half["to_rows"](images / 255), rows)


@pytest.mark.parametrize("shape", [(8, 6, 5), (5, 8, 6, 1), (5, 3, 8, 6), (5, 48), (5, 6, 8)])
def test_images_in_another_order_are_refused_in_one_line(
    half: dict[str, Any], shape: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, 8, 6\), one grey image") as caught:
        half["to_rows"](np.zeros(shape))
    assert str(shape) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (np.full((2, 8, 6), 1.5), "from 1.5 to 1.5"),
        (np.full((2, 8, 6), -0.4), "from -0.4 to -0.4"),
        (np.full((2, 8, 6), 256), "from 256 to 256"),
        (np.full((2, 8, 6), np.nan), "from nan to nan"),
    ],
)
def test_pixels_out_of_range_are_refused_in_one_line(
    half: dict[str, Any], images: np.ndarray, found: str
) -> None:
    with pytest.raises(ValueError, match=found) as caught:
        half["to_rows"](images)
    assert "undo any normalisation" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("latent", [-1, 0, 48, 60])
@pytest.mark.parametrize("model", ["Autoencoder", "VAE"])
def test_code_without_a_bottleneck_is_refused(
    half: dict[str, Any], model: str, latent: int
) -> None:
    with pytest.raises(ValueError, match=f"the code has {latent} numbers; expected 1 to 47"):
        half[model](48, 10, latent)
