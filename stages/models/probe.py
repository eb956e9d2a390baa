"""A linear probe's rows: features of labelled rows go in; a task on standardised ones comes out.

Shapes: N rows, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from stages.sweep import Task


@dataclass(frozen=True)
class Probe:
    """What one head learns from; features are standardised by those of the labelled rows.

    Attributes:
        x: (N, F) features of the labelled rows.
        y: (N,) their classes.
        dev: features of the dev rows and their classes, if they are watched.
    """

    x: Tensor
    y: Tensor
    dev: tuple[Tensor, Tensor] | None

    @cached_property
    def mean(self) -> Tensor:
        """The features' means (F,)."""
        return self.x.double().mean(0).float()

    @cached_property
    def std(self) -> Tensor:
        """The features' deviations (F,); 1 where a feature is constant."""
        std_F = self.x.double().std(0, correction=0)
        return torch.where(std_F > 0, std_F, 1).float()

    def task(self) -> Task:
        """Return the rows as a task of the engine."""
        watch = {"train": (self.x, self.y)} | ({"dev": self.dev} if self.dev else {})
        scaled = {name: ((x - self.mean) / self.std, y) for name, (x, y) in watch.items()}
        return Task(*scaled["train"], scaled)


def spread(x_UF: Tensor, used: Tensor, number: int) -> Tensor:
    """Return features of the rows `used` in their places among so many, NaN elsewhere, (N, F)."""
    return x_UF.new_full((number, x_UF.shape[1]), torch.nan).index_copy(0, used, x_UF)
