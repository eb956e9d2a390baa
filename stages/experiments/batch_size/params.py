"""The `batch_size` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    digits: str


class Timing(Block):
    """Some steps of the plain loop by batch size, and some epochs fed in two ways."""

    repeats: PositiveInt
    steps: PositiveInt
    epochs: PositiveInt
    batch_size: PositiveInt


class Train(Block):
    """Every batch size at every rate for some epochs, then all at equal steps.

    The sizes are those beside the full batch; each divides the rows, so that as many epochs as a
    batch has rows are equal steps.
    """

    rows: PositiveInt
    pixels: PositiveInt
    hidden: list[PositiveInt]
    sizes: Annotated[list[PositiveInt], Field(min_length=2)]
    rates: Annotated[list[PositiveFloat], Field(min_length=3)]
    epochs: PositiveInt
    repeats: PositiveInt
    watches: PositiveInt
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
    large: PositiveInt
    level: Annotated[float, Field(gt=0, lt=1)]
    loss_tolerance: PositiveFloat
    claims: dict[str, ClaimSettings]
    timed: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
