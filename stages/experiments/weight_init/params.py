"""The `weight_init` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block

Scheme = Literal["default", "xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_uniform"]


class Data(Block):
    """The dataset of each role."""

    digits: str
    """Images of digits."""


class Deviations(Block):
    """Standard deviations of all initial weights and biases, on a logarithmic grid."""

    smallest: PositiveFloat
    """The least deviation."""
    largest: PositiveFloat
    """The greatest deviation."""
    number: Annotated[int, Field(ge=3)]
    """How many, the ends included, each a constant factor above the one before."""


class Clusters(Block):
    """The easy problem: three clusters in the plane, drawn anew for every repeat."""

    centres: Annotated[list[list[float]], Field(min_length=3)]
    """Coordinates of each cluster's centre; the clusters have deviation 1."""
    per_class: PositiveInt
    """Training points of each cluster."""
    dev_per_class: PositiveInt
    """Dev points of each cluster."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Points per step."""
    epochs: PositiveInt
    """Passes through the training points."""


class Digits(Block):
    """Nets of several depths: every start on all rows, then each scheme at several rates."""

    pixels: PositiveInt
    """Pixels along an edge, to which digits are averaged down."""
    width: PositiveInt
    """Units of each hidden layer."""
    depths: Annotated[list[PositiveInt], Field(min_length=2)]
    """Numbers of hidden layers."""
    batch_size: PositiveInt
    """Digits per step."""
    long_steps: PositiveInt
    """Steps of every start, on all rows and at `train.rate`."""
    rows: Annotated[list[PositiveInt | None], Field(min_length=2)]
    """Train digits on which schemes are compared at each of `rates` (null: all)."""
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    """Learning rates of the compared schemes, of which the best on dev is taken."""
    steps: PositiveInt
    """Steps of the compared schemes, equally many on any number of rows."""


class Train(Block):
    """Every start on every problem, by Adam."""

    repeats: PositiveInt
    """Nets of each arm, each from a seed of its own."""
    schemes: Annotated[list[Scheme], Field(min_length=2)]
    """Ways to draw weights by a layer's size; biases are drawn by torch's default."""
    deviations: Deviations
    constants: Annotated[list[float], Field(min_length=3)]
    """Values at which all weights and biases start."""
    zero_layer: PositiveInt
    """The layer, counted from the input, whose weights start at 0, the rest by default."""
    rate: PositiveFloat
    """Learning rate, unless schemes are compared at several."""
    decay_after: Annotated[float, Field(gt=0, lt=1)]
    """Share of the epochs, rounded to whole ones, after which the rate falls."""
    decay: Annotated[float, Field(gt=0, le=1)]
    """What the rate is then multiplied by."""
    clusters: Clusters
    digits: Digits
    gradient_rows: PositiveInt
    """Train digits, the first, that give the gradients of the untrained nets."""

    @model_validator(mode="after")
    def _has_the_default(self) -> "Train":
        if "default" not in self.schemes:
            raise ValueError("schemes must hold `default`, with which the others are compared")
        return self


class Draws(Block):
    """The check of the schemes' formulas."""

    layers: Annotated[
        list[Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]], Field(min_length=1)
    ]
    """Inputs and outputs of each layer that is drawn."""
    nets: PositiveInt
    """Draws of each layer by each scheme."""


class Equal(Block):
    """The check that equal units stay equal, from each of the constants."""

    sizes: Annotated[list[PositiveInt], Field(min_length=3)]
    """Inputs, units of each hidden layer, and outputs of the net."""
    rows: PositiveInt
    """Random rows, all of them used in every step."""
    rate: PositiveFloat
    """Learning rate."""
    steps: PositiveInt
    """Steps of gradient descent."""


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New points of the clusters, divided evenly (rounded down) among them."""
    sizes: Annotated[list[PositiveInt], Field(min_length=2)]
    """Inputs, units of each hidden layer, and outputs of the net whose shapes are checked."""
    draws: Draws
    equal: Equal
    plateau: Annotated[int, Field(ge=4, multiple_of=4)]
    """How many neighbouring deviations are a plateau: those best together on dev."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
