"""The `regression` block of params.yaml."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """All data are generated."""


class Slopes(Block):
    """Evenly spaced true slopes, the ends included."""

    first: float
    """The least slope."""
    last: float
    """The greatest slope."""
    count: Annotated[int, Field(ge=2)]
    """How many slopes."""


class Train(Block):
    """A 1-1-1 net with and without a ReLU at every slope, `repeats` times."""

    repeats: PositiveInt
    """Nets of each kind at each slope, each with a start and rows of its own."""
    slopes: Slopes
    rows: Annotated[int, Field(ge=3)]
    """Points that a net is trained on."""
    noise: PositiveFloat
    """Standard deviation of what is added to the line."""
    rate: PositiveFloat
    """Learning rate."""
    epochs: PositiveInt
    """Steps of gradient descent, each on all rows."""
    watch_every: PositiveInt
    """Epochs between two points of the loss's curve, which no figure shows."""


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New points that all nets are tested on."""
    straight: Share
    """Predictions are straight if their best line explains this share of their variance."""
    fails_from: NonNegativeFloat
    """A net can fail at slopes of at least this size."""
    fails_below: Share
    """A net fails that explains less than this share of what the true line explains."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    r2_from: float
    """Where the axis of R2 begins."""
