"""What makes nets stackable, and what they cost: a module goes in; structure and sizes come out."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from stages.sweep._conv import CONVOLUTIONS
from stages.sweep._dense import DROPOUTS
from stages.sweep._recurrent import RECURRENT
from stages.sweep._spec import Build


@dataclass(frozen=True)
class Net:
    """A net's shape: equal structures stack. Sizes are per model; the last three also per row."""

    structure: Hashable
    custom: bool
    convolves: bool
    parameters: int
    width: int
    activations: int
    products: int


def build_key(build: Build) -> Hashable:
    """Two builds with one key build the same net from the same generator."""
    if isinstance(build, partial):
        key = (build.func, build.args, tuple(sorted(build.keywords.items())))
        try:
            hash(key)
        except TypeError:
            return id(build)
        return key
    return build


def net_of(module: nn.Module, row: Tensor) -> Net:
    """Measure a net on one row, 1,...; the module is left in eval mode."""
    widths: list[int] = []
    products: list[int] = []

    def look(layer: nn.Module, _: object, output: Tensor) -> None:
        outputs = output[0] if isinstance(layer, RECURRENT) else output
        if isinstance(outputs, Tensor):
            widths.append(outputs.numel())
            products.extend(_products(layer, outputs))

    leaves = [m for m in module.modules() if not list(m.children())]
    hooks = [leaf.register_forward_hook(look) for leaf in leaves]
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        module.eval()(row.to(dtype))
    for hook in hooks:
        hook.remove()
    known = ("torch.nn.", "stages.sweep.")
    custom = any(not type(m).__module__.startswith(known) for m in module.modules())
    return Net(
        structure=_structure(module),
        custom=custom,
        convolves=any(isinstance(m, CONVOLUTIONS) for m in module.modules()),
        parameters=sum(p.numel() for p in module.parameters()),
        width=max(widths),
        activations=sum(widths),
        products=sum(products),
    )


def _products(layer: nn.Module, output: Tensor) -> Iterator[int]:
    """Multiply-adds of a layer for one row, 1,...: every weight matrix times its places."""
    matrices = [p for p in layer.parameters() if p.dim() > 1]
    for weight in matrices:
        steps = output.shape[1] if isinstance(layer, RECURRENT) else 0
        yield weight.numel() * (steps or output[0].numel() // weight.shape[0] or 1)


def _structure(module: nn.Module) -> Hashable:
    """Equal for nets that differ in nothing but values and dropout rates."""
    lines = [
        (name, type(m).__name__ if isinstance(m, DROPOUTS) else repr(m))
        for name, m in module.named_modules()
        if not list(m.children())
    ]
    shapes = tuple((k, tuple(v.shape), v.dtype) for k, v in module.state_dict().items())
    trained = tuple(name for name, p in module.named_parameters() if p.requires_grad)
    return (tuple(lines), shapes, trained)
