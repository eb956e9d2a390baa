"""Drawing letters: (fonts, a letter) -> 28 x 28 images, each with its own random distortion.

Case, rotation, shear, width, height, place, stroke, a smooth elastic warp and noise vary.
"""

from functools import cache
from pathlib import Path

import numpy as np

SIZE = 28
FINE = 2 * SIZE  # images are drawn at twice their size and averaged
CANVAS = 112
CAP = 72  # the height of a capital on the canvas
WAVES = 3


def draw(
    rng: np.random.Generator, folder: Path, fonts_N: np.ndarray, letter: str, noise: float
) -> np.ndarray:
    """Draw one image for each font.

    Args:
        rng: decides on every distortion.
        folder: where the fonts' .ttf files lie.
        fonts_N: the font of each image.
        letter: a capital; half of the images show the small letter.
        noise: the deviation of the pixels' noise, of 1.

    Returns:
        (N, 28, 28) uint8, bright on dark.
    """
    from scipy.ndimage import map_coordinates

    coordinates_N2HW = _affine(rng, len(fonts_N)) + _elastic(rng, len(fonts_N))
    gain_N = np.exp2(rng.uniform(-0.5, 1.5, len(fonts_N)))
    small_N = rng.random(len(fonts_N)) < 0.5
    fine = np.stack(
        [
            map_coordinates(
                gain * _glyph(folder / f"{font}.ttf", letter.lower() if small else letter),
                coordinates,
                order=1,
            )
            for font, small, gain, coordinates in zip(
                fonts_N, small_N, gain_N, coordinates_N2HW, strict=True
            )
        ]
    )
    image_NHW = np.clip(fine, 0, 1).reshape(-1, SIZE, 2, SIZE, 2).mean((2, 4))
    noisy = image_NHW + noise * rng.standard_normal(image_NHW.shape)
    shades: np.ndarray = np.round(255 * np.clip(noisy, 0, 1)).astype(np.uint8)
    return shades


@cache
def _glyph(font: Path, character: str) -> np.ndarray:
    """Return a character in the middle of a canvas, slightly blurred, float32 in [0, 1]."""
    from PIL import Image, ImageDraw, ImageFont
    from scipy.ndimage import gaussian_filter

    face = ImageFont.truetype(str(font), 100)
    left, top, right, bottom = face.getbbox("H")
    face = ImageFont.truetype(str(font), round(100 * CAP / (bottom - top)))
    left, top, right, bottom = face.getbbox(character)
    image = Image.new("L", (CANVAS, CANVAS))
    place = ((CANVAS - left - right) / 2, (CANVAS - top - bottom) / 2)
    ImageDraw.Draw(image).text(place, character, fill=255, font=face)
    return np.asarray(gaussian_filter(np.asarray(image, np.float32) / 255, 1.0))


def _affine(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return where on the canvas each fine pixel is read, (N, 2, FINE, FINE)."""
    angle_N = np.deg2rad(10) * rng.standard_normal(rows)
    shear_N = 0.15 * rng.standard_normal(rows)
    scale_N2 = rng.uniform(0.9, 1.3, (rows, 2)) * CANVAS / FINE * 0.8
    shift_N2 = rng.uniform(-6, 6, (rows, 2))
    cos, sin = np.cos(angle_N), np.sin(angle_N)
    matrix = np.stack([np.stack([cos, -sin], -1), np.stack([sin + shear_N, cos], -1)], 1)
    axis = np.arange(FINE) - (FINE - 1) / 2
    grid_2HW = np.stack(np.meshgrid(axis, axis, indexing="ij"))
    turned: np.ndarray = np.einsum("nij,jhw->nihw", matrix * scale_N2[:, :, None], grid_2HW)
    turned += (CANVAS - 1) / 2 + shift_N2[:, :, None, None]
    return turned


def _elastic(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Return smooth random displacements, (N, 2, FINE, FINE): sums of a few slow cosines."""
    phase = np.pi * (np.arange(FINE) + 0.5) / FINE
    waves_KS = np.cos(np.arange(1, WAVES + 1)[:, None] * phase)
    amplitude = 1.5 * rng.standard_normal((rows, 2, WAVES, WAVES))
    warp: np.ndarray = np.einsum("nckl,kh,lw->nchw", amplitude, waves_KS, waves_KS, optimize=True)
    return warp
