"""The `weight_init` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block

Scheme = Literal["default", "xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_uniform"]


class Data(Block):
    """The dataset of each role."""

    digits: str


class Deviations(Block):
    """A logarithmic grid of standard deviations."""

    smallest: PositiveFloat
    largest: PositiveFloat
    number: Annotated[int, Field(ge=3)]


class Clusters(Block):
    """The easy problem: three clusters in the plane, drawn anew for every repeat."""

    centres: Annotated[list[list[float]], Field(min_length=3)]
    per_class: PositiveInt
    dev_per_class: PositiveInt
    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt


class Digits(Block):
    """Nets of several depths on digits, which are averaged down to `pixels` a side.

    Every start is trained on all rows for `long_steps`; each scheme at every one of `rates` on
    every number of `rows`, None for all, for equally many `steps`.
    """

    pixels: PositiveInt
    width: PositiveInt
    depths: Annotated[list[PositiveInt], Field(min_length=2)]
    batch_size: PositiveInt
    long_steps: PositiveInt
    rows: Annotated[list[PositiveInt | None], Field(min_length=2)]
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    steps: PositiveInt


class Train(Block):
    """Every start on every problem by Adam, `repeats` times.

    The rate is `rate` unless a scheme is trained at several; it is multiplied by `decay` after
    the share `decay_after` of the epochs. `gradient_rows` digits give the gradients of the
    untrained nets.
    """

    repeats: PositiveInt
    schemes: Annotated[list[Scheme], Field(min_length=2)]
    deviations: Deviations
    constants: Annotated[list[float], Field(min_length=3)]
    zero_layer: PositiveInt
    rate: PositiveFloat
    decay_after: Annotated[float, Field(gt=0, lt=1)]
    decay: Annotated[float, Field(gt=0, le=1)]
    clusters: Clusters
    digits: Digits
    gradient_rows: PositiveInt

    @model_validator(mode="after")
    def _has_the_default(self) -> "Train":
        if "default" not in self.schemes:
            raise ValueError("schemes must hold `default`, with which the others are compared")
        return self


class Draws(Block):
    """The check of the schemes' formulas, on `nets` layers of each size (inputs, outputs)."""

    layers: Annotated[
        list[Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]], Field(min_length=1)
    ]
    nets: PositiveInt


class Equal(Block):
    """The check that equal units stay equal: `steps` of gradient descent on random rows."""

    sizes: Annotated[list[PositiveInt], Field(min_length=3)]
    rows: PositiveInt
    rate: PositiveFloat
    steps: PositiveInt


class Evaluate(Block):
    """How the claims are tested; a plateau has `plateau` neighbouring deviations.

    `sizes` are the layers whose shapes are looked at.
    """

    fresh_rows: PositiveInt
    sizes: Annotated[list[PositiveInt], Field(min_length=2)]
    draws: Draws
    equal: Equal
    plateau: Annotated[int, Field(ge=4, multiple_of=4)]
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
