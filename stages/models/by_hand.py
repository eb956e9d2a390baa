"""Softmax, entropy, losses, activations and backpropagation, written out without autograd.

Shapes: ... any leading axes (repeats), N rows, F features, H hidden units, C classes.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Weights = dict[str, Tensor]  # w1 (..., H, F), b1 (..., H), w2 (..., C, H), b2 (..., C)
Pair = tuple[Tensor, Tensor]


def softmax(z_C: Tensor) -> Tensor:
    """Return e^z_i / sum e^z along the last axis."""
    e_C = torch.exp(z_C - z_C.amax(-1, keepdim=True))
    return e_C / e_C.sum(-1, keepdim=True)


def entropy(p: Tensor) -> Tensor:
    """Return -(p ln p + (1 - p) ln(1 - p)), in nats."""
    return -(p * torch.log(p) + (1 - p) * torch.log(1 - p))


def binary_cross_entropy(q: Tensor, y: Tensor) -> Tensor:
    """Return -(y ln q + (1 - y) ln(1 - q)) of predictions q."""
    return -(y * torch.log(q) + (1 - y) * torch.log(1 - q))


def relu(a: Tensor) -> Tensor:
    """Return a where it is positive, else 0."""
    return torch.where(a > 0, a, 0.0)


def sigmoid(a: Tensor) -> Tensor:
    """Return 1 / (1 + e^-a)."""
    return 1 / (1 + torch.exp(-a))


def tanh(a: Tensor) -> Tensor:
    """Return (e^a - e^-a) / (e^a + e^-a)."""
    return (torch.exp(a) - torch.exp(-a)) / (torch.exp(a) + torch.exp(-a))


ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh}
DERIVATIVES: dict[str, Callable[[Tensor], Tensor]] = {  # from what the activation returned
    "relu": lambda h: (h > 0).to(h.dtype),
    "sigmoid": lambda h: h * (1 - h),
    "tanh": lambda h: 1 - h**2,
}


def cross_entropy(z_NC: Tensor, y_NC: Tensor) -> Pair:
    """Return each row's cross-entropy after a softmax, and its derivative by the outputs."""
    p_NC = softmax(z_NC)
    return -(y_NC * torch.log(p_NC)).sum(-1), p_NC - y_NC


def double_cross_entropy(z_NC: Tensor, y_NC: Tensor) -> Pair:
    """Return the same where the outputs have gone through a softmax before."""
    p_NC = softmax(z_NC)
    loss_N, by_p_NC = cross_entropy(p_NC, y_NC)
    return loss_N, p_NC * (by_p_NC - (p_NC * by_p_NC).sum(-1, keepdim=True))


def half_squared_error(z_NC: Tensor, y_NC: Tensor) -> Pair:
    """Return half of each row's squared error, and its derivative by the outputs."""
    return ((z_NC - y_NC) ** 2).sum(-1) / 2, z_NC - y_NC


LOSSES = {
    "cross-entropy": cross_entropy,
    "cross-entropy of a softmax": double_cross_entropy,
    "half squared error": half_squared_error,
}


def double_softmax_floor(classes: int) -> float:
    """Return the least cross-entropy of a softmax's outputs, ln(1 + (C - 1) / e)."""
    return math.log(1 + (classes - 1) / math.e)


def outputs(weights: Weights, x_NF: Tensor, activation: str) -> Pair:
    """Return the hidden units (..., N, H) and the outputs (..., N, C) of a net."""
    h_NH = ACTIVATIONS[activation](x_NF @ weights["w1"].mT + weights["b1"][..., None, :])
    return h_NH, h_NH @ weights["w2"].mT + weights["b2"][..., None, :]


def backpropagate(
    weights: Weights, x_NF: Tensor, y_NC: Tensor, activation: str, loss: str
) -> tuple[Tensor, Weights]:
    """Return the cost (...), the mean loss of the rows, and its derivative by every weight."""
    h_NH, z_NC = outputs(weights, x_NF, activation)
    loss_N, by_z_NC = LOSSES[loss](z_NC, y_NC)
    by_z_NC = by_z_NC / loss_N.shape[-1]
    by_a_NH = by_z_NC @ weights["w2"] * DERIVATIVES[activation](h_NH)
    gradient = {
        "w1": by_a_NH.mT @ x_NF,
        "b1": by_a_NH.sum(-2),
        "w2": by_z_NC.mT @ h_NH,
        "b2": by_z_NC.sum(-2),
    }
    return loss_N.mean(-1), gradient


def draw(generator: torch.Generator, features: int, hidden: int, classes: int) -> Weights:
    """Draw the weights of a net with one hidden layer, uniform within 1 / sqrt(inputs)."""
    shapes = {"w1": (hidden, features), "b1": (hidden,), "w2": (classes, hidden), "b2": (classes,)}
    inputs = {"w1": features, "b1": features, "w2": hidden, "b2": hidden}
    return {
        name: (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1)
        / math.sqrt(inputs[name])
        for name, shape in shapes.items()
    }


def l1_loss(p_N: Tensor, y_N: Tensor) -> Tensor:
    """Return the notes' myL1Loss: the mean absolute error."""
    return torch.mean(torch.abs(p_N - y_N))


def l2_average_loss(p_N: Tensor, y_N: Tensor) -> Tensor:
    """Return the notes' myL2AveLoss: the mean squared error plus the size of the mean output."""
    return torch.mean((p_N - y_N) ** 2) + torch.abs(torch.mean(p_N))


def correlation_loss(p_N: Tensor, y_N: Tensor) -> Tensor:
    """Return the notes' myCorLoss as they program it: minus the correlation."""
    product = torch.sum((p_N - torch.mean(p_N)) * (y_N - torch.mean(y_N)))
    return -product / ((torch.numel(y_N) - 1) * torch.std(p_N) * torch.std(y_N))
