"""Photos as a frozen network sees them: the features before its last layer.

The photos are those of the dataset `photos` with the same variant and split.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from stages._settings import DatasetParams
from stages.datasets import _backbone, _crops, _stl10
from stages.datasets._raw import Raw, Scaling, Split


class Params(DatasetParams):
    """`<photos>+<network>`, the split, and whether features are standardised on use."""

    variant: Annotated[str, Field(pattern=r"^(crops|stl10)\+\w+$")]
    scaling: Literal["none", "standardise"]
    split: Split


def load(raw: Path, settings: Params, rng: np.random.Generator) -> Raw:
    """Run the network over the photos."""
    which, network = settings.variant.split("+")
    stl10 = which == "stl10"
    images = _stl10.load(raw, settings.split) if stl10 else _crops.load(raw, settings.split, rng)
    weights = _backbone.read(raw, network)
    x_NF = _backbone.features(network, weights, images.x)
    return replace(images, x=x_NF, scaling=Scaling(settings.scaling))
