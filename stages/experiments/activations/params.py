"""The `activations` block of params.yaml."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Activation = Literal["relu", "leaky_relu", "relu6", "elu", "gelu", "tanh", "sigmoid"]


class Data(Block):
    """The dataset of each role."""

    table: str
    """A table of measurements."""
    digits: str
    """Pictures of digits."""


class Budget(Block):
    """How the nets of one dataset are trained."""

    optimizer: Literal["sgd", "adam"]
    """Update rule of all nets."""
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    """Learning rates; each net is trained at each."""
    rows: PositiveInt | None
    """How many rows of the train split are used; null is all."""
    batch_size: PositiveInt
    """Rows per step."""
    epochs: PositiveInt
    """Passes over the train rows."""


class Train(Block):
    """Every activation at every depth, `repeats` times, and a net without a hidden layer."""

    repeats: PositiveInt
    """Nets of each arm, each with initial weights and batches of its own."""
    activations: list[Activation]
    """Activations of the hidden layers."""
    width: PositiveInt
    """Units of each hidden layer."""
    depths: Annotated[list[PositiveInt], Field(min_length=3)]
    """Numbers of hidden layers; the middle one is the course's."""
    table: Budget
    digits: Budget
    longer: PositiveInt
    """The deepest sigmoid nets are also trained on digits for this many times the epochs."""
    gradient_rows: PositiveInt
    """Digits of the train split that give the gradients of the untrained nets."""


class Evaluate(Block):
    """How the claims are tested."""

    family: Annotated[list[Activation], Field(min_length=2)]
    """ReLU and its relatives."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axes of accuracy begin."""
