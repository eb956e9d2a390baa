"""One training step of a stack: tensors M,... and a batch go in; losses M come out.

Two ways to take it, with equal results up to rounding: ``WholeSteps`` as one pure function, which
``torch.compile`` can fuse; ``FusedSteps`` as gradients followed by torch's fused updates.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from stages.sweep._batches import Batch
from stages.sweep._fused import FusedUpdates
from stages.sweep._layers import forward
from stages.sweep._losses import mean_loss
from stages.sweep._pass import Layer, Pass
from stages.sweep._spec import Loss, Optimizer
from stages.sweep._updates import Columns, Numbers, Segment, Tensors, update


@dataclass(frozen=True)
class Stack:
    """The tensors of a chunk: trained ones, all others by name, and moments slot by slot."""

    parameters: Tensors
    others: Mapping[str, Tensor]
    slots: Sequence[Tensors]


@dataclass(frozen=True)
class Recipe:
    """What is fixed about a chunk's steps."""

    layers: tuple[Layer, ...]
    loss: Loss
    trained: tuple[str, ...]
    segments: tuple[Segment, ...]

    def gradients(
        self, stack: Stack, batch: Batch, key_M2: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The mean loss of the batch, M, and its gradients, M,... each."""
        leaves = [p.detach().requires_grad_() for p in stack.parameters]
        tensors = {**stack.others, **dict(zip(self.trained, leaves, strict=True))}
        output = forward(self.layers, Pass(tensors, True, key_M2), batch.x)
        loss_M = mean_loss(self.loss, output, batch.y, batch.weights)
        return loss_M.detach(), torch.autograd.grad(loss_M.sum(), leaves)

    def whole(
        self, stack: Stack, numbers: Sequence[Numbers], batch: Batch, key_M2: Tensor | None
    ) -> Tensor:
        """Gradients and updates; the mean loss of the batch before them, M."""
        loss_M, gradients = self.gradients(stack, batch, key_M2)
        for segment, own in zip(self.segments, numbers, strict=True):
            update(segment, stack.parameters, gradients, stack.slots, own)
        return loss_M


Whole = Callable[[Stack, Sequence[Numbers], Batch, Tensor | None], Tensor]
_COMPILED: dict[Hashable, Whole] = {}  # kept so that the chunks of a group compile once a process


def compiled(recipe: Recipe, key: Hashable) -> Whole:
    """``recipe.whole`` through ``torch.compile``; equal keys promise equal recipes."""
    if key not in _COMPILED:
        import torch._dynamo as dynamo  # seconds to import: for those who compile
        import torch._inductor.config as inductor

        dynamo.config.trace_autograd_ops = True
        dynamo.config.recompile_limit = 2**10  # one entry per group, not a runaway
        inductor.compile_threads = 1  # here, not in processes of its own
        _COMPILED[key] = torch.compile(recipe.whole, fullgraph=True, dynamic=False)
    return _COMPILED[key]


class Steps(Protocol):
    """How a chunk takes its steps."""

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Prepare the steps of ``epoch`` (from 0), which are counted from 1."""

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take the epoch's step ``number`` (from 0); the batch's mean loss before it, M."""


class WholeSteps:
    """Steps as one function; compiled if a key is given, but for a short last batch."""

    def __init__(
        self, recipe: Recipe, stack: Stack, optimizers: Sequence[Optimizer], key: Hashable | None
    ) -> None:
        self._recipe, self._stack = recipe, stack
        like = stack.parameters[0]
        self._columns = [Columns(segment, optimizers, like) for segment in recipe.segments]
        self._full = recipe.whole if key is None else compiled(recipe, key)
        self._rows = 0
        self._numbers: list[tuple[Numbers, ...]] = []

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Prepare the numbers of all segments; the diverged are stepped too, and put back later."""
        of_segments = [columns.epoch(epoch, steps) for columns in self._columns]
        self._numbers = list(zip(*of_segments, strict=True))

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take a step; see :class:`Steps`."""
        rows = batch.x.shape[1]
        self._rows = max(self._rows, rows)
        step = self._full if rows == self._rows else self._recipe.whole
        return step(self._stack, self._numbers[number], batch, key_M2)


class FusedSteps:
    """Steps as gradients and a fused update of each member that is alive."""

    def __init__(self, recipe: Recipe, stack: Stack, optimizers: Sequence[Optimizer]) -> None:
        self._recipe, self._stack = recipe, stack
        self._updates = FusedUpdates(optimizers, stack.parameters, stack.slots)
        self._epoch, self._steps, self._alive = 0, range(0), [True] * len(optimizers)

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Note the epoch and who is alive."""
        self._epoch, self._steps, self._alive = epoch, steps, list(alive)

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take a step; see :class:`Steps`."""
        loss_M, gradients = self._recipe.gradients(self._stack, batch, key_M2)
        self._updates.apply(gradients, self._epoch, self._steps[number], self._alive)
        return loss_M
