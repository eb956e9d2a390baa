"""The `transfer_weights` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    clothes: str
    """Clothes: a target."""
    digits: str
    """Digits: the source for clothes, the target of letters."""
    letters: str
    """Letters: the source for digits."""


class Gaussians(Block):
    """The generated images, one blob each: the class is its width."""

    rows: PositiveInt
    """Images that a net is trained on, drawn anew in each repeat."""
    widths: Annotated[list[PositiveFloat], Field(min_length=2)]
    """Deviation of each class's blob, on an image that reaches from -4 to 4."""


class Sources(Block):
    """How the nets are trained from which weights are taken."""

    rate: PositiveFloat
    """Learning rate of Adam."""
    batch_size: PositiveInt
    """Images in a step; an epoch's last ones, too few for a batch, are left out."""
    epochs: PositiveInt
    """Passes over the source's training images."""
    gaussians: Gaussians


class Targets(Block):
    """How the nets are trained that start from scratch or from those weights."""

    rate: PositiveFloat
    """Learning rate of Adam for all layers."""
    head_rate: PositiveFloat
    """Learning rate of Adam for the last layer alone, on a frozen body."""
    batch_size: PositiveInt
    """Images in a step."""
    steps: PositiveInt
    """Steps of every arm, whatever it has of `labels`, but of those called early."""
    early_steps: PositiveInt
    """Steps of the arms called early."""
    watches: PositiveInt
    """Epochs into which the steps are split at most; dev is looked at after each."""
    labels: Annotated[list[PositiveInt], Field(min_length=2)]
    """Training images of each class that keep their label: few, then many."""


class Train(Block):
    """All nets: first the sources, then those that learn a target."""

    repeats: PositiveInt
    """Nets of every arm, each with its own start, labelled rows and batches."""
    dev_rows: PositiveInt
    """Rows of each dev split that are used, and Gaussian images for dev."""
    sources: Sources
    targets: Targets


class Evaluate(Block):
    """How the claims are tested."""

    fresh_rows: PositiveInt
    """Gaussian images to test on, the same for all repeats."""
    copy_rows: PositiveInt
    """First test images of its source, for which a copy must give its net's outputs."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look, and the notebook's results in per cent."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
    source: PositiveFloat
    """The notebook's test accuracy on digits of its net for digits, in per cent."""
    zero_shot: PositiveFloat
    """The same net's on clothes without training, in per cent."""
    tuned: PositiveFloat
    """Its test accuracy on clothes once it was trained on them, in per cent."""
