"""The `transfer_backbone` block of params.yaml.

`labels` counts labelled photos per class; a repeat draws them, few among many. A view is how the
frozen net is shown a photo.
"""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from stages._claims import ClaimSettings
from stages._params import Block

Statistics = Literal["imagenet", "own", "none"]
Labels = Annotated[list[PositiveInt], Field(min_length=1)]
Whole = Literal["tuned", "afresh"]


class Data(Block):
    """The dataset of each role."""

    photos: str
    """The photos, in classes."""
    features: str
    """What the frozen `weights` make of `photos`."""
    weights: str
    """The backbone's trained weights."""


class Seen(Block):
    """A view: which mean and deviation, how many pixels a side, grey or not."""

    statistics: Statistics
    """By which mean and deviation of each channel values are normalised."""
    size: PositiveInt
    """Pixels a side."""
    grey: bool
    """Whether all channels hold the luminance."""


class Head(Block):
    """The new last layer, as the course trains it; features are standardised first."""

    rate: PositiveFloat
    """Learning rate of SGD."""
    momentum: Annotated[float, Field(ge=0, lt=1)]
    """Momentum of SGD."""
    batch_size: PositiveInt
    """Labelled photos in a step."""
    steps: PositiveInt
    """Steps, rounded to whole passes over the labelled photos."""


class Pixels(Block):
    """The same layer on the pixels themselves."""

    size: PositiveInt
    """Pixels a side."""


class Random(Block):
    """The same backbone with initial weights, frozen; drawn anew in each repeat."""

    labels: Labels
    """Labelled photos per class that its new last layer is trained on."""


class Scratch(Block):
    """A small net that is trained on the labelled photos alone, by Adam."""

    size: PositiveInt
    """Pixels a side."""
    channels: list[PositiveInt]
    """Output channels of each 3 x 3 convolution of stride 2."""
    labels: Labels
    """Labelled photos per class that it is trained on at `rate`."""
    rate: PositiveFloat
    """Learning rate of Adam."""
    rates_of_few: Annotated[list[PositiveFloat], Field(min_length=3)]
    """Learning rates tried with `few` labels; dev chooses one of them."""
    batch_size: PositiveInt
    """Labelled photos in a step."""
    steps: PositiveInt
    """Steps, rounded to whole passes over the labelled photos."""


class WholeNet(Block):
    """All layers of the backbone: tuned from a view's trained head on, or afresh."""

    rates: dict[Whole, PositiveFloat]
    """Learning rate of SGD for each way to train, with the head's momentum."""
    view: str
    """How it is shown photos; tuning starts from the head trained in this view."""
    labels: Labels
    """Labelled photos per class that it is trained on."""
    batch_size: PositiveInt
    """Labelled photos in a step."""
    epochs: PositiveInt
    """Passes over the labelled photos."""


class Train(Block):
    """The backbone by torchvision's name, and what is trained on how many labels."""

    backbone: str
    """Torchvision's name of the net that is frozen or tuned."""
    repeats: PositiveInt
    """Nets or heads of every arm, each with its own labelled photos, start and batches."""
    few: PositiveInt
    """Labelled photos per class in the claims, and in all other views."""
    labels: Labels
    """Labelled photos per class of pixels and of ImageNet's statistics at the largest size."""
    views: dict[str, Seen]
    """How the frozen net is shown photos: by whose `statistics`, pixels a side, `grey` or not."""
    head: Head
    pixels: Pixels
    random: Random
    scratch: Scratch
    whole: WholeNet

    @model_validator(mode="after")
    def _views_fit(self) -> "Train":
        if all(seen.statistics != "imagenet" or seen.grey for seen in self.views.values()):
            raise ValueError("views: one must be of colour photos by ImageNet's statistics")
        if "tuned" not in self.whole.rates or any(
            self.few not in labels
            for labels in (self.labels, self.random.labels, self.whole.labels)
        ):
            raise ValueError("few: heads, random and tuned nets must be among those with so many")
        if self.whole.view not in self.views:
            raise ValueError(f"whole.view: {self.whole.view!r} is no view")
        return self


class Vgg(Block):
    """The notes' table of VGG's configurations, and what its counts are compared with."""

    layers: dict[str, list[str]]
    """By configuration: convolutions' outputs (`1x`: of size 1 x 1), M max-pooling, LRN a norm."""
    torchvision: dict[str, str]
    """Torchvision's net of a configuration, which must have as many parameters."""
    millions: dict[str, PositiveInt]
    """Parameters in millions by configuration, as the paper's table 2 gives them."""


class Evaluate(Block):
    """How the claims are tested."""

    neighbours: PositiveInt
    """Nearest other test photos that are looked up for each test photo."""
    vgg: Vgg
    families: dict[str, str]
    """Torchvision's net that stands for each family of the notes."""
    new_classes: PositiveInt
    """Outputs of the new last layer that each family's net is given."""
    family_size: PositiveInt
    """Pixels a side of the photo that goes through each family's net."""
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
    """Where the axis of accuracy begins."""
