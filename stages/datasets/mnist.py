"""MNIST: handwritten digits, 28 x 28; 5000 of them (`sample`) or all 70 000 (`full`)."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _idx_pair
from stages.datasets._raw import Raw, Scaling, Split

CLASSES = tuple("0123456789")


class Params(DatasetParams):
    """Which MNIST, and the split; the 10 000 official test rows of `full` stay test rows."""

    variant: Literal["sample", "full"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Read the sample's table, or the four idx files."""
    if settings.variant == "full":
        x_NHW, y_N, part = _idx_pair.read(raw)
        return Raw(x_NHW, y_N, CLASSES, Scaling("divide", 255), part, settings.split)
    table = np.loadtxt(raw / "mnist_5k.csv", delimiter=",", dtype=np.uint8)
    x_NHW = table[:, :-1].reshape(-1, 28, 28)
    return Raw(x_NHW, table[:, -1], CLASSES, Scaling("divide", 255), split=settings.split)
