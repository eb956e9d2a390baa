"""A noisy cubic: what the size of a polynomial is chosen on. Ours, for the notes' L198-200."""

from collections.abc import Sequence

import numpy as np


def truth(x_N: np.ndarray, coefficients: Sequence[float]) -> np.ndarray:
    """Return the polynomial's values; the coefficient of x**0 comes first."""
    values: np.ndarray = np.polynomial.polynomial.polyval(x_N, np.asarray(coefficients))
    return values


def draw(
    rng: np.random.Generator,
    rows: int,
    coefficients: Sequence[float] = (0.0, -1.5, 0.0, 1.0),
    noise: float = 0.5,
    extent: float = 2.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points: x uniform on [-extent, extent], y the polynomial plus Gaussian noise.

    Returns:
        x_NF (float32, F = 1) and y_N (float32).
    """
    x_N = rng.uniform(-extent, extent, rows)
    y_N = truth(x_N, coefficients) + noise * rng.standard_normal(rows)
    return x_N[:, None].astype(np.float32), y_N.astype(np.float32)
