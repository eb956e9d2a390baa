"""Whether units are copies of each other: a net goes in; spreads of its units come out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.models.initial_weights import weights


def descend(built: nn.Module, x_NF: Tensor, y_N: Tensor, rate: float, steps: int) -> None:
    """Take some steps of gradient descent on the cross-entropy of all rows."""
    parameters = list(built.parameters())
    for _ in range(steps):
        loss = nn.functional.cross_entropy(built(x_NF), y_N)
        slopes = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for parameter, slope in zip(parameters, slopes, strict=True):
                parameter.sub_(rate * slope)


def spreads(built: nn.Module) -> list[float]:
    """Return how far the units of each hidden layer are apart, over its largest weight.

    A unit is its incoming weights; the last entry is for the outgoing weights of the last layer.
    """
    *into, out = (weight.detach() for weight in weights(built))
    return [_spread(weight) for weight in (*into, out.T)]


def _spread(weight: Tensor) -> float:
    largest = float(weight.abs().max())
    return float((weight - weight[0]).abs().max()) / (largest or 1.0)
