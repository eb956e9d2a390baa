"""The `cross_validation` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    home: str
    away: str


class Polynomials(Block):
    """Least squares on a noisy cubic: which degree does cross-validation choose?"""

    repeats: PositiveInt
    rows: PositiveInt
    noise: PositiveFloat
    degrees: PositiveInt
    folds: Annotated[int, Field(ge=2)]


class Flowers(Block):
    """The course's iris net, on iris and on generated classes of the same shape."""

    hidden: list[PositiveInt]
    rate: PositiveFloat
    epochs: PositiveInt
    rows: PositiveInt
    features: PositiveInt
    distance: PositiveFloat
    train_shares: Annotated[list[Share], Field(min_length=2)]
    share_for_outputs: Share


class Overfit(Block):
    """A wide net on few rows, some of them with a wrong label."""

    rows: PositiveInt
    dev_rows: PositiveInt
    features: PositiveInt
    distance: PositiveFloat
    flipped: Share
    hidden: list[PositiveInt]
    rate: PositiveFloat
    epochs: PositiveInt
    watch_every: PositiveInt
    train_share: Share


class Bounds(Block):
    """Nets trained on one collection of digits, tested on another."""

    rows: PositiveInt
    hidden: list[PositiveInt]
    rate: PositiveFloat
    epochs: PositiveInt
    batch_size: PositiveInt


class Train(Block):
    """All arms; networks are trained `repeats` times."""

    repeats: PositiveInt
    polynomials: Polynomials
    flowers: Flowers
    overfit: Overfit
    bounds: Bounds


class Evaluate(Block):
    """How the claims are tested; generated data are tested on `fresh_rows` new rows."""

    fresh_rows: PositiveInt
    interval_degree: PositiveInt
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
