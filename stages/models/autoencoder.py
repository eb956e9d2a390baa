"""Convolutional autoencoders, and classifiers on their encoders: a design and a generator go in.

Out come nets of two parts, ``nn.Sequential(encoder, decoder)`` or ``nn.Sequential(encoder, head)``:
in both the names of an encoder's parameters start with ``ENCODER``, so that its weights can move.
Images are N,C,H,W with H = W; an autoencoder returns images of the same shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from stages.models.mlp import ACTIVATIONS, linear, mlp

ENCODER = "0."
Convolution = TypeVar("Convolution", nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Design:
    """A convolutional encoder of kernels of 3 x 3; every layer halves the side of its maps.

    Attributes:
        channels: those of the images, then of each layer.
        side: pixels of a side of the images.
        activation: that of every layer but the last of a net.
        pooled: halve by convolutions of stride 1 and max pooling, instead of by a stride of 2.
        units: a bottleneck of so many linear units behind the convolutions, None for none.
    """

    channels: tuple[int, ...]
    side: int
    activation: str
    pooled: bool = False
    units: int | None = None

    @property
    def sides(self) -> list[int]:
        """The side of the images, then of each layer's maps."""
        sides = [self.side]
        for _ in self.channels[1:]:
            sides.append((sides[-1] + (not self.pooled)) // 2)
        return sides

    @property
    def features(self) -> int:
        """How many numbers the convolutions make of an image."""
        return self.channels[-1] * self.sides[-1] ** 2

    @property
    def code(self) -> int:
        """How many numbers the encoder makes of an image."""
        return self.units or self.features


def autoencoder(design: Design, generator: torch.Generator) -> nn.Sequential:
    """An encoder, and a decoder that mirrors it with transposed convolutions; linear output."""
    return nn.Sequential(encoder(design, generator), decoder(design, generator))


def classifier(
    design: Design,
    sizes: tuple[int, ...],
    generator: torch.Generator,
    start: Mapping[str, Tensor] | None = None,
) -> nn.Sequential:
    """An encoder and fully connected layers of ``sizes`` (hidden..., classes); linear output.

    ``start`` holds weights for the encoder, as ``encoder_state`` gives them, in place of its
    initial ones. The head's initial weights are the same with and without it.

    Raises:
        RuntimeError: ``start`` is not the whole state of an encoder of this design.
    """
    body = encoder(design, generator)
    if start is not None:
        body.load_state_dict({name.removeprefix(ENCODER): start[name] for name in start})
    head = mlp((design.code, *sizes), generator, activation=design.activation)
    return nn.Sequential(body, head)


def encoder_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's part of a net's state, under the same names."""
    return {name: value for name, value in state.items() if name.startswith(ENCODER)}


def encoder(design: Design, generator: torch.Generator) -> nn.Sequential:
    """Convolutions from images to maps, and the bottleneck if there is one."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(design.channels):
        layer = nn.Conv2d(inputs, outputs, 3, 1 if design.pooled else 2, 1, device="meta")
        layers += [initialised(layer, generator), ACTIVATIONS[design.activation]()]
        if design.pooled:
            layers.append(nn.MaxPool2d(2))
    if design.units is not None:
        layers += [nn.Flatten(), linear(design.features, design.units, generator)]
    return nn.Sequential(*layers)


def decoder(design: Design, generator: torch.Generator) -> nn.Sequential:
    """Transposed convolutions from an encoder's outputs to images of the same side."""
    layers: list[nn.Module] = []
    activation, sides = ACTIVATIONS[design.activation], design.sides
    if design.units is not None:
        maps = (design.channels[-1], sides[-1], sides[-1])
        layers += [linear(design.units, design.features, generator), activation()]
        layers.append(nn.Unflatten(1, maps))
    for at in range(len(sides) - 1, 0, -1):
        inputs, outputs = design.channels[at], design.channels[at - 1]
        layers += [enlarging(inputs, outputs, sides[at], sides[at - 1], generator), activation()]
    return nn.Sequential(*layers[:-1])


def enlarging(
    inputs: int, outputs: int, small: int, large: int, generator: torch.Generator
) -> nn.ConvTranspose2d:
    """A transposed convolution of stride 2 from maps of a ``small`` side to a ``large`` one.

    The side of its output is 2 (small - 1) - 2 padding + 3 + output padding.
    """
    padding = 0 if large == 2 * small + 1 else 1
    rest = large - (2 * small + 1 - 2 * padding)
    layer = nn.ConvTranspose2d(inputs, outputs, 3, 2, padding, rest, device="meta")
    return initialised(layer, generator)


def initialised(layer: Convolution, generator: torch.Generator) -> Convolution:
    """Fill a layer with torch's default draw, U(-1/sqrt(n), 1/sqrt(n)), n being its fan-in."""
    filled = layer.to_empty(device="cpu")
    bound = 1 / math.sqrt(filled.weight[0].numel())  # torch's fan-in, of a transposed one too
    with torch.no_grad():
        for parameter in filled.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return filled
