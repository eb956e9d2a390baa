"""The `transfer_autoencoder` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    images: str
    """Images to reconstruct and to classify."""


class Autoencoder(Block):
    """How the autoencoders are trained, on all train images."""

    rate: PositiveFloat
    """Learning rate of Adam."""
    batch_size: PositiveInt
    """Images per step."""
    epochs: PositiveInt
    """Passes through the train images."""


class Labels(Block):
    """A number of labels, and what is trained with it."""

    number: PositiveInt | None
    """Labelled images, as many of every class (None: all)."""
    epochs: PositiveInt
    """Passes through them."""
    others: bool
    """Whether the designs beside the good one are trained on them, too."""


class Classifier(Block):
    """How the classifiers are trained at each number of labels."""

    hidden: PositiveInt
    """Units of the hidden layer behind the encoder."""
    rate: PositiveFloat
    """Learning rate of Adam, for all layers."""
    batch_size: PositiveInt
    """Images per step."""
    watches: PositiveInt
    """About how often, at ends of passes, dev is watched in the good design; in the others once."""
    labels: Annotated[list[Labels], Field(min_length=2)]
    """From few to many: `number` of labels, as many of every class (null: all images); passes
    through them (`epochs`); whether the `others` of the designs are trained on them, too."""


class Train(Block):
    """Three designs: first their autoencoders, then classifiers that start from them or not."""

    repeats: PositiveInt
    """Nets of each arm, each from a seed of its own."""
    pixels: PositiveInt
    """Pixels along an edge, to which images are averaged down."""
    channels: Annotated[list[PositiveInt], Field(min_length=1)]
    """Channels of each convolution of the encoder."""
    autoencoder: Autoencoder
    classifier: Classifier


class Evaluate(Block):
    """How the claims are tested."""

    few: PositiveInt
    """The number of labels with which pretraining is to help."""
    copied: list[PositiveInt | None]
    """Numbers of labels over which the untrained copy's effect is averaged (null: all)."""
    share: Annotated[float, Field(gt=0, lt=1)]
    """Part of its gap to the good design that a bad one may make up for at most."""
    images: PositiveInt
    """Test images, the first, on which the check of the copied encoder is made."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
