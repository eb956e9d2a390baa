"""Recurrent layers of many models: inputs (1 or M),B,T,F go in; all outputs M,B,T,H come out.

The formulas and the layout of the weights are those of ``torch.nn``: gates r, z, n of a GRU, and
i, f, g, o of an LSTM, stand one below the other. Shapes: T time steps, H units, G gates.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from stages.sweep._dense import affine
from stages.sweep._pass import Layer, Pass
from stages.sweep._spec import SweepError

RECURRENT = (nn.RNN, nn.GRU, nn.LSTM)
Carry = tuple[Tensor, ...]  # what a step hands to the next: h, and c of an LSTM


class Last(nn.Module):
    """After a recurrent layer: its outputs at the last time step, B,H."""

    def forward(self, outputs_and_state: tuple[Tensor, object]) -> Tensor:
        """Drop all but the last outputs."""
        return outputs_and_state[0][:, -1]


def last(layer: Layer, one: Pass, outputs_MBTH: Tensor) -> Tensor:
    """:class:`Last`, of all models."""
    return outputs_MBTH[:, :, -1]


def recurrent(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """An ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` of one direction, batch first."""
    module = cast(nn.RNNBase, layer.module)
    if module.bidirectional or module.dropout or module.proj_size or not module.batch_first:
        raise SweepError(
            f"{type(module).__name__}: use batch_first=True and one direction, without dropout or "
            "projection between its layers"
        )
    for depth in range(module.num_layers):
        x = _one_layer(layer, one, x, f"l{depth}")
    return x


def _one_layer(layer: Layer, one: Pass, x: Tensor, name: str) -> Tensor:
    weight_MGH = layer.tensor(one, f"weight_hh_{name}")
    bias_MG = layer.optional(one, f"bias_hh_{name}")
    weight_MGF = layer.tensor(one, f"weight_ih_{name}")
    rows = affine(x.flatten(1, 2), weight_MGF, layer.optional(one, f"bias_ih_{name}"))
    inputs_MBTG = rows.reshape(rows.shape[0], *x.shape[1:3], -1)
    models, batch = inputs_MBTG.shape[:2]
    carry: Carry = (inputs_MBTG.new_zeros(models, batch, weight_MGH.shape[2]),) * 2
    outputs = []
    for inputs_MBG in inputs_MBTG.unbind(2):
        carry = _step(layer.module, inputs_MBG, affine(carry[0], weight_MGH, bias_MG), carry)
        outputs.append(carry[0])
    return torch.stack(outputs, 2)


def _step(module: nn.Module, inputs_MBG: Tensor, hidden_MBG: Tensor, carry: Carry) -> Carry:
    if isinstance(module, nn.GRU):
        return _gru(inputs_MBG, hidden_MBG, carry)
    if isinstance(module, nn.LSTM):
        return _lstm(inputs_MBG + hidden_MBG, carry)
    z = inputs_MBG + hidden_MBG
    return (z.relu() if cast(nn.RNN, module).nonlinearity == "relu" else z.tanh(), carry[1])


def _gru(inputs_MBG: Tensor, hidden_MBG: Tensor, carry: Carry) -> Carry:
    reset_x, update_x, new_x = inputs_MBG.chunk(3, -1)
    reset_h, update_h, new_h = hidden_MBG.chunk(3, -1)
    update = (update_x + update_h).sigmoid()
    new = (new_x + (reset_x + reset_h).sigmoid() * new_h).tanh()
    return ((1 - update) * new + update * carry[0], carry[1])


def _lstm(z_MBG: Tensor, carry: Carry) -> Carry:
    enter, forget, cell, leave = z_MBG.chunk(4, -1)
    c = forget.sigmoid() * carry[1] + enter.sigmoid() * cell.tanh()
    return leave.sigmoid() * c.tanh(), c
