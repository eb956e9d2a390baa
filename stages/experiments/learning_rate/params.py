"""The `learning_rate` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """All data are generated."""


class Points(Block):
    """Two round clusters in the plane, drawn anew in each repeat."""

    centres: Annotated[list[list[float]], Field(min_length=2, max_length=2)]
    per_class: PositiveInt
    dev_per_class: PositiveInt


class Grid(Block):
    """A grid of learning rates, the ends included."""

    first: PositiveFloat
    last: PositiveFloat
    count: Annotated[int, Field(ge=3)]


class Widths(Block):
    """Nets of several widths, each at the same rates."""

    units: Annotated[list[PositiveInt], Field(min_length=2)]
    rates: Annotated[list[PositiveFloat], Field(min_length=1)]


class Restarts(Block):
    """The same rows trained on from several initial weights."""

    rate: PositiveFloat
    count: PositiveInt


class Train(Block):
    """A 2-1-1 net at every rate of both grids, `repeats` times, and its variants."""

    repeats: PositiveInt
    points: Points
    epochs: PositiveInt
    watch_every: PositiveInt
    log_rates: Grid
    linear_rates: Grid
    widths: Widths
    restarts: Restarts


class TwoLosses(Block):
    """The check that two ways to write the binary cross-entropy train the same net."""

    nets: PositiveInt
    steps: PositiveInt
    rate: PositiveFloat


class Evaluate(Block):
    """How the claims are tested, on `fresh_rows` new points.

    A net has learned if its test accuracy is above `success`; a single run is off if it differs
    from the mean of its rate by more than `off_by`.
    """

    fresh_rows: PositiveInt
    success: Share
    off_by: Share
    neighbours: PositiveInt
    two_losses: TwoLosses
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
