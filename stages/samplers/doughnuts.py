"""Doughnuts: two noisy rings, one inside the other, as the course draws them.

Facts of part A, section 0 (DONUT): angles linspace(0, 4 pi, 200); the inner ring has radius 10
and noise 3 along x, 1 along y; the outer radius 15 and noise 1 along x, 3 along y.
"""

from collections.abc import Sequence

import numpy as np


def draw(
    rng: np.random.Generator,
    per_class: int = 200,
    radii: Sequence[float] = (10.0, 15.0),
    noise: Sequence[Sequence[float]] = ((3.0, 1.0), (1.0, 3.0)),
) -> tuple[np.ndarray, np.ndarray]:
    """Draw both rings.

    Args:
        rng: the repeat's generator (stream `data`).
        per_class: points of each ring.
        radii: of the inner and the outer ring.
        noise: for each ring, the deviation along x and along y.

    Returns:
        x_NF (float32, F = 2) and y_N (int64; 0 inner, 1 outer).
    """
    angle = np.linspace(0, 4 * np.pi, per_class)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rings = [
        radius * circle + rng.standard_normal((per_class, 2)) * np.asarray(deviations)
        for radius, deviations in zip(radii, noise, strict=True)
    ]
    return np.concatenate(rings).astype(np.float32), np.repeat(np.arange(2), per_class)
