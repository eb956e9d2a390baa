"""Where every random number comes from: (root seed, repeat, stream) to generators.

Nothing in the project touches a global random state. Arms that share a repeat share its streams,
so that they are compared in pairs: on the same split, data, initial weights and batches.
"""

import numpy as np

STREAMS = ("split", "data", "init", "order", "mask")
FRESH = 1_000_000  # the index of the one fresh test set that all repeats on generated data share


def _sequence(root: int, index: int, stream: str) -> np.random.SeedSequence:
    return np.random.SeedSequence([root, index, STREAMS.index(stream)])


def integer(root: int, index: int, stream: str) -> int:
    """Return the 63-bit seed of one stream, for generators that take an integer (torch's)."""
    return int(_sequence(root, index, stream).generate_state(1, np.uint64)[0] >> np.uint64(1))


def numpy_generator(root: int, index: int, stream: str) -> np.random.Generator:
    """Return NumPy's generator of one stream.

    Raises:
        ValueError: the stream is none of `STREAMS`.
    """
    return np.random.default_rng(_sequence(root, index, stream))
