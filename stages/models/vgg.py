"""VGG's configurations: a list of layers goes in; its number of parameters comes out."""

from collections.abc import Sequence
from itertools import pairwise

FIELD, FULLY, OUTPUTS = 512 * 7 * 7, 4096, 1000  # of the fully connected layers
NO_PARAMETERS = ("M", "LRN")  # the largest of 2 x 2; normalisation across channels


def parameters(layers: Sequence[str]) -> int:
    """Return the parameters of a VGG: `64` is a 3 x 3 convolution, `1x64` a 1 x 1 one."""
    total, inputs = 0, 3
    for layer in layers:
        if layer not in NO_PARAMETERS:
            outputs = int(layer.removeprefix("1x"))
            total += outputs * (inputs * (1 if layer.startswith("1x") else 9) + 1)
            inputs = outputs
    fully = (FIELD, FULLY, FULLY, OUTPUTS)
    return total + sum(b * (a + 1) for a, b in pairwise(fully))
