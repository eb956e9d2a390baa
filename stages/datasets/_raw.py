"""What a dataset's file gives to `prepare`: rows to be split, or tensors that are not split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from stages._params import Block

Size = Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0.0, lt=1.0)] | None


class Split(Block):
    """How many rows each split gets: a number of rows, a share of its pool, or all that remain."""

    train: Size = None
    dev: Size = None
    test: Size = None


class Part(IntEnum):
    """Where a row may go."""

    ANY = 0
    FIT = 1  # train or dev, since others are the official test rows
    TRAIN = 2
    DEV = 3
    TEST = 4


@dataclass(frozen=True)
class Scaling:
    """How values are to be scaled on use: not, by a divisor, or by train's mean and deviation."""

    kind: Literal["none", "divide", "standardise"]
    by: int = 1


@dataclass(frozen=True)
class Raw:
    """Rows before the split.

    Attributes:
        x: (N, H, W) or (N, C, H, W) uint8 images, or (N, F) float32 features.
        y: (N,) class numbers.
        classes: their names.
        scaling: how x is to be scaled on use.
        part: (N,) where each row may go (see `Part`); None where every row may go anywhere.
        split: how many rows go where.
        extra: further (N, ...) tensors that tell where rows come from.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    scaling: Scaling
    part: np.ndarray | None = None
    split: Split = field(default_factory=Split)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Fixed:
    """Tensors from which nothing is learned about rows: each split's file holds all of them.

    Pictures that identities are shown on, and the weights of networks trained elsewhere.
    """

    tensors: Mapping[str, np.ndarray]
    classes: tuple[str, ...]
    scaling: Scaling
