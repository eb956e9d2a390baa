"""Stacked convolution and batch norm: models become groups of channels, M,B,C,... in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.sweep._pass import Layer, Pass
from stages.sweep._spec import SweepError

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_CONVOLVE: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Conv1d: F.conv1d,
    nn.Conv2d: F.conv2d,
    nn.ConvTranspose1d: F.conv_transpose1d,
    nn.ConvTranspose2d: F.conv_transpose2d,
}
CONVOLUTIONS = tuple(_CONVOLVE)


def _to_channels(x: Tensor, models: int) -> Tensor:
    """(1 or M),B,C,... to B,M*C,...: each model's channels side by side."""
    return x.expand(models, *x.shape[1:]).transpose(0, 1).flatten(1, 2)


def _to_models(x: Tensor, models: int) -> Tensor:
    return x.reshape(x.shape[0], models, -1, *x.shape[2:]).transpose(0, 1)


def convolution(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """Convolutions and transposed convolutions with zero padding."""
    module: Any = layer.module
    if module.padding_mode != "zeros":
        raise SweepError(f"{type(module).__name__}: padding_mode must be 'zeros'")
    weight, bias = layer.tensor(one, "weight"), layer.optional(one, "bias")
    models = weight.shape[0]
    settings = {"stride": module.stride, "padding": module.padding, "dilation": module.dilation}
    if module.transposed:
        settings["output_padding"] = module.output_padding
    shared = x.shape[0] == 1 and module.groups == 1 and not module.transposed
    inputs = x[0] if shared else _to_channels(x, models)
    settings["groups"] = 1 if shared else models * module.groups
    flat_bias = None if bias is None else bias.flatten()
    z = _CONVOLVE[type(module)](inputs, weight.flatten(0, 1), flat_bias, **settings)
    if z.dim() == 4 and models == 1 and z.device.type == "cpu":
        z = z.contiguous(memory_format=torch.channels_last)  # pools and convolutions gain a third
    return _to_models(z, models)


def batch_norm(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """Batch norm with statistics per model; running ones are renewed in place in training."""
    module: Any = layer.module
    mean, var = layer.optional(one, "running_mean"), layer.optional(one, "running_var")
    weight, bias = layer.optional(one, "weight"), layer.optional(one, "bias")
    models = next(t for t in (weight, mean, x) if t is not None).shape[0]
    momentum: float = module.momentum or 0.0
    if one.training and mean is not None:
        seen = layer.tensor(one, "num_batches_tracked")
        seen.add_(1)
        if module.momentum is None:
            momentum = 1.0 / float(seen[0])
    mean, var, weight, bias = (None if t is None else t.view(-1) for t in (mean, var, weight, bias))
    by_batch = one.training or mean is None
    flat = _to_channels(x, models)
    z = F.batch_norm(flat, mean, var, weight, bias, by_batch, momentum, module.eps)
    return _to_models(z, models)
