"""Iris: 150 flowers, 4 features in centimetres, 3 species."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _table
from stages.datasets._raw import Raw, Scaling, Split


class Params(DatasetParams):
    """Whether features are standardised on use, and the split."""

    variant: Literal["fisher"]
    scaling: Literal["none", "standardise"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Read the table."""
    x_NF, y_N, classes = _table.read(raw / "iris.csv")
    return Raw(x_NF, y_N, classes, Scaling(settings.scaling), split=settings.split)
