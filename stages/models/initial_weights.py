"""Other initial weights: a module and a generator go in; the module comes out, its values redrawn.

Each class is one way to start, a value that can be compared and hashed. Called with a module that
has torch's default draw, it changes the module in place and returns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from stages.models.mlp import linear

N = TypeVar("N", bound=nn.Module)

SCHEMES: dict[str, Callable[..., Tensor]] = {
    "default": lambda weight, generator: weight,
    "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "kaiming_normal": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "kaiming_uniform": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
}


@dataclass(frozen=True)
class Scheme:
    """Weights by one of `SCHEMES`; biases stay as they are."""

    name: str

    def __call__(self, module: N, generator: torch.Generator) -> N:
        """Redraw every weight, in the order of the layers."""
        for weight in weights(module):
            SCHEMES[self.name](weight, generator=generator)
        return module

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Deviation:
    """All parameters, biases too, from a normal distribution of mean 0."""

    deviation: float

    def __call__(self, module: N, generator: torch.Generator) -> N:
        """Redraw every parameter."""
        for parameter in module.parameters():
            nn.init.normal_(parameter, 0.0, self.deviation, generator=generator)
        return module

    def __str__(self) -> str:
        return f"deviation {self.deviation:.2e}"


@dataclass(frozen=True)
class Constant:
    """All parameters, biases too, at one value."""

    value: float

    def __call__(self, module: N, generator: torch.Generator) -> N:
        """Set every parameter."""
        for parameter in module.parameters():
            nn.init.constant_(parameter, self.value)
        return module

    def __str__(self) -> str:
        return f"constant {self.value:g}"


@dataclass(frozen=True)
class ZeroLayer:
    """The weights of one layer, counted from 1, at zero; the rest stays as it is."""

    layer: int

    def __call__(self, module: N, generator: torch.Generator) -> N:
        """Set one weight matrix to zero."""
        nn.init.zeros_(list(weights(module))[self.layer - 1])
        return module

    def __str__(self) -> str:
        return f"zero layer {self.layer}"


Start = Scheme | Deviation | Constant | ZeroLayer


def weights(module: nn.Module) -> Iterator[Tensor]:
    """Yield the weights of a module's layers: its parameters with more than one axis."""
    return (parameter for parameter in module.parameters() if parameter.dim() > 1)


def promised(name: str, inputs: int, outputs: int) -> float:
    """Return the standard deviation of a scheme's weights, the same for both distributions.

    Xavier: Glorot & Bengio (2010); Kaiming: He et al. (2015), for ReLU; the default is torch's.
    """
    variance = {
        "default": 1 / (3 * inputs),
        "xavier": 2 / (inputs + outputs),
        "kaiming": 2 / inputs,
    }
    return float(variance[name.partition("_")[0]] ** 0.5)


def deviation_error(name: str, sizes: Sequence[int], generator: torch.Generator) -> float:
    """Return by which share a layer's drawn weights miss the promised deviation.

    ``sizes`` are the layer's inputs and outputs.
    """
    inputs, outputs = sizes
    layer = Scheme(name)(linear(inputs, outputs, generator), generator)
    return float(layer.weight.detach().std()) / promised(name, inputs, outputs) - 1
