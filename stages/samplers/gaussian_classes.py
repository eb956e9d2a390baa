"""Gaussian classes of unequal size in any number of dimensions: what imbalance is studied on.

Ours: the course uses red wine, where the truth about the classes is not known.
"""

from collections.abc import Sequence

import numpy as np

from stages.samplers import qwerties


def draw(
    rng: np.random.Generator,
    rows: int,
    shares: Sequence[float],
    features: int,
    distance: float,
    deviation: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of classes whose centres are all `distance` apart, in random order.

    Args:
        rng: the repeat's generator (stream `data`).
        rows: N.
        shares: each class's share of the rows; they add up to 1.
        features: F, at least the number of classes.
        distance: between any two centres.
        deviation: the standard deviation along every axis.

    Returns:
        x_NF (float32) and y_N (int64).

    Raises:
        ValueError: the shares do not add up to 1, or F is too small.
    """
    if abs(sum(shares) - 1) > 1e-6 or features < len(shares):
        raise ValueError(f"shares {shares} must add up to 1 and fit {features} features")
    bounds = np.round(np.cumsum(shares) * rows).astype(int)
    counts = np.diff(bounds, prepend=0)
    centres = np.eye(len(shares), features) * distance / np.sqrt(2)
    x_NF, y_N = qwerties.draw(rng, centres.tolist(), counts.tolist(), deviation)
    order = rng.permutation(rows)
    return x_NF[order], y_N[order]
