"""Images of one Gaussian blob: two widths to tell apart, or bars to remove, as the course does.

Facts of part B, section 0. G2: a grid linspace(-4, 4, 91); centre 2 N(0, 1) along each axis;
exp(-d^2 / 2w^2) with w = 1.8 or 2.4; noise N(0, 1) / 5. GA: centre 1.5 N(0, 1); exp(-d^2 / w)
with w from linspace(2, 20, N); the same noise; then one bar of value 1, 2 to 5 wide, its start
2 to 27, in either direction. Counts of pixels are the course's at 91 and scale with the size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COURSE_SIZE = 91
EXTENT = 4.0


@dataclass(frozen=True)
class Barred:
    """Images of blobs, before and after the bar (each (N, H, W), float32).

    Attributes:
        clean: without noise and bar.
        noisy: with noise.
        barred: with noise and a bar, which overwrites it.
        bar: boolean, where the bar is.
    """

    clean: np.ndarray
    noisy: np.ndarray
    barred: np.ndarray
    bar: np.ndarray


def draw(
    rng: np.random.Generator,
    rows: int,
    size: int = COURSE_SIZE,
    widths: Sequence[float] = (1.8, 2.4),
    centre_deviation: float = 2.0,
    noise: float = 0.2,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw blobs of as many classes as there are widths (G2), the classes alternating.

    Returns:
        x_NHW (float32) and y_N (int64), the number of the width.
    """
    y_N = np.arange(rows) % len(widths)
    width_N = np.asarray(widths)[y_N]
    clean_NHW = np.exp(
        -_squared_distance(rng, rows, size, centre_deviation) / _wide(2 * width_N**2)
    )
    return (clean_NHW + noise * rng.standard_normal(clean_NHW.shape)).astype(np.float32), y_N


def draw_barred(
    rng: np.random.Generator,
    rows: int,
    size: int = COURSE_SIZE,
    widths: tuple[float, float] = (2.0, 20.0),
    centre_deviation: float = 1.5,
    noise: float = 0.2,
    starts: tuple[int, int] = (2, 27),
    thicknesses: tuple[int, int] = (2, 5),
) -> Barred:
    """Draw blobs with one bar each (GA).

    Args:
        rng: the repeat's generator (stream `data`).
        rows: N.
        size: H and W.
        widths: the smallest and the largest divisor of d^2, evenly spaced over the rows.
        centre_deviation: of the centre along each axis.
        noise: the deviation of the noise.
        starts: the first and the last start of a bar, for 91 pixels ((10, 80) for bars anywhere).
        thicknesses: the smallest and the largest width of a bar, for 91 pixels.
    """
    distance_NHW = _squared_distance(rng, rows, size, centre_deviation)
    clean = np.exp(-distance_NHW / _wide(np.linspace(*widths, rows)))
    noisy = clean + noise * rng.standard_normal(clean.shape)
    bar = _bars(rng, rows, size, starts, thicknesses)
    barred = np.where(bar, 1.0, noisy)
    clean, noisy, barred = (image.astype(np.float32) for image in (clean, noisy, barred))
    return Barred(clean, noisy, barred, bar)


def _squared_distance(
    rng: np.random.Generator, rows: int, size: int, deviation: float
) -> np.ndarray:
    """Return each pixel's squared distance from a random centre, (N, H, W)."""
    axis = np.linspace(-EXTENT, EXTENT, size)
    centre_N2 = deviation * rng.standard_normal((rows, 2))
    x_N1W = (axis[None, :] - centre_N2[:, :1])[:, None, :] ** 2
    y_NH1 = (axis[None, :] - centre_N2[:, 1:])[:, :, None] ** 2
    return x_N1W + y_NH1


def _bars(
    rng: np.random.Generator,
    rows: int,
    size: int,
    starts: tuple[int, int],
    thicknesses: tuple[int, int],
) -> np.ndarray:
    scale = size / COURSE_SIZE
    start_N1 = np.round(scale * rng.integers(*starts, rows, endpoint=True))[:, None]
    thick_N1 = np.round(scale * rng.integers(*thicknesses, rows, endpoint=True))[:, None]
    place = np.arange(size)[None, :]
    inside_NS = (place >= start_N1) & (place < start_N1 + np.maximum(1, thick_N1))
    horizontal = _wide(rng.random(rows) < 0.5)
    shape = (rows, size, size)
    across = np.broadcast_to(inside_NS[:, :, None], shape)
    return np.where(horizontal, across, np.broadcast_to(inside_NS[:, None, :], shape))


def _wide(values_N: np.ndarray) -> np.ndarray:
    return values_N[:, None, None]
