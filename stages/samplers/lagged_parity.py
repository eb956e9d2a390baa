"""Lagged parity: bits whose answer needs a memory of exactly `lag` steps. Ours, for L12.

A window shorter than lag + 1 holds no information about the answer; its best accuracy is 1/2.
"""

import numpy as np

UNKNOWN = -1


def draw(
    rng: np.random.Generator, rows: int, length: int, lag: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw fair bits, and at each place whether the bit differs from the one `lag` steps before.

    Returns:
        x_NL (float32: -1 or 1) and y_NL (int64: 0 or 1; `UNKNOWN` at the first `lag` places).

    Raises:
        ValueError: the lag is not within 1 .. length - 1.
    """
    if not 1 <= lag < length:
        raise ValueError(f"lag {lag} is not within 1 .. {length - 1}")
    bits_NL = rng.integers(0, 2, (rows, length))
    y_NL = np.full((rows, length), UNKNOWN, dtype=np.int64)
    y_NL[:, lag:] = bits_NL[:, lag:] ^ bits_NL[:, :-lag]
    return (2.0 * bits_NL - 1.0).astype(np.float32), y_NL
