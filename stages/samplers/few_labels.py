"""Which rows have labels: class numbers go in, row numbers by class come out.

Shapes: N rows, C classes, L labelled rows per class.
"""

import numpy as np


def draw(rng: np.random.Generator, y_N: np.ndarray, most: int) -> np.ndarray:
    """Draw the labelled rows of each class, (C, L); the first columns are those of fewer labels.

    Raises:
        ValueError: a class has fewer rows.
    """
    rows = [rng.permutation(np.flatnonzero(y_N == number)) for number in range(y_N.max() + 1)]
    fewest = min(len(own) for own in rows)
    if fewest < most:
        raise ValueError(f"{most} labelled rows per class are wanted, a class has {fewest}")
    return np.stack([own[:most] for own in rows])
