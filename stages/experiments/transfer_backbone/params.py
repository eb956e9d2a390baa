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
    """The dataset of each role; `features` are those of `photos` by the frozen `weights`."""

    photos: str
    features: str
    weights: str


class Seen(Block):
    """A view: which mean and deviation, how many pixels a side, grey or not."""

    statistics: Statistics
    size: PositiveInt
    grey: bool


class Head(Block):
    """The new last layer, as the course trains it; features are standardised first."""

    rate: PositiveFloat
    momentum: Annotated[float, Field(ge=0, lt=1)]
    batch_size: PositiveInt
    steps: PositiveInt


class Pixels(Block):
    """The same layer on the pixels themselves."""

    size: PositiveInt


class Random(Block):
    """The same backbone with initial weights, frozen; drawn anew in each repeat."""

    labels: Labels


class Scratch(Block):
    """A small net that is trained on the labelled photos alone, by Adam."""

    size: PositiveInt
    channels: list[PositiveInt]
    labels: Labels
    rate: PositiveFloat
    rates_of_few: Annotated[list[PositiveFloat], Field(min_length=3)]
    batch_size: PositiveInt
    steps: PositiveInt


class WholeNet(Block):
    """All layers of the backbone: tuned from a view's trained head on, or afresh."""

    rates: dict[Whole, PositiveFloat]
    view: str
    labels: Labels
    batch_size: PositiveInt
    epochs: PositiveInt


class Train(Block):
    """The backbone by torchvision's name, and what is trained on how many labels."""

    backbone: str
    repeats: PositiveInt
    few: PositiveInt
    labels: Labels
    views: dict[str, Seen]
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
    """The notes' table: convolutions' outputs of each configuration, `1x` before a 1 x 1 one."""

    layers: dict[str, list[str]]
    torchvision: dict[str, str]
    millions: dict[str, PositiveInt]


class Evaluate(Block):
    """How the claims are tested."""

    neighbours: PositiveInt
    vgg: Vgg
    families: dict[str, str]
    new_classes: PositiveInt
    family_size: PositiveInt
    claims: dict[str, ClaimSettings]


class Report(Block):
    """How the figures look."""

    accuracy_from: Annotated[float, Field(ge=0, lt=1)]
