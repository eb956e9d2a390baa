"""Stacked linear layers and dropout: activations (1 or M),B,... go in, M,B,... come out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.sweep._draws import keep_mask
from stages.sweep._pass import RATE, Layer, Pass
from stages.sweep._spec import SweepError

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


def linear(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """``nn.Linear`` over the last axis."""
    weight, bias = layer.tensor(one, "weight"), layer.optional(one, "bias")
    if x.dim() > 3:
        rows = affine(x.flatten(1, -2), weight, bias)
        return rows.reshape(rows.shape[0], *x.shape[1:-1], -1)
    return affine(x, weight, bias)


def affine(x: Tensor, weight_MHF: Tensor, bias_MH: Tensor | None) -> Tensor:
    """Rows (1 or M),B,F times W', plus b: M,B,H; a shared input is one large matmul.

    The product is laid out M,H,B in memory: so the gradients of the weights come out contiguous,
    and neither pass copies an activation.
    """
    models, outputs, inputs = weight_MHF.shape
    x_MFB = _turned(x)
    if x.shape[0] == 1:
        return _turned(_shared(x_MFB[0], weight_MHF, bias_MH).view(models, outputs, -1))
    if inputs == outputs == 1:  # a product is three times as fast as a matmul of ones
        z = weight_MHF * x_MFB
        return _turned(z if bias_MH is None else z + bias_MH[:, :, None])
    if bias_MH is None:
        return _turned(torch.bmm(weight_MHF, x_MFB))
    return _turned(torch.baddbmm(bias_MH[:, :, None], weight_MHF, x_MFB))


def _turned(x: Tensor) -> Tensor:
    """The last two axes exchanged; if either is 1, so that the strides stay those of its shape.

    A matmul takes a gradient with other strides ten times as slowly.
    """
    models, rows, columns = x.shape
    return x.reshape(models, columns, rows) if 1 in (rows, columns) else x.transpose(1, 2)


def _shared(x_FB: Tensor, weight_MHF: Tensor, bias_MH: Tensor | None) -> Tensor:
    weight = weight_MHF.flatten(0, 1)
    if bias_MH is None:
        return torch.mm(weight, x_FB)
    return torch.addmm(bias_MH.reshape(-1, 1), weight, x_FB)


def dropout(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """Inverted dropout with a rate and a mask per model; whole channels for Dropout1d to 3d."""
    if not one.training:
        return x
    if one.mask_key_M2 is None:
        raise SweepError("a pass in training mode through dropout needs mask keys")
    p_M = layer.tensor(one, RATE)
    whole = type(layer.module) is nn.Dropout
    shape = x.shape[1:] if whole else (*x.shape[1:3], *[1] * (x.dim() - 3))
    kept = keep_mask(one.mask_key_M2, layer.number, shape, p_M)
    scale_M = torch.where(p_M < 1, 1 / (1 - p_M), 0.0).to(x.dtype)
    return x * (kept * scale_M.view(-1, *[1] * (x.dim() - 1)))
