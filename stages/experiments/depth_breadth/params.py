"""The `depth_breadth` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Several = Annotated[list[PositiveInt], Field(min_length=2)]
Rates = Annotated[list[PositiveFloat], Field(min_length=3)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    digits: str


class Grid(Block):
    """The course's iris nets: 4-n, then blocks of n-n, then n-3, in full batches."""

    widths: Several
    blocks: Several
    rate: PositiveFloat
    short_steps: PositiveInt
    long_steps: PositiveInt
    watch_every: PositiveInt


class Points(Block):
    """Points in the plane, an easy problem and a harder one, drawn anew in each repeat."""

    per_class: PositiveInt
    dev_per_class: PositiveInt
    doughnuts_unit: PositiveFloat
    spiral_turns: PositiveFloat
    spiral_noise: PositiveFloat


class Shapes(Block):
    """Nets of several depths with equal numbers of parameters, each at several rates."""

    parameters: PositiveInt
    depths: Several
    rates: Rates
    batch_size: PositiveInt
    epochs: PositiveInt


class Train(Block):
    """All arms, each `repeats` times."""

    repeats: PositiveInt
    grid: Grid
    points: Points
    points_shapes: Shapes
    digits_shapes: Shapes


class Evaluate(Block):
    """How the claims are tested.

    A net has learned when it reaches `level` on its training rows; generated data are tested on
    `fresh_rows` new rows.
    """

    level: Annotated[float, Field(gt=0, lt=1)]
    fresh_rows: PositiveInt
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
