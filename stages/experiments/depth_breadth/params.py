"""The `depth_breadth` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block

Several = Annotated[list[PositiveInt], Field(min_length=2)]
Rates = Annotated[list[PositiveFloat], Field(min_length=3)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    """Dataset of iris flowers."""
    digits: str
    """Dataset of handwritten digits."""


class Grid(Block):
    """The course's iris nets: 4-n, then blocks of n-n, then n-3, in full batches."""

    widths: Several
    """Units per hidden layer, the n of a net."""
    blocks: Several
    """Numbers of blocks, the hidden layers after the first; every width has a net of each."""
    rate: PositiveFloat
    """Learning rate of SGD."""
    short_steps: PositiveInt
    """The course's budget of steps, after which the nets are kept as well; one of the watched."""
    long_steps: PositiveInt
    """Steps of each net."""
    watch_every: PositiveInt
    """Steps between two points of the curves, which tell the steps to the level."""

    @model_validator(mode="after")
    def _watched(self) -> "Grid":
        if self.short_steps % self.watch_every or self.short_steps >= self.long_steps:
            raise ValueError(
                f"short_steps ({self.short_steps}) must be a multiple of watch_every "
                f"({self.watch_every}) below long_steps ({self.long_steps})"
            )
        return self


class Points(Block):
    """Points in the plane, an easy problem and a harder one, drawn anew in each repeat."""

    per_class: PositiveInt
    """Training points of each of the two classes."""
    dev_per_class: PositiveInt
    """Dev points of each class."""
    doughnuts_unit: PositiveFloat
    """What the doughnuts' coordinates are divided by."""
    spiral_turns: PositiveFloat
    """How often each arm of the spiral goes round."""
    spiral_noise: PositiveFloat
    """Standard deviation of the spiral's noise on each axis; its arms end at radius 1."""


class Shapes(Block):
    """Nets of several depths with equal numbers of parameters, each at several rates."""

    parameters: PositiveInt
    """Weights and biases to which a net of each depth comes as close as its width allows."""
    depths: Several
    """Numbers of hidden layers, all of a net equally wide."""
    rates: Rates
    """Adam's learning rates; every depth is trained at each."""
    batch_size: PositiveInt
    """Rows of a batch."""
    epochs: PositiveInt
    """Passes over the training rows."""


class Train(Block):
    """All arms, each `repeats` times."""

    repeats: PositiveInt
    """Nets of each arm, each with a start of its own and, in the plane, points of its own."""
    grid: Grid
    points: Points
    points_shapes: Shapes
    digits_shapes: Shapes


class Evaluate(Block):
    """How the claims are tested."""

    level: Annotated[float, Field(gt=0, lt=1)]
    """Accuracy on the training rows to which the iris nets' steps are counted."""
    fresh_rows: PositiveInt
    """New points of each problem in the plane, half of each class, that its nets are tested on."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axes of accuracy begin."""
