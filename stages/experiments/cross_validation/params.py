"""The `cross_validation` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """The dataset of each role."""

    flowers: str
    """Flowers that the iris net is trained on."""
    home: str
    """Digits that one kind of net is trained on."""
    away: str
    """Digits that the other kind is trained on, and both are compared on."""


class Polynomials(Block):
    """Least squares on a noisy cubic: which degree does cross-validation choose?"""

    repeats: PositiveInt
    """Samples of points, to each of which every degree is fitted."""
    rows: PositiveInt
    """Points of a sample."""
    noise: PositiveFloat
    """Standard deviation of what is added to the cubic."""
    degrees: PositiveInt
    """The highest degree; all from 1 on are fitted."""
    folds: Annotated[int, Field(ge=2)]
    """Parts of a sample; each is predicted by a fit to the others."""


class Flowers(Block):
    """The course's iris net, on iris and on generated classes of the same shape."""

    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    rate: PositiveFloat
    """Learning rate of plain gradient descent."""
    epochs: PositiveInt
    """Steps, each on all rows of the share."""
    rows: PositiveInt
    """Generated flowers of a repeat."""
    features: PositiveInt
    """Inputs, as iris has."""
    distance: PositiveFloat
    """Between any two centres of the generated classes, which have deviation 1."""
    train_shares: Annotated[list[Share], Field(min_length=2)]
    """Shares of the rows that nets are trained on; dev is the rest."""
    share_for_outputs: Share
    """The share with which sigmoids are compared with a softmax."""


class Overfit(Block):
    """A wide net on few rows, some of them with a wrong label."""

    rows: PositiveInt
    """Rows of a repeat, to train on and for the notebook's test."""
    dev_rows: PositiveInt
    """Further rows, by whose loss the best epoch is chosen."""
    features: PositiveInt
    """Inputs."""
    distance: PositiveFloat
    """Between any two centres of the three classes, which have deviation 1."""
    flipped: Share
    """Chance that a row's label is replaced by another class, on dev as well."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    rate: PositiveFloat
    """Learning rate of Adam."""
    epochs: PositiveInt
    """Steps, each on a training share of the rows."""
    watch_every: PositiveInt
    """Epochs between two points of the curves, among which the best epoch is sought."""
    train_share: Share
    """Share of the rows that is trained on; the rest is the notebook's test."""


class Bounds(Block):
    """Nets trained on one collection of digits, tested on another."""

    rows: PositiveInt
    """Train digits of each collection."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    rate: PositiveFloat
    """Learning rate of Adam."""
    epochs: PositiveInt
    """Passes through the train digits."""
    batch_size: PositiveInt
    """Digits per step."""


class Train(Block):
    """Polynomials and three kinds of nets."""

    repeats: PositiveInt
    """Nets of each arm, each from a seed of its own."""
    polynomials: Polynomials
    flowers: Flowers
    overfit: Overfit
    bounds: Bounds


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New rows or points of each generated kind, the same for all repeats."""
    interval_degree: PositiveInt
    """Degree of the polynomial whose interval over folds is checked."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
