"""The `regression` block of params.yaml."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """All data are generated."""


class Slopes(Block):
    """Evenly spaced slopes, the ends included."""

    first: float
    last: float
    count: Annotated[int, Field(ge=2)]


class Train(Block):
    """A 1-1-1 net with and without a ReLU at every slope, `repeats` times."""

    repeats: PositiveInt
    slopes: Slopes
    rows: Annotated[int, Field(ge=3)]
    noise: PositiveFloat
    rate: PositiveFloat
    epochs: PositiveInt
    watch_every: PositiveInt


class Evaluate(Block):
    """How the claims are tested, on `fresh_rows` new points per slope.

    Predictions are straight if their best line explains `straight` of their variance. At slopes of
    at least `fails_from` in size, a net fails that explains less than `fails_below` of what the
    true line explains.
    """

    fresh_rows: PositiveInt
    straight: Share
    fails_from: NonNegativeFloat
    fails_below: Share
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    r2_from: float
