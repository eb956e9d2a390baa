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
    """Measurements of flowers, for the course's small net."""
    digits: str
    """Pictures of digits, for the net that overfits."""


class Doughnuts(Block):
    """The course's wide net on two noisy rings."""

    per_class: PositiveInt
    """Points on each ring in each repeat."""
    train_share: Share
    """Share of the points to train on; the others are dev."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Rows per step."""
    epochs: PositiveInt
    """Passes over the train rows."""
    sgd_rate: PositiveFloat
    """Learning rate of SGD before it falls; ten times the course's, for a tenth of its epochs."""
    adam_rate: PositiveFloat
    """Learning rate of Adam before it falls."""
    adam_dropout: list[Rate]
    """Dropout rates of the nets that Adam trains."""
    decay_after: Share
    """Share of the epochs after which the learning rate falls."""
    decay: Share
    """What the learning rate is multiplied by when it falls."""


class Flowers(Block):
    """The course's small net on iris."""

    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Rows per step."""
    epochs: PositiveInt
    """Passes over the train and dev rows: it learns from both."""
    sgd_rate: PositiveFloat
    """Learning rate of SGD."""


class Digits(Block):
    """A net with far more parameters than it has digits to learn from."""

    rows: PositiveInt
    """Digits that a repeat's nets are trained on, other ones in each repeat."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Rows per step."""
    epochs: PositiveInt
    """Passes over the train rows."""
    adam_rate: PositiveFloat
    """Learning rate of Adam."""
    dropout: Rates
    """Dropout rates."""


class Train(Block):
    """Every problem at every dropout rate, `repeats` times."""

    repeats: PositiveInt
    """Nets of each arm, each with initial weights and batches of its own."""
    dropout: Rates
    """Dropout rates of the nets that SGD trains, on doughnuts and flowers."""
    passes: PositiveInt
    """Passes with masks of their own that the train accuracy with dropout on averages."""
    doughnuts: Doughnuts
    flowers: Flowers
    digits: Digits


class Scaling(Block):
    """The check of what dropout does to ones."""

    rates: Rates
    """Dropout rates that are checked."""
    units: Annotated[int, Field(ge=1, le=12)]
    """How many ones go through dropout; all of their masks are listed."""


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New doughnuts, half of them on each ring, that nets are tested on."""
    half: Annotated[float, Field(gt=0, lt=1)]
    """The usual dropout rate, of which the claims speak."""
    allowed_loss: PositiveFloat
    """Fall of test accuracy that a narrower gap may cost."""
    scaling: Scaling
    claims: dict[str, ClaimSettings]


class Reference(Block):
    """What a notebook measured at the first rates, in per cent."""

    train: list[float]
    """Train accuracy, with dropout on."""
    test: list[float]
    """Test accuracy."""


class Report(Block):
    """How the figures look, and the notebooks' results."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axes of accuracy begin."""
    doughnuts: Reference
    flowers: Reference
