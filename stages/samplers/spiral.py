"""Spirals: interleaved arms, a problem that needs depth or many units. Ours."""

import numpy as np


def draw(
    rng: np.random.Generator,
    per_class: int,
    classes: int = 2,
    turns: float = 1.5,
    noise: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the arms: the radius grows from 0.1 to 1 over `turns` turns.

    Args:
        rng: the repeat's generator (stream `data`).
        per_class: points of each arm, at radii drawn uniformly.
        classes: the number of arms, evenly rotated.
        turns: how often an arm goes round.
        noise: the deviation along each axis.

    Returns:
        x_NF (float32, F = 2) and y_N (int64).
    """
    y_N = np.repeat(np.arange(classes), per_class)
    way = rng.random(len(y_N))
    angle = 2 * np.pi * (turns * way + y_N / classes)
    radius = 0.1 + 0.9 * way
    arms = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (arms + noise * rng.standard_normal(arms.shape)).astype(np.float32), y_N
