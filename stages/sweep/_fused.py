"""Updates member by member through torch's fused CPU kernels, the ones behind ``fused=True``.

For models of some thousand parameters these beat the stack: a member's parameters, gradients and
moments pass through the cache once. They take one rate per call, hence the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor

from stages.sweep._spec import Optimizer

FUSED_FROM = 1500  # parameters per model from which the loop beats the stack
_UNBIASED = 1e9  # the step at which Adam's bias corrections are exactly 1

Tensors = tuple[Tensor, ...]
Kernel = Callable[[Tensors, int, float], None]


class FusedUpdates:
    """The updates of a chunk's members; parameters and moments are changed in place."""

    def __init__(
        self,
        optimizers: Sequence[Optimizer],
        parameters: Sequence[Tensor],
        slots: Sequence[Sequence[Tensor]],
    ) -> None:
        self._optimizers = optimizers
        moments = list(zip(*map(_by_member, slots), strict=True)) or [()] * len(optimizers)
        self._kernels: list[Kernel] = [
            partial(_sgd if o.name == "sgd" else _adaptive, o, own, slots_of_one)
            for o, own, slots_of_one in zip(
                optimizers, _by_member(parameters), moments, strict=True
            )
        ]

    def apply(
        self, gradients: Sequence[Tensor], epoch: int, step: int, alive: Sequence[bool]
    ) -> None:
        """Update the members that are alive; ``epoch`` counts from 0, ``step`` from 1."""
        members = _by_member(gradients)
        for optimizer, kernel, own, lives in zip(
            self._optimizers, self._kernels, members, alive, strict=True
        ):
            if lives:
                kernel(own, step, optimizer.rate(epoch))


def _by_member(tensors: Sequence[Tensor]) -> Iterator[Tensors]:
    """Each member's rows of stacked tensors."""
    return zip(*(t.unbind() for t in tensors), strict=True)


def _sgd(
    o: Optimizer,
    parameters: Tensors,
    slots: Sequence[Tensors],
    gradients: Tensors,
    step: int,
    rate: float,
) -> None:
    torch._fused_sgd_(
        parameters,
        gradients,
        slots[0] if o.momentum else [],
        weight_decay=o.weight_decay,
        momentum=o.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=o.nesterov,
        maximize=False,
        is_first_step=step == 1,
    )


def _adaptive(
    o: Optimizer,
    parameters: Tensors,
    slots: Sequence[Tensors],
    gradients: Tensors,
    step: int,
    rate: float,
) -> None:
    """Adam, AdamW, and RMSprop as the Adam without a first moment and bias correction."""
    rmsprop = o.name == "rmsprop"
    kernel = torch._fused_adamw_ if o.name == "adamw" else torch._fused_adam_
    beta1, beta2 = (0.0, o.alpha) if rmsprop else o.betas
    count = _count(_UNBIASED if rmsprop else float(step))
    kernel(
        parameters,
        gradients,
        slots[0],
        slots[1],
        [],
        [count] * len(parameters),
        lr=rate,
        beta1=beta1,
        beta2=beta2,
        weight_decay=o.weight_decay,
        eps=o.eps,
        amsgrad=False,
        maximize=False,
    )


@lru_cache(maxsize=2)  # all members of a chunk are at one step; RMSprop always at its own
def _count(step: float) -> Tensor:
    return torch.tensor(step)
