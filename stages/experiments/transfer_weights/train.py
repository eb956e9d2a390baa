"""Do weights of one problem help with another, and is it enough to train the last layer anew?

The notes (L735-816) call digits -> clothes suitable and Gaussian images -> clothes unsuitable, warn
of copies, and freeze all but the last layer for letters -> digits. The course's notebooks trained
no net from scratch beside the transferred one. Here: three kinds of start, equal steps, and few
or many labels. About 40 s on two cores.

Shapes: S repeats, N rows, H and W pixels, F features (the outputs of a body), C classes.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from stages import _device, _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run
from stages.experiments.transfer_weights.params import Targets, Train
from stages.models import cnn
from stages.samplers import gaussian_images
from stages.sweep import Optimizer, Task, logits

Rows = tuple[Tensor, Tensor]
State = dict[str, Tensor]
Build = Callable[[torch.Generator], nn.Sequential]
Net = Callable[[int, torch.Generator], nn.Sequential]
NETS: dict[str, Net] = {"clothes": cnn.digit_net, "digits": cnn.letter_net}  # by target
PAIRS = {"clothes": "digits", "digits": "letters"}  # target -> the source that should suit it
SCRATCH, GAUSSIANS = "scratch", "Gaussian images"
ALL, HEAD, EARLY = "all layers", "last layer", ", early"
BLOCK = 250  # images at once: their activations fit the cache
SECONDS_PER_IMAGE = 2e-4  # of one net, forward and back, on one core


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train the sources, then every net that starts from scratch or from their weights."""
    sources = fit(source_runs(settings, inputs, seed))
    whole, heads = [], []
    for target in NETS:
        splits = inputs[target]
        whole += list(whole_runs(settings, splits, seed, target, sources))
        heads += list(head_runs(settings, splits, seed, target, sources))
    return join(sources, fit(whole), fit(heads))


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, `rows` being the train rows of each role."""
    sources, targets = settings.sources, settings.targets
    source_rows = sources.epochs * (rows["digits"] + rows["letters"] + sources.gaussians.rows)
    steps = 4 * len(targets.labels) * targets.steps + targets.steps + 3 * targets.early_steps
    images = source_rows + steps * targets.batch_size
    return settings.repeats * images * SECONDS_PER_IMAGE / 2


def source_arm(source: str) -> str:
    """Return the name of the arm from which weights are taken."""
    return f"source: {source}"


def arm(target: str, start: str, labels: int, mode: str = ALL, early: bool = False) -> str:
    """Return the name of the arm that learns a target from a start."""
    how = start if start == SCRATCH else f"{start}, {mode}"
    return f"{target} from {how}@{labels}" + (EARLY if early else "")


def source_runs(settings: Train, inputs: Inputs, seed: int) -> Iterator[Run]:
    """Train a net on each source: digits, Gaussian images and letters."""
    fixed = {
        source: Task(*rows(inputs[source]["train"]), {"dev": dev_rows(settings, inputs[source])})
        for source in PAIRS.values()
    }
    sources = settings.sources
    for repeat in range(settings.repeats):
        drawn = gaussian_task(settings, seed, repeat)
        for source, task in {**fixed, GAUSSIANS: drawn}.items():
            yield Run(
                source_arm(source),
                repeat,
                partial(net_of_source(source), int(task.y.max()) + 1),
                Optimizer("adam", sources.rate),
                task,
                sources.epochs,
                sources.batch_size,
                drop_last=True,
            )


def net_of_source(source: str) -> Net:
    """Return the build function of the net that learns a source."""
    return next((NETS[target] for target in PAIRS if PAIRS[target] == source), cnn.digit_net)


def gaussian_task(settings: Train, seed: int, repeat: int) -> Task:
    """Draw a repeat's Gaussian images, to train on and for dev."""
    many = settings.sources.gaussians.rows
    x_NHW, y_N = gaussian_rows(settings, seed, repeat, many + settings.dev_rows)
    return Task(x_NHW[:many], y_N[:many], {"dev": (x_NHW[many:], y_N[many:])})


def gaussian_rows(settings: Train, seed: int, index: int, count: int) -> Rows:
    """Draw Gaussian images as pixels from 0 to 255, the range of all other images."""
    rng = _seeds.numpy_generator(seed, index, "data")
    x_NHW, y_N = gaussian_images.draw(rng, count, cnn.PIXELS, settings.sources.gaussians.widths)
    x_NHW = np.rint(255 * x_NHW.clip(0, 1)).astype(np.uint8)
    return torch.from_numpy(x_NHW), torch.from_numpy(y_N)


def rows(split: Split) -> Rows:
    """Return the images as pixels from 0 to 255, which the engine divides by 255, and classes."""
    return torch.from_numpy(split.x), torch.from_numpy(split.y)


def dev_rows(settings: Train, splits: Mapping[str, Split]) -> Rows:
    """Return the first rows of a dev split."""
    x_NHW, y_N = rows(splits["dev"])
    return x_NHW[: settings.dev_rows], y_N[: settings.dev_rows]


def whole_runs(
    settings: Train, splits: dict[str, Split], seed: int, target: str, sources: Trained
) -> Iterator[Run]:
    """Train all layers of nets that learn a target from scratch or from a source's body."""
    targets, classes = settings.targets, splits["train"].num_classes
    build = partial(NETS[target], classes)
    x_NHW, y_N = rows(splits["train"])
    dev = {"dev": dev_rows(settings, splits)}
    for repeat in range(settings.repeats):
        for labels, early in budgets(targets, target):
            order_N = few(splits["train"].y, labels, seed, repeat)
            at_N, epochs = spread(targets, order_N, early)
            task = Task(x_NHW[at_N], y_N[at_N], dev)
            for start in starts(targets, target, labels):
                yield Run(
                    arm(target, start, labels, early=early),
                    repeat,
                    started(build, start, sources, repeat),
                    Optimizer("adam", targets.rate),
                    task,
                    epochs,
                    targets.batch_size,
                )


def budgets(targets: Targets, target: str) -> list[tuple[int, bool]]:
    """Return the numbers of labels, and whether to stop early: once, for clothes with most."""
    whole = [(labels, False) for labels in targets.labels]
    return [*whole, (targets.labels[-1], True)] if target == "clothes" else whole


def starts(targets: Targets, target: str, labels: int) -> list[str]:
    """Return where nets start; from Gaussian images only for clothes with most labels."""
    gaussians = target == "clothes" and labels == targets.labels[-1]
    return [SCRATCH, PAIRS[target], *([GAUSSIANS] if gaussians else [])]


def started(build: Build, start: str, sources: Trained, repeat: int) -> Build:
    """Return the build of a net with its start's body and a head of its own."""
    if start == SCRATCH:
        return build
    return partial(cnn.with_body, build, state(sources, start, repeat))


def state(sources: Trained, source: str, repeat: int) -> State:
    """Return the state dict of one repeat's source."""
    states = sources.states(source_arm(source))
    return {name: torch.from_numpy(value)[repeat] for name, value in states.items()}


def few(y_N: np.ndarray, labels: int, seed: int, repeat: int) -> np.ndarray:
    """Draw the rows that keep their label, as many of each class: more contain fewer."""
    order_N = _seeds.numpy_generator(seed, repeat, "split").permutation(len(y_N))
    kept = [order_N[y_N[order_N] == label][:labels] for label in range(int(y_N.max()) + 1)]
    return order_N[np.isin(order_N, np.concatenate(kept))]


def spread(targets: Targets, order_N: np.ndarray, early: bool) -> tuple[np.ndarray, int]:
    """Repeat rows so that whole epochs give exactly the budget's steps; return them and epochs.

    There are at most `watches` epochs, and no more than all rows fit into.
    """
    steps = targets.early_steps if early else targets.steps
    fit = [
        epochs
        for epochs in range(1, targets.watches + 1)
        if steps % epochs == 0 and steps // epochs * targets.batch_size >= len(order_N)
    ]
    epochs = max(fit, default=1)
    at_N = np.arange(steps // epochs * targets.batch_size) % len(order_N)
    return order_N[at_N], epochs


def head_runs(
    settings: Train, splits: dict[str, Split], seed: int, target: str, sources: Trained
) -> Iterator[Run]:
    """Train the last layer alone, on what the frozen body in eval mode makes of the rows.

    A frozen body never changes, so that each image has to go through it only once.
    """
    targets, train_split = settings.targets, splits["train"]
    build = partial(NETS[target], train_split.num_classes)
    y_N, dev_N = torch.from_numpy(train_split.y), dev_rows(settings, splits)[1]
    seen = partial(frozen_features, settings, splits, seed, target, sources)
    works = [partial(seen, repeat) for repeat in range(settings.repeats)]
    for repeat, (x_NF, dev_NF) in enumerate(_device.in_parallel(works)):
        for labels in targets.labels:
            at_N, epochs = spread(targets, few(train_split.y, labels, seed, repeat), early=False)
            yield Run(
                arm(target, PAIRS[target], labels, HEAD),
                repeat,
                partial(cnn.head, build),
                Optimizer("adam", targets.head_rate),
                Task(x_NF[at_N], y_N[at_N], {"dev": (dev_NF, dev_N)}),
                epochs,
                targets.batch_size,
            )


def frozen_features(
    settings: Train, splits: dict[str, Split], seed: int, target: str, sources: Trained, repeat: int
) -> tuple[Tensor, Tensor]:
    """Return what a repeat's frozen body makes of the train rows with labels, and of dev."""
    frozen = state(sources, PAIRS[target], repeat)
    x_NHW, y_N = rows(splits["train"])
    order_N = few(splits["train"].y, settings.targets.labels[-1], seed, repeat)
    x_NF = torch.zeros(len(y_N), cnn.HIDDEN)
    x_NF[order_N] = features(target, frozen, x_NHW[order_N])
    return x_NF, features(target, frozen, dev_rows(settings, splits)[0])


def features(target: str, frozen: State, x_NHW: Tensor) -> Tensor:
    """Return what the body of a trained net makes of images in eval mode, (N, F)."""
    below = cnn.body(NETS[target](1, torch.Generator()))
    own = {name: frozen[name] for name in below.state_dict()}
    return outputs(below, own, x_NHW)


def outputs(net: nn.Module, state: State, x_NHW: Tensor) -> Tensor:
    """Return the outputs (N, ...) of one net in eval mode, a block of images at a time."""
    starts = range(0, len(x_NHW), BLOCK)
    return torch.cat([logits(net, [state], x_NHW[i : i + BLOCK])[0] for i in starts])
