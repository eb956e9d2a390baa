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
    """Centre of each class; its deviation is 1."""
    per_class: PositiveInt
    """Training points of each class."""
    dev_per_class: PositiveInt
    """Dev points of each class."""


class Grid(Block):
    """Learning rates, evenly spaced on the axis of their name, the ends included."""

    first: PositiveFloat
    """The smallest rate."""
    last: PositiveFloat
    """The largest rate."""
    count: Annotated[int, Field(ge=3)]
    """How many rates."""


class Widths(Block):
    """Nets of several widths, each at the same rates."""

    units: Annotated[list[PositiveInt], Field(min_length=2)]
    """Hidden units of each net."""
    rates: Annotated[list[PositiveFloat], Field(min_length=1)]
    """Learning rates that nets of each width are trained at."""


class Restarts(Block):
    """The same rows trained on from several initial weights."""

    rate: PositiveFloat
    """Learning rate."""
    count: PositiveInt
    """Starts in each repeat."""


class Train(Block):
    """A 2-1-1 net at every rate of both grids, `repeats` times, and its variants."""

    repeats: PositiveInt
    """Nets of every arm, each with its own start and points, which arms share."""
    points: Points
    epochs: PositiveInt
    """Steps of gradient descent, each on all training points."""
    watch_every: PositiveInt
    """Steps between two looks at the accuracy on train and dev points."""
    log_rates: Grid
    linear_rates: Grid
    widths: Widths
    restarts: Restarts


class TwoLosses(Block):
    """The check that two ways to write the binary cross-entropy train the same net."""

    nets: PositiveInt
    """Starts, from each of which a net is trained with either loss."""
    steps: PositiveInt
    """Steps of gradient descent, each on all points."""
    rate: PositiveFloat
    """Learning rate."""


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New points to test on, half of each class, the same for all repeats."""
    success: Share
    """A net has learned if its accuracy on the new points is above this."""
    off_by: Share
    """A single run is off if it differs by more from the mean of the others at its rate."""
    neighbours: PositiveInt
    """Training points that nearest neighbours take the majority of."""
    two_losses: TwoLosses
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
