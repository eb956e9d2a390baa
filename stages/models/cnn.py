"""The course's small convolutional nets: a generator goes in, an ordinary ``nn.Sequential`` out.

Part B, section 0: the net for digits has 30 840 parameters, the net for letters 16 490. Both take
images of 28 x 28, B,28,28, and end in a linear layer, the head; what stands before it is the body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from stages.models.mlp import linear

PIXELS = 28
HIDDEN = 50


def digit_net(classes: int, generator: torch.Generator) -> nn.Sequential:
    """Two convolutions, each with max-pooling and ReLU; no batch norm."""
    return nn.Sequential(
        nn.Unflatten(1, (1, PIXELS)),
        *(convolution(1, 10, 5, generator), nn.MaxPool2d(2), nn.ReLU()),  # 28 -> 26 -> 13
        *(convolution(10, 20, 5, generator), nn.MaxPool2d(2), nn.ReLU()),  # 13 -> 11 -> 5
        *(nn.Flatten(), linear(20 * 5 * 5, HIDDEN, generator), nn.ReLU()),
        linear(HIDDEN, classes, generator),
    )


def letter_net(classes: int, generator: torch.Generator) -> nn.Sequential:
    """Two convolutions, each with max-pooling, batch norm and leaky ReLU."""
    return nn.Sequential(
        nn.Unflatten(1, (1, PIXELS)),
        *(convolution(1, 6, 3, generator), nn.MaxPool2d(2), nn.BatchNorm2d(6), nn.LeakyReLU()),
        *(convolution(6, 6, 3, generator), nn.MaxPool2d(2), nn.BatchNorm2d(6), nn.LeakyReLU()),
        *(nn.Flatten(), linear(6 * 7 * 7, HIDDEN, generator), nn.LeakyReLU()),
        linear(HIDDEN, classes, generator),
    )


def convolution(inputs: int, outputs: int, size: int, generator: torch.Generator) -> nn.Conv2d:
    """``nn.Conv2d`` with a padding of 1 and torch's default draw, U(-1/sqrt(n), 1/sqrt(n))."""
    layer = nn.Conv2d(inputs, outputs, size, padding=1, device="meta").to_empty(device="cpu")
    bound = (inputs * size**2) ** -0.5
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    return layer


def body(net: nn.Sequential) -> nn.Sequential:
    """All layers but the head; the same modules under the same names."""
    return net[:-1]


def head(
    build: Callable[[torch.Generator], nn.Sequential], generator: torch.Generator
) -> nn.Sequential:
    """The last layer of ``build`` alone, with the weights and the name that it has there."""
    return build(generator)[-1:]


def with_body(
    build: Callable[[torch.Generator], nn.Sequential],
    state: Mapping[str, Tensor],
    generator: torch.Generator,
) -> nn.Sequential:
    """The net of ``build`` with the body of a trained one, buffers too, and a head of its own.

    ``state`` is the trained net's state dict; its head, which may be of another size, stays out.
    """
    net = build(generator)
    below = body(net)
    below.load_state_dict({name: state[name] for name in below.state_dict()})
    return net
