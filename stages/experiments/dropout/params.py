"""The `dropout` block of params.yaml; a dropout rate is the chance that a unit is switched off."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Rate = Annotated[float, Field(ge=0, lt=1)]
Rates = Annotated[list[Rate], Field(min_length=2)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    digits: str


class Doughnuts(Block):
    """The course's wide net on two noisy rings; late in training the learning rate falls."""

    per_class: PositiveInt
    train_share: Share
    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt
    sgd_rate: PositiveFloat
    adam_rate: PositiveFloat
    adam_dropout: list[Rate]
    decay_after: Share
    decay: Share


class Flowers(Block):
    """The course's small net on iris."""

    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt
    sgd_rate: PositiveFloat


class Digits(Block):
    """A net with far more parameters than it has digits to learn from."""

    rows: PositiveInt
    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt
    adam_rate: PositiveFloat
    dropout: Rates


class Train(Block):
    """Every problem at every dropout rate, `repeats` times.

    The train accuracy with dropout on is the mean of `passes` passes.
    """

    repeats: PositiveInt
    dropout: Rates
    passes: PositiveInt
    doughnuts: Doughnuts
    flowers: Flowers
    digits: Digits


class Scaling(Block):
    """The check of what dropout does to `units` ones; all masks of so few are listed."""

    rates: Rates
    units: Annotated[int, Field(ge=1, le=12)]


class Evaluate(Block):
    """How the claims are tested; `half` is the usual dropout rate."""

    fresh_rows: PositiveInt
    half: Annotated[float, Field(gt=0, lt=1)]
    allowed_loss: PositiveFloat
    scaling: Scaling
    claims: dict[str, ClaimSettings]


class Reference(Block):
    """What a notebook measured at the first rates, in per cent."""

    train: list[float]
    test: list[float]


class Report(Block):
    """How the figures look, and the notebooks' results."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    doughnuts: Reference
    flowers: Reference
