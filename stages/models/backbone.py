"""Torchvision's classifiers by name: a name goes in; the net, its body or a new head come out.

Shapes: N rows, C channels, H and W pixels, F features.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from stages.models.mlp import linear

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, as torchvision's weights want them
STD = (0.229, 0.224, 0.225)
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
BATCH = {"cpu": 16}  # a third faster than 64, which its caches do not hold
BATCH_ELSEWHERE = 256
Channels = tuple[Sequence[float], Sequence[float]]  # mean and deviation by channel
_GLOBAL_STATE = threading.Lock()  # torchvision draws from it


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


def own_statistics(x_NCHW: Tensor) -> Channels:
    """Return mean and deviation by channel of uint8 photos, as values in [0, 1]."""
    values_CN = (x_NCHW.transpose(0, 1).flatten(1) / 255).double()
    return values_CN.mean(1).float().tolist(), values_CN.std(1).float().tolist()


def look(statistics: str, size: int, grey: bool, own: Channels) -> View:
    """Return a view by ImageNet's statistics, by the photos' own, or by none."""
    mean, std = {"imagenet": (MEAN, STD), "own": own, "none": ((0.0,) * 3, (1.0,) * 3)}[statistics]
    return View(mean, std, size, grey)


def smaller(x_NCHW: Tensor, size: int) -> Tensor:
    """Return uint8 photos of `size` pixels a side, each pixel the mean of what it covers."""
    x_NCHW = nn.functional.interpolate(x_NCHW.float(), size, mode="area")
    return x_NCHW.round().to(torch.uint8)


def pixels(x_NCHW: Tensor, size: int) -> Tensor:
    """Return smaller photos as rows of numbers in [0, 1], (N, F)."""
    return smaller(x_NCHW, size).flatten(1) / 255


def build(network: str, generator: torch.Generator | None = None) -> nn.Module:
    """Build a classifier with the initial weights that torchvision draws, from the generator.

    Without a generator it draws from a fixed one: for nets whose weights will be replaced.
    """
    special = {"init_weights": False} if network in ("googlenet", "inception_v3") else {}
    source = torch.Generator().manual_seed(0) if generator is None else generator
    with _GLOBAL_STATE, torch.random.fork_rng(devices=[]):
        torch.set_rng_state(source.get_state())
        net: nn.Module = get_model(network, weights=None, **special)
    return net


def headless(network: str, generator: torch.Generator | None = None) -> nn.Module:
    """Return a classifier in evaluation mode without its last layer: photos -> features."""
    body = build(network, generator)
    name, _ = last_layer(body)
    _replace(body, name, nn.Identity())
    return body.eval()


def last_layer(net: nn.Module) -> tuple[str, int]:
    """Return the name of the layer that gives the classes, linear or a convolution, its inputs."""
    layers = [(name, layer) for name, layer in net.named_modules()]
    name, layer = next((n, m) for n, m in reversed(layers) if isinstance(m, nn.Linear | nn.Conv2d))
    return name, layer.weight.shape[1]


def new_head(net: nn.Module, classes: int) -> nn.Module:
    """Freeze all layers and put one for other classes in the last one's place; return it."""
    net.requires_grad_(False)
    name, inputs = last_layer(net)
    convolves = isinstance(net.get_submodule(name), nn.Conv2d)
    head = nn.Conv2d(inputs, classes, 1) if convolves else nn.Linear(inputs, classes)
    _replace(net, name, head)
    return head


def load(body: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """Give a body its weights, by torchvision's names; those of the last layer are left out."""
    own = body.state_dict()
    missing = [n for n in own if n not in weights and not n.endswith("num_batches_tracked")]
    if missing:
        raise ValueError(f"there are no weights for {missing[0]}")
    body.load_state_dict({name: weights[name] for name in own if name in weights}, strict=False)
    return body


def features(body: nn.Module, x_NCHW: Tensor, view: View) -> Tensor:
    """Return a frozen body's features (N, F) on the CPU, in evaluation mode, in batches."""
    body = body.eval().to(memory_format=torch.channels_last)
    device = next(body.parameters()).device
    batches = torch.split(x_NCHW, BATCH.get(device.type, BATCH_ELSEWHERE))
    with torch.inference_mode():
        return torch.cat([body(view(batch.to(device))).flatten(1) for batch in batches]).cpu()


class Standardise(nn.Module):
    """Features by fixed means and deviations."""

    def __init__(self, mean_F: Tensor, std_F: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean_F)
        self.register_buffer("std", std_F)

    def forward(self, x_NF: Tensor) -> Tensor:
        """Return the features standardised, (N, F)."""
        return (x_NF - self.get_buffer("mean")) / self.get_buffer("std")


def whole(network: str, weights: Mapping[str, Tensor], head: Mapping[str, Tensor]) -> nn.Sequential:
    """Return photos -> classes: a trained body, and a head on its standardised features.

    `head` has the features' "mean" and "std", and the layer's "1.weight" and "1.bias".
    """
    classes, size = head["1.weight"].shape
    layer = linear(size, classes, torch.Generator())
    layer.load_state_dict({name: head[f"1.{name}"] for name in ("weight", "bias")})
    scaled = Standardise(head["mean"], head["std"])
    return nn.Sequential(load(headless(network), weights), scaled, layer)


def untrained_whole(network: str, classes: int, generator: torch.Generator) -> nn.Sequential:
    """Return the same net with initial weights; its features are left as they are."""
    body = headless(network, generator)
    size = last_layer(build(network))[1]
    head = linear(size, classes, generator)
    return nn.Sequential(body, Standardise(torch.zeros(size), torch.ones(size)), head)


def train_whole(
    net: nn.Sequential,
    x_NCHW: Tensor,
    y_N: Tensor,
    batches: Iterable[Tensor],
    rate: float,
    momentum: float,
    renew: bool,
) -> None:
    """Train all layers by SGD, in place.

    Args:
        net: photos -> classes.
        x_NCHW: the photos as the net gets them.
        y_N: their classes.
        batches: row numbers of each step.
        rate: the learning rate.
        momentum: of the steps.
        renew: whether batch norm uses each batch's statistics and renews its own.
    """
    net.to(memory_format=torch.channels_last).train(renew)
    rule = torch.optim.SGD(net.parameters(), rate, momentum)
    for rows in batches:
        loss = nn.functional.cross_entropy(net(x_NCHW[rows]), y_N[rows])
        rule.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        rule.step()


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
