"""Losses and metrics of many models: outputs M,B,... and targets (1 or M),B,... to M values."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from stages.sweep._spec import Loss, SweepError


def row_losses(loss: str, output: Tensor, y: Tensor) -> Tensor:
    """The loss of each row, M,B; several outputs of a row are averaged."""
    if loss == "cross_entropy":
        target_M1B = y.expand(output.shape[0], -1)[:, None]
        scores_MCB = output.transpose(1, 2)  # as it lies in memory: five times as fast
        return -torch.log_softmax(scores_MCB, 1).gather(1, target_M1B)[:, 0]
    target = _like(y, output)
    if loss == "bce_with_logits":
        rows = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    elif loss == "mse":
        rows = (output - target).square()
    else:
        raise SweepError(f"loss {loss!r}: use cross_entropy, bce_with_logits, mse or a function")
    if rows.dim() == 2:
        return rows
    outputs = rows.flatten(2)
    return outputs[..., 0] if outputs.shape[2] == 1 else outputs.mean(2)


def mean_loss(loss: Loss, output: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """The loss of each model, M: the mean over rows, weighted (1 or M),B if weights are given."""
    if callable(loss):
        return loss(output, y)
    rows = row_losses(loss, output, y)
    if weights is None:
        return rows.sum(1) / rows.shape[1]  # as the mean, but its slope is a view
    return (rows * weights).sum(1) / weights.sum(1)


def correct(loss: Loss, output: Tensor, y: Tensor) -> Tensor | None:
    """Which rows are classified rightly, M,B; None if the loss is not one of classification."""
    if loss == "cross_entropy":
        return output.argmax(-1) == y
    if loss == "bce_with_logits":
        return ((output > 0) == (_like(y, output) > 0.5)).flatten(2).all(2)
    return None


def _like(y: Tensor, output: Tensor) -> Tensor:
    """Targets in the outputs' dtype and shape; N targets match N,1 outputs."""
    target = y.to(output.dtype)
    while target.dim() < output.dim():
        target = target.unsqueeze(-1)
    return torch.broadcast_to(target, output.shape)
