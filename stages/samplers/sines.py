"""Series of two sines with noise: what a short window is enough for. Ours, for the notes' L12."""

from collections.abc import Sequence

import numpy as np


def draw(
    rng: np.random.Generator,
    rows: int,
    length: int,
    periods: Sequence[float] = (9.0, 23.0),
    noise: float = 0.1,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw series; each sine has a random phase, and their amplitudes add up to 1.

    Returns:
        x_NL (float32): the series; y_NL (float32): at each place the value that follows.
    """
    time = np.arange(length + 1)
    series = noise * rng.standard_normal((rows, length + 1))
    for period in periods:
        phase_N1 = rng.uniform(0, 2 * np.pi, (rows, 1))
        series += np.sin(2 * np.pi * time / period + phase_N1) / len(periods)
    return series[:, :-1].astype(np.float32), series[:, 1:].astype(np.float32)
