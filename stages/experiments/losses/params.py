"""The `losses` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """No dataset: formulas, and three generated clusters."""


class Train(Block):
    """The course's three clusters and its small net, descended by hand, with two losses."""

    repeats: PositiveInt
    centres: list[list[float]]
    per_class: PositiveInt
    hidden: PositiveInt
    rate: PositiveFloat
    steps: PositiveInt
    watch_every: PositiveInt
    twin_steps: PositiveInt


class Grid(Block):
    """Where the curves of the figures are drawn, and the functions compared."""

    low: float
    high: float
    points: Annotated[int, Field(ge=2)]


class Evaluate(Block):
    """How many random cases, and how the identities are checked."""

    cases: PositiveInt
    classes: Annotated[int, Field(ge=3)]
    rows: Annotated[int, Field(ge=3)]
    logit_deviation: PositiveFloat
    whole_numbers: PositiveInt
    activations: Grid
    predictions: Grid
    target: float
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    loss_to: PositiveFloat
