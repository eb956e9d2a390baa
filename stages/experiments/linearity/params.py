"""The `linearity` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """All data are generated."""


class Clusters(Block):
    """The course's net on two round clusters, with its ReLUs and without, at a grid of rates."""

    centres: Annotated[list[list[float]], Field(min_length=2, max_length=2)]
    per_class: PositiveInt
    hidden: list[PositiveInt]
    first_rate: PositiveFloat
    last_rate: PositiveFloat
    rates: Annotated[int, Field(ge=2)]
    epochs: PositiveInt
    watch_every: PositiveInt


class Rings(Block):
    """Two rings, one inside the other: a problem that no line solves."""

    per_class: PositiveInt
    hidden: list[PositiveInt]
    rate: PositiveFloat
    epochs: PositiveInt
    watch_every: PositiveInt


class Train(Block):
    """Both problems, `repeats` times."""

    repeats: PositiveInt
    clusters: Clusters
    rings: Rings


class Evaluate(Block):
    """How the claims are tested, on `fresh_rows` new points; a net fails up to `success`."""

    fresh_rows: PositiveInt
    success: Share
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    closeup_from: Annotated[float, Field(ge=0, lt=1)]
