"""A net as a chain of stacked layers: an ``nn.Module`` goes in; M,B,... outputs come out.

An activation's leading axis is 1 while it is the same for all models; a first layer over such an
input is one large matmul or convolution instead of M small ones.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from stages.sweep._conv import BATCH_NORMS, CONVOLUTIONS, batch_norm, convolution
from stages.sweep._dense import DROPOUTS, dropout, linear
from stages.sweep._pass import Layer, Pass, Run
from stages.sweep._recurrent import RECURRENT, Last, last, recurrent
from stages.sweep._spec import SweepError

_ELEMENTWISE = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU,
    nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardsigmoid,
)  # fmt: skip


def layers_of(module: nn.Module) -> tuple[Layer, ...]:
    """The net as a chain of layers; nested ``nn.Sequential`` are opened."""
    chain: list[Layer] = []
    _collect(module, "", chain)
    return tuple(chain)


def forward(layers: tuple[Layer, ...], one: Pass, x: Tensor) -> Tensor:
    """The outputs M,B,... for inputs (1 or M),B,...; the leading axis stays 1 if none differs."""
    for layer in layers:
        x = layer.run(layer, one, x)
    return x


def _collect(module: nn.Module, at: str, chain: list[Layer]) -> None:
    if type(module) is nn.Sequential:
        for name, child in module.named_children():
            _collect(child, f"{at}{name}.", chain)
    else:
        chain.append(Layer(module, at, len(chain), _runner(module)))


def _runner(module: nn.Module) -> Run:
    for kinds, run in _RUNNERS:
        if type(module) in kinds:
            return run
    if any(isinstance(child, (*DROPOUTS, *BATCH_NORMS)) for child in module.modules()):
        raise SweepError(
            f"{type(module).__name__} hides dropout or batch norm: use an nn.Sequential of layers"
        )
    return _mapped if module.state_dict() else _rowwise


def _elementwise(layer: Layer, _: Pass, x: Tensor) -> Tensor:
    return cast(Tensor, layer.module(x))


def _flatten(layer: Layer, _: Pass, x: Tensor) -> Tensor:
    """``nn.Flatten``, whose axes count without the models'; what is flat already stays as it is."""
    module = cast(nn.Flatten, layer.module)
    first, last = (a + 1 if a >= 0 else a for a in (module.start_dim, module.end_dim))
    return x.flatten(first, last)


def _rowwise(layer: Layer, _: Pass, x: Tensor) -> Tensor:
    """A module without parameters treats each row alone: models and rows fold into one batch."""
    rows: Tensor = layer.module(x.flatten(0, 1))
    return rows.reshape(*x.shape[:2], *rows.shape[1:])


def _mapped(layer: Layer, one: Pass, x: Tensor) -> Tensor:
    """Any other module with parameters: mapped over the models by ``torch.func.vmap``."""
    own = {name: layer.tensor(one, name) for name in layer.module.state_dict()}
    models = next(iter(own.values())).shape[0]

    def call(tensors: dict[str, Tensor], x: Tensor) -> Tensor:
        return cast(Tensor, torch.func.functional_call(layer.module, tensors, (x,)))

    if models == 1:
        return call({name: value[0] for name, value in own.items()}, x[0])[None]
    if x.shape[0] == 1:
        return torch.func.vmap(call, in_dims=(0, None))(own, x[0])
    return torch.func.vmap(call)(own, x)


_RUNNERS: tuple[tuple[tuple[type[nn.Module], ...], Run], ...] = (
    ((nn.Linear,), linear),
    ((nn.Flatten,), _flatten),
    (RECURRENT, recurrent),
    ((Last,), last),
    (_ELEMENTWISE, _elementwise),
    (DROPOUTS, dropout),
    (CONVOLUTIONS, convolution),
    (BATCH_NORMS, batch_norm),
)
