"""What a sweep is made of: members, tasks and seeds go in; events, states and results come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

Build = Callable[[torch.Generator], nn.Module]
Loss = Literal["cross_entropy", "bce_with_logits", "mse"] | Callable[[Tensor, Tensor], Tensor]
Curve = tuple[str, str]  # (metric, split)
Keep = Curve | int  # which weights to keep: the best by a curve, or those after an epoch


class SweepError(ValueError):
    """The sweep cannot be trained as described; the message says what to change."""


@dataclass(frozen=True)
class Optimizer:
    """One member's optimizer, with the exact meaning that ``torch.optim`` gives its numbers.

    ``gamma`` and ``every`` are those of ``StepLR``: the rate is multiplied by ``gamma`` after
    each ``every`` epochs. ``l1`` is the factor of a penalty on the sum of absolute values, which
    torch leaves to the loss; with ``penalise="weights"`` neither it nor the decay acts on biases
    and scales, the parameters with one axis.
    """

    name: Literal["sgd", "rmsprop", "adam", "adamw"]
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    alpha: float = 0.99
    eps: float = 1e-8
    gamma: float = 1.0
    every: int = 1
    l1: float = 0.0
    penalise: Literal["all", "weights"] = "all"

    def __post_init__(self) -> None:
        if self.name not in ("sgd", "rmsprop", "adam", "adamw"):
            raise SweepError(f"optimizer {self.name!r}: use sgd, rmsprop, adam or adamw")
        if (self.momentum or self.nesterov) and self.name != "sgd":
            raise SweepError(f"optimizer {self.name!r} takes no momentum: leave it out or use sgd")
        if self.nesterov and not self.momentum:
            raise SweepError("optimizer 'sgd': nesterov needs a momentum above 0")

    def rate(self, epoch: int) -> float:
        """The learning rate during ``epoch``, counted from 0."""
        return self.lr * self.gamma ** (epoch // self.every)


@dataclass(frozen=True)
class Streams:
    """The seeds of a member's own draws: initial weights, order of rows, dropout masks."""

    init: int
    order: int
    mask: int


@dataclass(frozen=True)
class Task:
    """Training rows and the splits that are watched.

    ``x`` is N,... in float, or uint8, which is divided by 255 on use; ``y`` is N class numbers
    for cross_entropy, else floats. ``weights`` gives each training row's share in the loss. A
    callable loss takes outputs M,B,... and targets (1 or M),B,... to one loss per member, M.
    """

    x: Tensor
    y: Tensor
    watch: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    loss: Loss = "cross_entropy"
    weights: Tensor | None = None


@dataclass(frozen=True)
class Member:
    """One model to train: a build function, its seeds, its optimizer, its task and its budget.

    ``batch_size=None`` is the full batch, in the task's own order; ``drop_last`` leaves out an
    epoch's last, short batch. Splits are watched after every ``watch_every`` epochs and after the
    last.
    """

    name: str
    build: Build
    streams: Streams
    optimizer: Optimizer
    task: str
    epochs: int
    batch_size: int | None = None
    watch_every: int = 1
    drop_last: bool = False


@dataclass(frozen=True)
class State:
    """All that a chunk needs to go on after ``epoch`` epochs; plain tensors, fit for a file."""

    epoch: int
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class Result:
    """A trained member.

    ``weights`` is its state dict; ``kept`` the one of its best watched epoch, or of a given one, if
    asked for.
    ``curves[metric, split]`` has a value for each of ``epochs``; ("loss", "batches") is the mean
    loss of an epoch's batches. A member that diverged was found so after epoch ``diverged_at``;
    its weights are those of the last watched epoch before, its curves NaN from then on.
    """

    name: str
    weights: Mapping[str, Tensor]
    kept: Mapping[str, Tensor] | None
    epochs: tuple[int, ...]
    curves: Mapping[Curve, tuple[float, ...]]
    steps_per_epoch: int
    diverged_at: int | None


@dataclass(frozen=True)
class Event:
    """What a chunk reports after each watched epoch; ``metrics`` are in the order of ``names``.

    ``state`` is filled when asked for, ``results`` in a chunk's last event.
    """

    chunk: int
    epoch: int
    epochs: int
    step: int
    names: tuple[str, ...]
    metrics: Mapping[Curve, tuple[float, ...]]
    state: State | None = None
    results: tuple[Result, ...] = ()
