"""Fully connected nets: layer sizes and a generator go in, an ordinary ``nn.Sequential`` out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """``nn.Linear`` with torch's default draw, U(-1/sqrt(inputs), 1/sqrt(inputs))."""
    layer = nn.Linear(inputs, outputs, device="meta")  # draws nothing from the global generator
    bound = inputs**-0.5
    for name, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
        drawn = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        setattr(layer, name, nn.Parameter(drawn))
    return layer


def mlp(
    sizes: Sequence[int],
    generator: torch.Generator,
    activation: str = "relu",
    dropout: float | None = None,
) -> nn.Sequential:
    """Layers of ``sizes`` (inputs, hidden..., outputs) for rows of any shape.

    Each hidden layer is followed by its activation and, unless ``dropout`` is None, by dropout of
    that rate; a rate of 0 keeps the layer, so that arms with different rates train together.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [linear(inputs, outputs, generator), ACTIVATIONS[activation]()]
        if dropout is not None:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, linear(sizes[-2], sizes[-1], generator))
