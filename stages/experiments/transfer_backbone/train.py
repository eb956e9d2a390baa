"""Is a net that others trained on many photos a start for a new problem with few?

The notes (L735-923) freeze ResNet-18, give it a new last layer and train that. Here: the frozen
backbone, always in evaluation mode, against its own initial weights, pixels and a net trained on
the labelled photos alone; its views; and all its layers tuned. About 50 s on two cores.

Shapes: S repeats, N rows, F features, C classes, L labelled photos per class.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from stages import _device, _seeds
from stages._entry import UserError
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run, streams
from stages.experiments.transfer_backbone.params import Train, Whole
from stages.models import backbone
from stages.models.backbone import Channels, View
from stages.models.mlp import mlp
from stages.models.probe import Probe, spread
from stages.samplers import few_labels
from stages.sweep import Optimizer, Task, batch_order, generator

# seconds on two cores: pixel of MobileNetV2, forward, trained; step of a head; pixel of a small net
PHOTO, TUNED, HEAD, SCRATCH = 1.9e-7, 8.5e-7, 1.0e-4, 1.3e-7
CLASSES = 10
RENEWS: dict[Whole, bool] = {"tuned": False, "afresh": True}  # whether batch norm learns, too
Probes = dict[str, list[Probe]]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train heads on frozen features and on pixels, small nets, and whole backbones."""
    check(settings, inputs)
    probes = all_probes(settings, inputs, seed)
    trained = fit([*head_runs(settings, probes), *scratch_runs(settings, inputs, seed)])
    scales = {
        f"{arm}/{name}": torch.stack([getattr(probe, name) for probe in by_repeat]).numpy()
        for arm, by_repeat in probes.items()
        for name in ("mean", "std")
    }
    own = backbone.own_statistics(torch.from_numpy(inputs["photos"]["train"].x))
    scales |= {f"own/{name}": np.array([v]) for name, v in zip(("mean", "std"), own, strict=True)}
    trained = join(trained, Trained(weights=scales))
    return join(trained, *whole_nets(settings, inputs, trained, seed))


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, for ten classes."""
    scratch, whole, S = settings.scratch, settings.whole, settings.repeats
    pixels = {name: seen.size**2 for name, seen in settings.views.items()}
    photos = pixels.pop(main_view(settings))
    random = S * CLASSES * max(settings.random.labels) * photos
    shown = 0.9 * rows["photos"] * sum(pixels.values()) + random
    size = settings.views[whole.view].size ** 2
    tuned = CLASSES * sum(whole.labels) * whole.epochs * len(whole.rates) * size
    heads = sum(map(len, [*views(settings).values(), settings.labels, settings.random.labels]))
    small = len(scratch_arms(settings)) * scratch.steps * scratch.batch_size * scratch.size**2
    own = TUNED * tuned + HEAD * heads * settings.head.steps + SCRATCH * small
    return PHOTO * shown + S * own


def check(settings: Train, inputs: Inputs) -> None:
    """Refuse features or weights that are not the backbone's (UserError)."""
    where = "experiments.transfer_backbone"
    photos, features = inputs["photos"]["train"], inputs["features"]["train"]
    name, (_, _, network) = features.meta["name"], features.meta["variant"].partition("+")
    if network != settings.backbone:
        raise UserError(
            f"{where}.train.backbone is {settings.backbone!r}, but datasets.{name}.variant gives "
            f"features of {network!r}; they must agree"
        )
    if not np.array_equal(photos.y, features.y):
        raise UserError(f"{where}.data: photos and features differ in variant or split")
    if not pretrained(settings, inputs):
        weights = inputs["weights"]["train"].meta["name"]
        raise UserError(f"datasets.{weights}.variant: {settings.backbone!r} is not among them")
    if settings.views[main_view(settings)].size != photos.x.shape[-1]:
        raise UserError(f"{where}.train.views: {main_view(settings)} must have the photos' size")
    most, fewest = max(settings.labels), int(np.bincount(photos.y).min())
    if most > fewest:
        raise UserError(f"{where}.train.labels: {most} per class, but a class has {fewest} photos")


def pretrained(settings: Train, inputs: Inputs) -> dict[str, Tensor]:
    """Return the backbone's weights by torchvision's names."""
    prefix = f"{settings.backbone}/"
    return {
        name.removeprefix(prefix): torch.from_numpy(value)
        for name, value in next(iter(inputs["weights"].values())).others.items()
        if name.startswith(prefix)
    }


def arm_name(name: str, labels: int) -> str:
    """Return the name of an arm, such as frozen own@5."""
    return f"{name}@{labels}"


def views(settings: Train) -> dict[str, list[int]]:
    """Return view of the frozen net -> the numbers of labels that its heads are trained on."""
    labels = {name: {settings.few} for name in settings.views}
    labels[settings.whole.view] |= set(settings.whole.labels)
    labels[main_view(settings)] |= set(settings.labels)
    return {name: sorted(counts) for name, counts in labels.items()}


def looks(settings: Train, own: Channels) -> dict[str, View]:
    """Return the views as nets need them; own statistics are those of the train photos."""
    return {
        name: backbone.look(seen.statistics, seen.size, seen.grey, own)
        for name, seen in settings.views.items()
    }


def main_view(settings: Train) -> str:
    """Return the view of the dataset of features: the largest by ImageNet, in colour."""
    usual = [n for n, v in settings.views.items() if v.statistics == "imagenet" and not v.grey]
    return max(usual, key=lambda name: settings.views[name].size)


def labelled(settings: Train, y_N: np.ndarray, seed: int, repeat: int) -> Tensor:
    """Return a repeat's labelled rows by class, (C, L); few labels are the first columns."""
    rng = _seeds.numpy_generator(seed, repeat, "split")
    return torch.from_numpy(few_labels.draw(rng, y_N, int(np.bincount(y_N).min())))


def frozen(settings: Train, weights: Mapping[str, Tensor], x_NCHW: Tensor, look: View) -> Tensor:
    """Return what the frozen, pretrained backbone makes of photos, (N, F)."""
    body = backbone.load(backbone.headless(settings.backbone), weights)
    return backbone.features(body.to(_device.device()), x_NCHW, look)


def untrained(settings: Train, seed: int, repeat: int, x_NCHW: Tensor, look: View) -> Tensor:
    """Return what the frozen backbone with a repeat's initial weights makes of photos, (N, F)."""
    body = backbone.headless(settings.backbone, generator(streams(seed, repeat).init))
    return backbone.features(body.to(_device.device()), x_NCHW, look)


def all_probes(settings: Train, inputs: Inputs, seed: int) -> Probes:
    """Return arm -> what its head learns from in each repeat."""
    train, dev = inputs["photos"]["train"], inputs["photos"]["dev"]
    y_N, y_dev = torch.from_numpy(train.y), torch.from_numpy(dev.y)
    rows = [labelled(settings, train.y, seed, repeat) for repeat in range(settings.repeats)]
    counts = {f"frozen {name}": labels for name, labels in views(settings).items()}
    counts["pixels"] = settings.labels
    probes: Probes = {}
    most = [max(few) for name, few in views(settings).items() if name != main_view(settings)]
    used = np.unique(torch.cat([rows_CL[:, : max(most, default=0)] for rows_CL in rows]))
    for name, (x_NF, dev_NF) in shared_features(settings, inputs, torch.from_numpy(used)).items():
        for labels in counts[name]:
            chosen = [rows_CL[:, :labels].flatten() for rows_CL in rows]
            probes[arm_name(name, labels)] = [
                Probe(x_NF[own], y_N[own], (dev_NF, y_dev)) for own in chosen
            ]
    return probes | random_probes(settings, train, rows, seed)


def shared_features(
    settings: Train, inputs: Inputs, used: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return "frozen <view>" or "pixels" -> features of the train and the dev rows, (N, F).

    The views beside the main one have those of the train rows `used`; elsewhere NaN.
    """
    splits = [inputs["photos"][part] for part in ("train", "dev")]
    photos = [torch.from_numpy(split.x) for split in splits]
    others = looks(settings, backbone.own_statistics(photos[0]))
    del others[main_view(settings)]
    show = partial(frozen, settings, pretrained(settings, inputs))
    shown = photos[0][used], photos[1]
    works = [partial(show, x_NCHW, look) for look in others.values() for x_NCHW in shown]
    found = iter(_device.in_parallel(works))
    train, dev = (torch.from_numpy(inputs["features"][part].x) for part in ("train", "dev"))
    side = settings.pixels.size
    return {
        f"frozen {main_view(settings)}": (train, dev),
        **{
            f"frozen {name}": (spread(next(found), used, len(train)), next(found))
            for name in others
        },
        "pixels": (backbone.pixels(photos[0], side), backbone.pixels(photos[1], side)),
    }


def random_probes(settings: Train, train: Split, rows: Sequence[Tensor], seed: int) -> Probes:
    """Return the arms on features of initial weights, which each repeat draws anew."""
    x_NCHW, y_N = torch.from_numpy(train.x), torch.from_numpy(train.y)
    most, look = max(settings.random.labels), View()
    chosen = [rows_CL[:, :most] for rows_CL in rows]
    works = [
        partial(untrained, settings, seed, repeat, x_NCHW[own_CL.flatten()], look)
        for repeat, own_CL in enumerate(chosen)
    ]
    shown = zip(chosen, _device.in_parallel(works), strict=True)
    found = [x_NF.reshape(*own_CL.shape, -1) for own_CL, x_NF in shown]
    return {
        arm_name("random", labels): [
            Probe(x_CLF[:, :labels].flatten(0, 1), y_N[own_CL[:, :labels].flatten()], None)
            for own_CL, x_CLF in zip(chosen, found, strict=True)
        ]
        for labels in settings.random.labels
    }


def head_runs(settings: Train, probes: Probes) -> Iterator[Run]:
    """Yield every head in every repeat; all take about as many steps."""
    setup = settings.head
    rule = Optimizer("sgd", setup.rate, momentum=setup.momentum)
    for arm, by_repeat in probes.items():
        for repeat, probe in enumerate(by_repeat):
            build = partial(mlp, (probe.x.shape[1], int(probe.y.max()) + 1))
            epochs = epochs_for(setup.steps, len(probe.y), setup.batch_size)
            yield Run(arm, repeat, build, rule, probe.task(), epochs, setup.batch_size, epochs)


def epochs_for(steps: int, rows: int, batch_size: int) -> int:
    """Return how many epochs have about as many steps, one at least."""
    return max(1, round(steps / -(-rows // batch_size)))


def scratch_arms(settings: Train) -> dict[str, tuple[float, int]]:
    """Return arm -> (rate, labels) of the nets trained on the labelled photos alone."""
    setup = settings.scratch
    pairs = [(setup.rate, labels) for labels in setup.labels]
    pairs += [(rate, settings.few) for rate in setup.rates_of_few]
    return {arm_name(f"scratch {rate:g}", labels): (rate, labels) for rate, labels in pairs}


def scratch_runs(settings: Train, inputs: Inputs, seed: int) -> Iterator[Run]:
    """Yield every net trained on the labelled photos alone, in every repeat."""
    setup, train, dev = settings.scratch, inputs["photos"]["train"], inputs["photos"]["dev"]
    x_NCHW, dev_NCHW = (
        backbone.smaller(torch.from_numpy(split.x), setup.size) for split in (train, dev)
    )
    y_N, watch = torch.from_numpy(train.y), {"dev": (dev_NCHW, torch.from_numpy(dev.y))}
    build = partial(backbone.convnet, tuple(setup.channels), train.num_classes)
    for repeat in range(settings.repeats):
        rows_CL = labelled(settings, train.y, seed, repeat)
        for arm, (rate, labels) in scratch_arms(settings).items():
            own = rows_CL[:, :labels].flatten()
            epochs = epochs_for(setup.steps, len(own), setup.batch_size)
            task, rule = Task(x_NCHW[own], y_N[own], watch), Optimizer("adam", rate)
            yield Run(arm, repeat, build, rule, task, epochs, setup.batch_size, watch_every=epochs)


def whole_nets(settings: Train, inputs: Inputs, trained: Trained, seed: int) -> Iterator[Trained]:
    """Yield whole backbones, trained; where heads are zeros (in a plan) there is no start."""
    setup = settings.whole
    for mode, labels in ((mode, labels) for mode in setup.rates for labels in setup.labels):
        head = trained.states(arm_name(f"frozen {setup.view}", labels))
        if not head["1.weight"].any():
            continue
        heads = [
            {name: torch.from_numpy(value[repeat]) for name, value in head.items()}
            for repeat in range(settings.repeats)
        ]
        works = [
            partial(whole_net, settings, inputs, mode, labels, own, (seed, repeat))
            for repeat, own in enumerate(heads)
        ]
        states = _device.in_parallel(works)
        arm = arm_name(mode, labels)
        stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
        yield Trained(weights={f"{arm}/{name}": value.numpy() for name, value in stacked.items()})


def whole_net(
    settings: Train,
    inputs: Inputs,
    mode: Whole,
    labels: int,
    head: Mapping[str, Tensor],
    repeat: tuple[int, int],
) -> dict[str, Tensor]:
    """Train all layers on a repeat's labelled photos; return the net's floating-point state."""
    setup, train, device = settings.whole, inputs["photos"]["train"], _device.device()
    rows = labelled(settings, train.y, *repeat)[:, :labels].flatten()
    x_NCHW = torch.from_numpy(train.x)
    photos = looks(settings, backbone.own_statistics(x_NCHW))[setup.view](x_NCHW[rows]).to(device)
    if mode == "tuned":
        net = backbone.whole(settings.backbone, pretrained(settings, inputs), head)
    else:
        source = generator(streams(*repeat).init)
        net = backbone.untrained_whole(settings.backbone, train.num_classes, source)
    orders = [
        batch_order(streams(*repeat).order, epoch, len(rows)) for epoch in range(setup.epochs)
    ]
    batches = [batch for order in orders for batch in torch.split(order, setup.batch_size)]
    y_N, momentum = torch.from_numpy(train.y)[rows].to(device), settings.head.momentum
    backbone.train_whole(
        net.to(device), photos, y_N, batches, setup.rates[mode], momentum, RENEWS[mode]
    )
    state = net.cpu().state_dict()
    return {name: value.contiguous() for name, value in state.items() if value.is_floating_point()}
