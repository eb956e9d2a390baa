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
    """Nets with either loss, each with a start and rows of its own."""
    centres: list[list[float]]
    """Coordinates of each cluster's centre; the clusters have deviation 1."""
    per_class: PositiveInt
    """Training rows of each cluster."""
    hidden: PositiveInt
    """Hidden units, in one layer."""
    rate: PositiveFloat
    """Learning rate."""
    steps: PositiveInt
    """Steps of gradient descent, each on all rows."""
    watch_every: PositiveInt
    """Steps between two points of the curves."""
    twin_steps: PositiveInt
    """Steps after which nets by hand, by torch, reordered and with a constant are compared."""


class Grid(Block):
    """Inputs of a figure's curves; curves by probability have as many points as `predictions`."""

    low: float
    """The least input or prediction."""
    high: float
    """The greatest input or prediction."""
    points: Annotated[int, Field(ge=2)]
    """How many points, evenly spaced, the ends included."""


class Evaluate(Block):
    """How many random cases the identities are checked on, and what the figures draw."""

    cases: PositiveInt
    """Random vectors, probabilities, and pairs of predictions and targets: so many of each."""
    classes: Annotated[int, Field(ge=3)]
    """Numbers in each random vector."""
    rows: Annotated[int, Field(ge=3)]
    """Rows of each random pair, and training rows over which costs and gradients are averaged."""
    logit_deviation: PositiveFloat
    """Standard deviation of the numbers in the random vectors."""
    whole_numbers: PositiveInt
    """Random whole numbers, from -5 to 14, in the figure of a softmax."""
    activations: Grid
    predictions: Grid
    target: float
    """The target in the figure of losses by prediction."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    loss_to: PositiveFloat
    """Where the axis of the loss while training ends, in nats."""
