"""Generated rows: as many per class and split as are wanted, each split from its own source."""

from collections.abc import Iterator

import numpy as np

from stages._entry import UserError
from stages.datasets._raw import Part, Split

PARTS = {"train": Part.TRAIN, "dev": Part.DEV, "test": Part.TEST}


class GeneratedError(UserError):
    """A split of generated rows that is not the same whole number for every class."""


def plan(split: Split, classes: int) -> Iterator[tuple[Part, int]]:
    """Yield each split's part and its rows per class.

    Raises:
        GeneratedError: a size is no whole number, or the classes do not divide it.
    """
    for name, part in PARTS.items():
        size = getattr(split, name)
        if not isinstance(size, int) or size % classes:
            raise GeneratedError(
                f"split.{name}: {size!r} rows cannot be generated; use a multiple of {classes}"
            )
        yield part, size // classes


def parts(split: Split, classes: int) -> np.ndarray:
    """Return each row's part, the splits one after the other."""
    return np.concatenate([np.full(classes * rows, part) for part, rows in plan(split, classes)])
