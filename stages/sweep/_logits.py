"""Evaluation of many trained models at once: state dicts and rows go in, their outputs come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from stages.sweep._batches import scaled
from stages.sweep._layers import forward, layers_of
from stages.sweep._pass import Pass
from stages.sweep._watch import BLOCK

_WIDTH = 256  # a guess at the widest layer, for the size of a block of rows


def logits(
    module: nn.Module, states: Sequence[Mapping[str, Tensor]] | Mapping[str, Tensor], x: Tensor
) -> Tensor:
    """The outputs M,N,... of M models of one structure, in eval mode.

    ``states`` are state dicts, or one dict of stacked tensors M,...; ``module`` gives the
    structure; ``x`` is N,..., uint8 divided by 255.
    """
    if isinstance(states, Mapping):
        stacked = dict(states)
    else:
        stacked = {name: torch.stack([s[name] for s in states]) for name in states[0]}
    first = next(t for t in stacked.values() if t.is_floating_point())
    layers, models = layers_of(module), first.shape[0]
    size, outputs = max(1, BLOCK // (models * _WIDTH)), []
    with torch.no_grad():
        for start in range(0, len(x), size):
            rows = scaled(x[start : start + size], first.dtype)
            block = forward(layers, Pass(stacked), rows[None])
            outputs.append(block.expand(models, *block.shape[1:]))
    return torch.cat(outputs, dim=1)
