"""Digits (UCI): 1797 handwritten digits, 8 x 8, 17 shades."""

from pathlib import Path
from typing import Literal

import numpy as np

from stages._settings import DatasetParams
from stages.datasets._raw import Raw, Scaling, Split

SHADES = 16


class Params(DatasetParams):
    """The split."""

    variant: Literal["uci"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Read the table: 64 pixels and the digit."""
    table = np.loadtxt(raw / "digits.csv", delimiter=",", dtype=np.uint8)
    x_NHW = table[:, :64].reshape(-1, 8, 8)
    classes = tuple("0123456789")
    return Raw(x_NHW, table[:, 64], classes, Scaling("divide", SHADES), split=settings.split)
