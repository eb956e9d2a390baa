"""The `weight_penalty` block of params.yaml.

A factor of L2 adds factor x weight to a weight's gradient, one of L1 adds factor x its sign.
"""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Factors = Annotated[list[PositiveFloat], Field(min_length=2)]


class Data(Block):
    """The dataset of each role."""

    flowers: str


class Flowers(Block):
    """The course's iris net, on iris and on generated classes of the same shape."""

    hidden: list[PositiveInt]
    rate: PositiveFloat
    epochs: PositiveInt
    features: PositiveInt
    distance: PositiveFloat
    rows: PositiveInt
    dev_rows: PositiveInt
    l2: Factors
    l1: Factors


class Clusters(Block):
    """The course's small net on three clusters: decay by Adam and by AdamW."""

    centres: list[list[float]]
    rows: PositiveInt
    hidden: list[PositiveInt]
    batch_size: PositiveInt
    epochs: PositiveInt
    rates: Annotated[list[PositiveFloat], Field(min_length=2)]
    decays: Factors


class Train(Block):
    """Every penalty at every factor, `repeats` times."""

    repeats: PositiveInt
    flowers: Flowers
    clusters: Clusters


class Step(Block):
    """The check of a single step of AdamW, at gradients of very different size."""

    nets: PositiveInt
    rate: PositiveFloat
    decay: PositiveFloat
    gradients: list[PositiveFloat]


class Evaluate(Block):
    """How the claims are tested: at which factors, rate and decay, and what is near zero."""

    fresh_rows: PositiveInt
    l2: PositiveFloat
    l1: PositiveFloat
    near_zero: PositiveFloat
    rate: PositiveFloat
    decay: PositiveFloat
    step: Step
    claims: dict[str, ClaimSettings]


class Rerun(Block):
    """What one run of the notebook gave without L2 and at its largest factor, in per cent."""

    train: list[float]
    test: list[float]


class Report(Block):
    """How the figures look, and the notebook's results."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    l2: list[Rerun]
    l1: Rerun
