"""Qwerties: one round Gaussian cluster per class in the plane, as the course draws them.

The course's sets (facts of part A, section 0), each with deviation 1: two clusters of 100 at
(1, 1), (5, 1) or at (1, 3), (1, -2); three of 100 at (1, 1), (5, 1), (3, -2); three of 300 at
(1, 1), (5, 1), (4, 3) or with (4, 4) for the third.
"""

import math
from collections.abc import Sequence

import numpy as np


def draw(
    rng: np.random.Generator,
    centres: Sequence[Sequence[float]],
    per_class: int | Sequence[int],
    deviation: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points around centres.

    Args:
        rng: the repeat's generator (stream `data`).
        centres: C centres of F coordinates.
        per_class: points of every class, or of each.
        deviation: the standard deviation along every axis.

    Returns:
        x_NF (float32) and y_N (int64), the classes one after the other.
    """
    centres_CF = np.asarray(centres, dtype=np.float64)
    counts = np.broadcast_to(per_class, len(centres_CF))
    y_N = np.repeat(np.arange(len(centres_CF)), counts)
    noise_NF = rng.standard_normal((len(y_N), centres_CF.shape[1]))
    return (centres_CF[y_N] + deviation * noise_NF).astype(np.float32), y_N.astype(np.int64)


def bayes_accuracy(centres: Sequence[Sequence[float]], deviation: float = 1.0) -> float:
    """Return the best accuracy any rule can reach on two equally large clusters.

    It is Phi(d / 2s) for centres at distance d and deviation s: 0.977 for (1, 1), (5, 1) and
    0.994 for (1, 3), (1, -2).

    Raises:
        ValueError: there are not two centres.
    """
    first, second = centres
    half = math.dist(first, second) / (2 * deviation)
    return 0.5 * (1 + math.erf(half / math.sqrt(2)))
