"""The `batch_size` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    digits: str
    """Dataset of handwritten digits."""


class Timing(Block):
    """Some steps of the plain loop by batch size, and some epochs fed in two ways."""

    repeats: PositiveInt
    """How often each is timed, in turns, after a warm-up of each."""
    steps: PositiveInt
    """Steps in each timing of a batch size."""
    epochs: PositiveInt
    """Epochs in each timing of a way to feed: from memory or by a loader."""
    batch_size: PositiveInt
    """Rows of a batch where ways to feed are timed; its steps are timed as well."""


class Train(Block):
    """Every batch size at every rate for some epochs, then at its best rate for equal steps.

    As many epochs as a batch has rows are as many steps as there are rows.
    """

    rows: PositiveInt
    """Training rows, the first of the dataset's; so many make the full batch."""
    pixels: PositiveInt
    """Pixels along an edge, to which the pictures are averaged."""
    hidden: list[PositiveInt]
    """Units of each hidden layer."""
    sizes: Annotated[list[PositiveInt], Field(min_length=2)]
    """Rows of a batch, each a divisor of the rows; the full batch is added."""
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    """Learning rates; every batch size is trained at each."""
    epochs: PositiveInt
    """Passes over the rows at every batch size and rate."""
    repeats: PositiveInt
    """Nets of each arm, each with a start of its own."""
    watches: PositiveInt
    """Between points of a curve lie its epochs divided by this, rounded down (at least 1)."""
    timing: Timing

    @model_validator(mode="after")
    def _divisible(self) -> "Train":
        odd = [size for size in self.sizes if self.rows % size]
        if odd:
            raise ValueError(f"sizes {odd} do not divide the {self.rows} rows")
        return self


class Evaluate(Block):
    """How the claims are tested; `timed` are those about time, decided by the report."""

    small: PositiveInt
    """Rows of the claims' small batches."""
    large: PositiveInt
    """Rows of the claims' large batches."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Accuracy on dev at which the race of the two by the clock ends."""
    loss_tolerance: PositiveFloat
    """Train losses count as equal if they differ by at most this share of single rows'."""
    claims: dict[str, ClaimSettings]
    timed: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axes of accuracy begin."""
