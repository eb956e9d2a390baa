"""The `weight_penalty` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Factors = Annotated[list[PositiveFloat], Field(min_length=2)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    """Iris."""


class Flowers(Block):
    """The course's iris net, on iris and on generated classes of the same shape."""

    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    rate: PositiveFloat
    """Learning rate of SGD."""
    epochs: PositiveInt
    """Steps, each on all rows."""
    features: PositiveInt
    """Inputs of the net, and dimensions of the generated classes."""
    distance: PositiveFloat
    """Between any two centres of the generated classes, whose deviation is 1."""
    rows: PositiveInt
    """Generated rows of a repeat to train on, all classes together."""
    dev_rows: PositiveInt
    """Generated rows of a repeat by which the best factor is chosen."""
    l2: Factors
    """Factors of L2; each times a weight joins its gradient."""
    l1: Factors
    """Factors of L1; each times a weight's sign joins its gradient; the least is the notebook's."""


class Clusters(Block):
    """The course's small net on three clusters: decay by Adam and by AdamW."""

    centres: list[list[float]]
    """Each cluster's centre in the plane; its deviation is 1."""
    rows: PositiveInt
    """Training rows of a repeat, all clusters together."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    batch_size: PositiveInt
    """Rows in a step; an epoch's last step has the rest."""
    epochs: PositiveInt
    """Passes over the rows."""
    rates: Annotated[list[PositiveFloat], Field(min_length=2)]
    """Learning rates of Adam and of AdamW."""
    decays: Factors
    """Factors of Adam's L2 and decays of AdamW."""


class Train(Block):
    """Every penalty at every factor, `repeats` times."""

    repeats: PositiveInt
    """Nets of every arm, each with its own start and generated rows."""
    flowers: Flowers
    clusters: Clusters


class Step(Block):
    """The check of a single step of AdamW, at gradients of very different size."""

    nets: PositiveInt
    """Draws of 50 weights and 50 gradients, all of them normal."""
    rate: PositiveFloat
    """Learning rate."""
    decay: PositiveFloat
    """Decay of AdamW and factor of Adam's L2."""
    gradients: list[PositiveFloat]
    """By what a draw's gradients are multiplied."""


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New rows of either kind to test on; those of clusters rounded down to equal thirds."""
    l2: PositiveFloat
    """Factor of L2 in the claim on shrinking and in the histogram."""
    l1: PositiveFloat
    """Factor of L1 in the claims on shrinking and on weights near zero, and in the histogram."""
    near_zero: PositiveFloat
    """A weight of less than this size is near zero."""
    rate: PositiveFloat
    """Learning rate at which Adam's L2 and AdamW's decay are compared."""
    decay: PositiveFloat
    """Decay of AdamW and factor of Adam's L2 in the claims on clusters."""
    step: Step
    claims: dict[str, ClaimSettings]


class Rerun(Block):
    """What one run of the notebook gave, in per cent."""

    train: list[float]
    """Two accuracies on train rows."""
    test: list[float]
    """Two accuracies on test rows."""


class Report(Block):
    """How the figures look, and the notebook's results."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
    l2: list[Rerun]
    """The notebook's runs with L2: accuracy without a penalty and at its largest factor."""
    l1: Rerun
    """The notebook's run with L1: from where to where its accuracy lies, without a trend."""
