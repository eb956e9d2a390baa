"""Photos, 32 x 32 in colour: crops of ten photographs made smaller, or CIFAR-10."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _cifar10, _crops
from stages.datasets._raw import Raw, Split

SIZE = 32


class Params(DatasetParams):
    """Which photos, and the split; the official test rows of `cifar10` stay test rows."""

    variant: Literal["crops", "cifar10"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Cut the crops and average them, or read CIFAR-10."""
    if settings.variant == "cifar10":
        return _cifar10.load(raw, settings.split)
    return _crops.load(raw, settings.split, rng, SIZE)
