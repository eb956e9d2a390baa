"""The `activations` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Activation = Literal["relu", "leaky_relu", "relu6", "elu", "gelu", "tanh", "sigmoid"]


class Data(Block):
    """The dataset of each role."""

    table: str
    digits: str


class Budget(Block):
    """How the nets of one dataset are trained; each arm at every rate.

    `rows` of the train split are used, None for all of them.
    """

    optimizer: Literal["sgd", "adam"]
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    rows: PositiveInt | None
    batch_size: PositiveInt
    epochs: PositiveInt


class Train(Block):
    """Every activation at every depth, `repeats` times.

    The deepest sigmoid nets are also trained on the digits for `longer` times the epochs;
    `gradient_rows` digits give the gradients of the untrained nets.
    """

    repeats: PositiveInt
    activations: list[Activation]
    width: PositiveInt
    depths: Annotated[list[PositiveInt], Field(min_length=3)]
    table: Budget
    digits: Budget
    longer: PositiveInt
    gradient_rows: PositiveInt


class Evaluate(Block):
    """How the claims are tested; `family` are the relatives of ReLU."""

    family: Annotated[list[Activation], Field(min_length=2)]
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
