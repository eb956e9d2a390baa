"""Copies of trained nets, and how far they are from the original: nets go in, numbers come out."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def by_parameter_loop(source: nn.Module, target: nn.Module) -> None:
    """Copy the parameters one by one, as the notes do (L754-756); buffers are no parameters."""
    pairs = zip(target.named_parameters(), source.named_parameters(), strict=True)
    for (_, parameter), (_, original) in pairs:
        parameter.data = copy.deepcopy(original.data)


def copy_error(net: nn.Module, other: nn.Module, x: Tensor) -> float:
    """Return the largest difference of two nets' state dicts, and of their outputs for ``x``."""
    with torch.no_grad():
        outputs = (net(x) - other(x)).abs().max()
    return max(float(outputs), difference(net.state_dict(), other.state_dict()))


def loop_error(net: nn.Module, looped: nn.Module) -> float:
    """Return an error above 0 unless a loop copied all parameters and no running statistic.

    It counts as well if ``load_state_dict`` leaves a difference.
    """
    parameters = difference(dict(net.named_parameters()), dict(looped.named_parameters()))
    same = any(torch.equal(a, b) for a, b in zip(net.buffers(), looped.buffers(), strict=True))
    whole = copy.deepcopy(looped)
    whole.load_state_dict(net.state_dict())
    return max(parameters, float(same), difference(net.state_dict(), whole.state_dict()))


def difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Return the largest difference of two dicts of tensors; inf if their names differ."""
    if one.keys() != other.keys():
        return float("inf")
    return max(float((one[name] - other[name]).detach().abs().max()) for name in one)
