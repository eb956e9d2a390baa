"""Torchvision's classifiers by name: a name goes in; the net, its body or a new head come out.

Shapes: N rows, C channels, H and W pixels, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from stages.models.mlp import linear

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's weights want them
STD = (0.229, 0.224, 0.225)
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
BATCH = 64


@dataclass(frozen=True)
class View:
    """How a net is shown the photos.

    Attributes:
        mean: by channel, of values in [0, 1].
        std: by channel.
        size: pixels a side; None leaves them as they are.
        grey: whether all channels hold the luminance.
    """

    mean: Sequence[float] = MEAN
    std: Sequence[float] = STD
    size: int | None = None
    grey: bool = False

    def __call__(self, x_NCHW: Tensor) -> Tensor:
        """Return uint8 photos as the net gets them, float32."""
        x_NCHW = x_NCHW.float() / 255
        if self.grey:
            weights_C = x_NCHW.new_tensor(LUMA)[:, None, None]
            x_NCHW = (x_NCHW * weights_C).sum(1, keepdim=True).expand_as(x_NCHW)
        if self.size is not None and self.size != x_NCHW.shape[-1]:
            x_NCHW = nn.functional.interpolate(x_NCHW, self.size, mode="area")
        mean_C, std_C = (x_NCHW.new_tensor(v)[:, None, None] for v in (self.mean, self.std))
        return ((x_NCHW - mean_C) / std_C).contiguous(memory_format=torch.channels_last)


def own_statistics(x_NCHW: Tensor) -> tuple[list[float], list[float]]:
    """Return mean and deviation by channel of uint8 photos, as values in [0, 1]."""
    values_CN = (x_NCHW.transpose(0, 1).flatten(1) / 255).double()
    return values_CN.mean(1).tolist(), values_CN.std(1).tolist()


def build(network: str, generator: torch.Generator | None = None) -> nn.Module:
    """Build a classifier with the initial weights that torchvision draws, from the generator.

    Without a generator it draws from a fixed one: for nets whose weights will be replaced.
    """
    special = {"init_weights": False} if network in ("googlenet", "inception_v3") else {}
    source = torch.Generator().manual_seed(0) if generator is None else generator
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(source.get_state())
        net: nn.Module = get_model(network, weights=None, **special)
    return net


def headless(network: str, generator: torch.Generator | None = None) -> nn.Module:
    """Return a classifier in evaluation mode without its last layer: photos -> features."""
    body = build(network, generator)
    _replace(body, last_layer(body), nn.Identity())
    return body.eval()


def last_layer(net: nn.Module) -> str:
    """Return the name of the layer that gives the classes: the last linear one or convolution."""
    kinds = (nn.Linear, nn.Conv2d)
    names = [name for name, layer in net.named_modules() if isinstance(layer, kinds)]
    return names[-1]


def new_head(net: nn.Module, classes: int) -> nn.Module:
    """Freeze all layers and put one for other classes in the last one's place; return it."""
    net.requires_grad_(False)
    name = last_layer(net)
    old = net.get_submodule(name)
    head: nn.Module
    if isinstance(old, nn.Conv2d):
        head = nn.Conv2d(old.in_channels, classes, old.kernel_size)
    else:
        assert isinstance(old, nn.Linear)
        head = nn.Linear(old.in_features, classes)
    _replace(net, name, head)
    return head


def load(body: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """Give a body its weights, by torchvision's names; those of the last layer are left out."""
    own = body.state_dict()
    missing = [n for n in own if n not in weights and not n.endswith("num_batches_tracked")]
    if missing:
        raise ValueError(f"there are no weights for {missing[0]}")
    body.load_state_dict({name: weights[name] for name in own if name in weights}, strict=False)
    return body


def features(body: nn.Module, x_NCHW: Tensor, view: View) -> Tensor:
    """Return a frozen body's features (N, F), in evaluation mode, in batches."""
    body = body.eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        parts = [
            body(view(x_NCHW[start : start + BATCH])).flatten(1)
            for start in range(0, len(x_NCHW), BATCH)
        ]
        return torch.cat(parts)


class Standardise(nn.Module):
    """Features by fixed means and deviations."""

    def __init__(self, mean_F: Tensor, std_F: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean_F)
        self.register_buffer("std", std_F)

    def forward(self, x_NF: Tensor) -> Tensor:
        """Return the features standardised, (N, F)."""
        return (x_NF - self.get_buffer("mean")) / self.get_buffer("std")


def convnet(channels: Sequence[int], classes: int, generator: torch.Generator) -> nn.Sequential:
    """Return a small net: strided 3 x 3 convolutions with batch norm, the mean over places."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((3, *channels[:-1]), channels, strict=True):
        layer = nn.Conv2d(inputs, outputs, 3, 2, 1, device="meta").to_empty(device="cpu")
        bound = (9 * inputs) ** -0.5
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.uniform_(-bound, bound, generator=generator)
        layers += [layer, nn.BatchNorm2d(outputs), nn.ReLU()]
    head = linear(channels[-1], classes, generator)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def _replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, layer)
