"""Weights of networks trained on ImageNet, as tensors `<network>/<torchvision's name>`.

Every split's file holds all of them: nothing is learned about rows here.
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
