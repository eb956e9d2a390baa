"""The `optimizers` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw"]


class Data(Block):
    """The dataset of each role."""

    digits: str


class Rescue(Block):
    """Does plain SGD at a small rate only need more steps?"""

    rate: PositiveFloat
    """Learning rate of the net that gets more steps."""
    times_the_epochs: PositiveInt
    """How many times the epochs of the others."""


class Train(Block):
    """Every optimizer at every rate, `repeats` times."""

    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt
    repeats: PositiveInt
    optimizers: list[OptimizerName]
    rates: Annotated[list[PositiveFloat], Field(min_length=2)]
    """Learning rates; each optimizer has a net at each."""
    momentum: Annotated[float, Field(ge=0, lt=1)]
    adamw_weight_decay: Annotated[float, Field(ge=0)]
    rescue: Rescue


class LossScale(Block):
    """The check that an adaptive step ignores the scale of the loss, if eps is negligible."""

    factor: PositiveFloat
    eps: PositiveFloat
    steps: PositiveInt
    rate: PositiveFloat
    nets: PositiveInt


class Evaluate(Block):
    """How the claims are tested."""

    loss_scale: LossScale
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
