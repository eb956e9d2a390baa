"""The frame of a stacked forward pass: what a layer is, what it may read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

RATE = "dropout rate"  # the pseudo-buffer that holds a dropout layer's rate per model, M


@dataclass(frozen=True)
class Pass:
    """One forward pass: the stacked tensors it reads (M,... each) and its dropout keys, M,2.

    Batch norm renews its running statistics in place in ``tensors``, as torch does.
    """

    tensors: Mapping[str, Tensor]
    training: bool = False
    mask_key_M2: Tensor | None = None


@dataclass(frozen=True)
class Layer:
    """A module of the net, its place in the state dict, and how to run it stacked."""

    module: nn.Module
    at: str
    number: int
    run: Run

    def tensor(self, one: Pass, name: str) -> Tensor:
        """The stacked parameter or buffer ``name`` of this layer, M,..."""
        return one.tensors[self.at + name]

    def optional(self, one: Pass, name: str) -> Tensor | None:
        """The same, or None where the module was built without it."""
        return one.tensors.get(self.at + name)


Run = Callable[[Layer, Pass, Tensor], Tensor]
