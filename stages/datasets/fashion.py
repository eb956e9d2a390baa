"""Fashion-MNIST: 70 000 pictures of clothes, 28 x 28, 10 classes."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _idx_pair
from stages.datasets._raw import Raw, Scaling, Split

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


class Params(DatasetParams):
    """The split; the 10 000 official test rows stay test rows."""

    variant: Literal["full"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Read the four idx files."""
    x_NHW, y_N, part = _idx_pair.read(raw)
    return Raw(x_NHW, y_N, CLASSES, Scaling("divide", 255), part, settings.split)
