"""The `optimizers` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw"]


class Data(Block):
    """The dataset of each role."""

    digits: str
    """Pictures of digits."""


class Rescue(Block):
    """Does plain SGD at a small rate only need more steps?"""

    rate: PositiveFloat
    """Learning rate of the net that gets more steps."""
    times_the_epochs: PositiveInt
    """How many times the epochs of the others."""


class Train(Block):
    """Every optimizer at every rate, `repeats` times."""

    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Rows per step."""
    epochs: PositiveInt
    """Passes over the train rows."""
    repeats: PositiveInt
    """Nets of each arm, each with initial weights and batches of its own."""
    optimizers: list[OptimizerName]
    """Update rules; `momentum` is SGD with momentum."""
    rates: Annotated[list[PositiveFloat], Field(min_length=2)]
    """Learning rates; each optimizer has a net at each."""
    momentum: Annotated[float, Field(ge=0, lt=1)]
    """How much of the sum of past gradients `momentum` keeps at each step."""
    adamw_weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's decay: each step takes rate x this of each weight away."""
    rescue: Rescue


class LossScale(Block):
    """The check that an adaptive step ignores the scale of the loss, if eps is negligible."""

    factor: PositiveFloat
    """What the loss is multiplied by."""
    eps: PositiveFloat
    """The eps of RMSprop and Adam in the check, instead of torch's."""
    steps: PositiveInt
    """Full-batch steps of each net."""
    rate: PositiveFloat
    """Learning rate."""
    nets: PositiveInt
    """Small nets, with points of their own, for each optimizer."""


class Evaluate(Block):
    """How the claims are tested."""

    loss_scale: LossScale
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axes of accuracy begin."""
