"""One training step of a stack: tensors M,... and a batch go in; losses M come out.

Two ways to take it, with equal results up to rounding: ``StackedSteps`` as one function of the
whole stack; ``FusedSteps`` as gradients of the stack and torch's fused update of each member. Of
the first all can be compiled, of the second the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

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
        self, stack: Stack, batch: Batch, key_M2: Tensor | None, numbers: Sequence[Numbers]
    ) -> Tensor:
        """Gradients and updates; the mean loss of the batch before them, M."""
        loss_M, gradients = self.gradients(stack, batch, key_M2)
        for segment, own in zip(self.segments, numbers, strict=True):
            update(segment, stack.parameters, gradients, stack.slots, own)
        return loss_M


Function = TypeVar("Function", bound=Callable[..., Any])
_COMPILED: dict[Hashable, Any] = {}  # kept so that the chunks of a group compile once a process


def compiled(function: Function, key: Hashable) -> Function:
    """``function(stack, batch, ...)`` compiled, but for a short last batch; equal keys share it."""
    fast = _COMPILED[key] = _COMPILED.get(key) or _compile(function)
    full = 0

    def choose(stack: Stack, batch: Batch, *more: Any) -> Any:
        nonlocal full
        rows = batch.x.shape[1]
        full = max(full, rows)
        return (fast if rows == full else function)(stack, batch, *more)

    return cast(Function, choose)


def _compile(function: Function) -> Function:
    import torch._dynamo as dynamo  # seconds to import: for those who compile
    import torch._inductor.config as inductor

    dynamo.config.trace_autograd_ops = True
    dynamo.config.recompile_limit = 2**10  # one entry per group, not a runaway
    inductor.compile_threads = 1  # here, not in processes of its own
    return cast(Function, torch.compile(function, fullgraph=True, dynamic=False))


class Steps(Protocol):
    """How a chunk takes its steps."""

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Prepare the steps of ``epoch`` (from 0), which are counted from 1."""

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take the epoch's step ``number`` (from 0); the batch's mean loss before it, M."""


class StackedSteps:
    """Steps of all members at once, the diverged among them, who are put back later."""

    def __init__(
        self, recipe: Recipe, stack: Stack, optimizers: Sequence[Optimizer], key: Hashable | None
    ) -> None:
        self._stack = stack
        like = stack.parameters[0]
        self._columns = [Columns(segment, optimizers, like) for segment in recipe.segments]
        whole = recipe.whole
        self._whole = whole if key is None else compiled(whole, (key, recipe.segments))
        self._numbers: list[tuple[Numbers, ...]] = []

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Prepare the numbers of all segments."""
        of_segments = [columns.epoch(epoch, steps) for columns in self._columns]
        self._numbers = list(zip(*of_segments, strict=True))

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take a step; see :class:`Steps`."""
        return self._whole(self._stack, batch, key_M2, self._numbers[number])


class FusedSteps:
    """Steps as gradients of all members and a fused update of each one that is alive."""

    def __init__(
        self, recipe: Recipe, stack: Stack, optimizers: Sequence[Optimizer], key: Hashable | None
    ) -> None:
        self._stack = stack
        gradients = recipe.gradients
        self._gradients = gradients if key is None else compiled(gradients, key)
        self._updates = FusedUpdates(optimizers, stack.parameters, stack.slots)
        self._epoch, self._steps, self._alive = 0, range(0), [True] * len(optimizers)

    def start(self, epoch: int, steps: range, alive: Sequence[bool]) -> None:
        """Note the epoch and who is alive."""
        self._epoch, self._steps, self._alive = epoch, steps, list(alive)

    def take(self, number: int, batch: Batch, key_M2: Tensor | None) -> Tensor:
        """Take a step; see :class:`Steps`."""
        loss_M, gradients = self._gradients(self._stack, batch, key_M2)
        self._updates.apply(gradients, self._epoch, self._steps[number], self._alive)
        return loss_M
