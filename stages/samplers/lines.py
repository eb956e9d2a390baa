"""Lines: y = slope x + noise, as the course draws them.

Facts of part A, section 0 (LIN): x ~ N(0, 1); y = m x + s N(0, 1).
"""

import numpy as np


def draw(
    rng: np.random.Generator, rows: int, slope: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points on a noisy line.

    Returns:
        x_NF (float32, F = 1) and y_N (float32).
    """
    x_N = rng.standard_normal(rows)
    y_N = slope * x_N + noise * rng.standard_normal(rows)
    return x_N[:, None].astype(np.float32), y_N.astype(np.float32)
