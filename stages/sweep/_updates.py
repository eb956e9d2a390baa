"""Optimizer updates of many models at once, with the exact formulas of ``torch.optim``.

Neighbours that share an optimizer's kind form a segment; each member has its own rate, momentum
and decay. Stacked parameters, gradients and moments go in, M,... each, and the segment's rows are
updated in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from stages.sweep._spec import Optimizer

Tensors = Sequence[Tensor]
Kind = tuple[str, bool, tuple[float, float], float, float]


def kind_of(o: Optimizer) -> Kind:
    """What members must share to be updated together."""
    return (o.name, o.nesterov, o.betas, o.alpha, o.eps)


@dataclass(frozen=True)
class Segment:
    """Members ``start`` to ``stop`` of a chunk, of one kind; whether any has what costs more."""

    start: int
    stop: int
    kind: Kind
    moves: bool
    decays: bool
    shrinks: bool

    @property
    def slots(self) -> int:
        """Moment tensors per parameter: none, momentum, or first and second moment."""
        return 2 if self.kind[0] != "sgd" else int(self.moves)


class Penalty(NamedTuple):
    """Weight decay and the factor of an L1 penalty: columns of a segment's members."""

    decay: Tensor
    l1: Tensor


class Numbers(NamedTuple):
    """A segment's numbers in one step: columns of its members, and Adam's bias corrections."""

    rate: Tensor
    momentum: Tensor
    weights: Penalty
    others: Penalty
    bias1: Tensor
    bias2: Tensor


def segments_of(optimizers: Sequence[Optimizer]) -> tuple[Segment, ...]:
    """Runs of neighbours of one kind."""
    kinds = [kind_of(o) for o in optimizers]
    changes = [i for i in range(1, len(kinds)) if kinds[i] != kinds[i - 1]]
    return tuple(
        Segment(
            start,
            stop,
            kinds[start],
            any(o.momentum for o in optimizers[start:stop]),
            any(o.weight_decay for o in optimizers[start:stop]),
            any(o.l1 for o in optimizers[start:stop]),
        )
        for start, stop in pairwise([0, *changes, len(kinds)])
    )


class Columns:
    """A segment's numbers, epoch by epoch, on the device of ``like`` and in its dtype."""

    def __init__(self, segment: Segment, optimizers: Sequence[Optimizer], like: Tensor) -> None:
        self._own = optimizers[segment.start : segment.stop]
        self._betas = segment.kind[2] if segment.kind[0].startswith("adam") else (0.0, 0.0)
        self._like = like
        self._momentum = self._column([o.momentum for o in self._own])
        self._weights = self._penalty(lambda o: True)
        self._others = self._penalty(lambda o: o.penalise == "all")
        self._one = self._column([1.0])
        self._rates = [o.lr for o in self._own]
        self._rate = self._column(self._rates)
        self._constant = all(o.gamma == 1 for o in self._own)

    def _penalty(self, applies: Callable[[Optimizer], bool]) -> Penalty:
        return Penalty(
            self._column([o.weight_decay * applies(o) for o in self._own]),
            self._column([o.l1 * applies(o) for o in self._own]),
        )

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).to(self._like.device, self._like.dtype)

    def epoch(self, epoch: int, steps: range) -> list[Numbers]:
        """The numbers of each of an epoch's ``steps``, which are counted from 1."""
        rates = self._rates if self._constant else [o.rate(epoch) for o in self._own]
        if rates != self._rates:
            self._rates, self._rate = rates, self._column(rates)
        return [
            Numbers(self._rate, self._momentum, self._weights, self._others, bias1, bias2)
            for bias1, bias2 in zip(*self._biases(steps), strict=True)
        ]

    def _biases(self, steps: range) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        beta1, beta2 = self._betas
        if not beta2:
            return [self._one] * len(steps), [self._one] * len(steps)
        bias1_S = self._column([1 - beta1**step for step in steps])
        bias2_S = self._column([(1 - beta2**step) ** 0.5 for step in steps])
        return bias1_S.unbind(), bias2_S.unbind()


def update(
    segment: Segment, parameters: Tensors, gradients: Tensors, slots: Sequence[Tensors], n: Numbers
) -> None:
    """Update the segment's rows of all parameters."""
    name = segment.kind[0]
    whole = segment.stop - segment.start == len(parameters[0])
    rows = slice(segment.start, segment.stop)
    for i, all_rows in enumerate(parameters):
        p, g, *own = (
            t if whole else t[rows]
            for t in (all_rows, gradients[i], *(slot[i] for slot in slots[: segment.slots]))
        )
        penalty = n.weights if p.dim() > 2 else n.others
        rate, decay = _column(n.rate, p), _column(penalty.decay, p)
        if segment.shrinks:
            g = g + _column(penalty.l1, p) * p.sign()
        if segment.decays and name == "adamw":
            p.mul_(1 - rate * decay)
        elif segment.decays:
            g = g + decay * p
        p.sub_(_RULES[name](segment, g, own, n) * rate)


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.view(-1, *[1] * (like.dim() - 1))


def _sgd(segment: Segment, g: Tensor, slots: Tensors, n: Numbers) -> Tensor:
    if not segment.moves:
        return g
    momentum = _column(n.momentum, g)
    buffer = slots[0].mul_(momentum).add_(g)
    return g + momentum * buffer if segment.kind[1] else buffer


def _rmsprop(segment: Segment, g: Tensor, slots: Tensors, n: Numbers) -> Tensor:
    *_, alpha, eps = segment.kind
    second = slots[1].mul_(alpha).addcmul_(g, g, value=1 - alpha)
    return g / (second.sqrt() + eps)


def _adam(segment: Segment, g: Tensor, slots: Tensors, n: Numbers) -> Tensor:
    _, _, (beta1, beta2), _, eps = segment.kind
    first = slots[0].lerp_(g, 1 - beta1)
    second = slots[1].mul_(beta2).addcmul_(g, g, value=1 - beta2)
    return first / (second.sqrt() / n.bias2 + eps) / n.bias1


_RULES: dict[str, Callable[[Segment, Tensor, Tensors, Numbers], Tensor]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adam,
}
