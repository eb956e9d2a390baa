"""The `transfer_autoencoder` block of params.yaml."""

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from stages._claims import ClaimSettings
from stages._params import Block


class Data(Block):
    """The dataset of each role."""

    images: str


class Autoencoder(Block):
    """How the autoencoders are trained, on all train images."""

    rate: PositiveFloat
    batch_size: PositiveInt
    epochs: PositiveInt


class Labels(Block):
    """How many labelled images, as many of every class (None: all), and how long they train.

    `others`: whether the designs beside the good one are trained on them, too.
    """

    number: PositiveInt | None
    epochs: PositiveInt
    others: bool


class Classifier(Block):
    """How the classifiers are trained at each number of labels.

    Dev is watched `watches` times in the good design, and once in the others.
    """

    hidden: PositiveInt
    rate: PositiveFloat
    batch_size: PositiveInt
    watches: PositiveInt
    labels: Annotated[list[Labels], Field(min_length=2)]  # from few to many


class Train(Block):
    """Three designs, `repeats` times each; images of `pixels` x `pixels`."""

    repeats: PositiveInt
    pixels: PositiveInt
    channels: Annotated[list[PositiveInt], Field(min_length=1)]
    autoencoder: Autoencoder
    classifier: Classifier


class Evaluate(Block):
    """How the claims are tested.

    `few` and `copied` are numbers of labels: where pretraining is to help, and over which the
    untrained copy's effect is averaged. `share` is the part of its gap to the good design that a
    bad one may make up for at most; `images` of the test images show whose encoder was copied.
    """

    few: PositiveInt
    copied: list[PositiveInt | None]
    share: Annotated[float, Field(gt=0, lt=1)]
    images: PositiveInt
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
