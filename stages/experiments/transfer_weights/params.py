"""The `transfer_weights` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    clothes: str
    digits: str
    letters: str


class Gaussians(Block):
    """The generated images, one blob each: the class is its width."""

    rows: PositiveInt
    widths: Annotated[list[PositiveFloat], Field(min_length=2)]


class Sources(Block):
    """How the nets are trained from which weights are taken."""

    rate: PositiveFloat
    batch_size: PositiveInt
    epochs: PositiveInt
    gaussians: Gaussians


class Targets(Block):
    """How the nets are trained that start from scratch or from those weights.

    Every arm takes `steps` steps, or the first `early_steps` of them, whatever it has of `labels`
    per class; dev is watched at most `watches` times.
    """

    rate: PositiveFloat
    head_rate: PositiveFloat
    batch_size: PositiveInt
    steps: PositiveInt
    early_steps: PositiveInt
    watches: PositiveInt
    labels: Annotated[list[PositiveInt], Field(min_length=2)]


class Train(Block):
    """All arms, `repeats` times; dev is `dev_rows` of the dev split."""

    repeats: PositiveInt
    dev_rows: PositiveInt
    sources: Sources
    targets: Targets


class Evaluate(Block):
    """How the claims are tested; Gaussian images on `fresh_rows` new ones."""

    fresh_rows: PositiveInt
    copy_rows: PositiveInt
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look, and the notebook's results in per cent."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    source: PositiveFloat
    zero_shot: PositiveFloat
    tuned: PositiveFloat
