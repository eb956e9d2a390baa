"""Weights of any torchvision classifier, by name, as tensors `<network>/<torchvision's name>`.

The course's own networks are in `backbones`. Every split's file holds all tensors.
"""

from pathlib import Path

import numpy as np

from stages._settings import DatasetParams
from stages.datasets import _backbone
from stages.datasets._raw import Fixed


class Params(DatasetParams):
    """The networks, by torchvision's names: one, or several joined by `+`."""


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Fixed:
    """Read the weights of every network."""
    return _backbone.fixed(raw, settings.variant.split("+"))
