"""Photos, 96 x 96 in colour: crops of ten photographs, or STL-10."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _crops, _stl10
from stages.datasets._raw import Raw, Split


class Params(DatasetParams):
    """Which photos, and the split; the official test rows of `stl10` stay test rows."""

    variant: Literal["crops", "stl10"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Cut the crops, or read STL-10."""
    if settings.variant == "stl10":
        return _stl10.load(raw, settings.split)
    return _crops.load(raw, settings.split, rng)
