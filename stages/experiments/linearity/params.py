"""The `linearity` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Block):
    """All data are generated."""


class Clusters(Block):
    """The course's net on two round clusters, with its ReLUs and without, at a grid of rates."""

    centres: Annotated[list[list[float]], Field(min_length=2, max_length=2)]
    """The two clusters' centres, x and y."""
    per_class: PositiveInt
    """Training points of each cluster."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    first_rate: PositiveFloat
    """The least learning rate."""
    last_rate: PositiveFloat
    """The greatest learning rate."""
    rates: Annotated[int, Field(ge=2)]
    """How many learning rates, evenly spaced, these two included."""
    epochs: PositiveInt
    """Steps of gradient descent, each on all training points."""
    watch_every: PositiveInt
    """Epochs between two points of the curves, which no figure shows."""


class Rings(Block):
    """Two rings, one inside the other: a problem that no line solves."""

    per_class: PositiveInt
    """Training points of each ring."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    rate: PositiveFloat
    """Adam's learning rate."""
    epochs: PositiveInt
    """Steps of Adam, each on all training points."""
    watch_every: PositiveInt
    """Epochs between two points of the curves, which no figure shows."""


class Train(Block):
    """Both problems, `repeats` times."""

    repeats: PositiveInt
    """Samples of training points of each problem, each with nets of its own."""
    clusters: Clusters
    rings: Rings


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """New points of each problem, half of each class, that all its nets are tested on."""
    success: Share
    """A net on clusters has learned if its accuracy on fresh points is above this."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy on the training rows begins."""
    closeup_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins close up; lower if a line or band goes lower."""
