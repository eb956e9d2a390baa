"""Does a classifier gain by an encoder that an autoencoder was trained with before?

The notes (L925-937) build a convolutional autoencoder, see that its encoder works, put a fully
connected net in the decoder's place and start from the encoder's weights; this is of little use,
they say, if the net is badly designed. Here: a good design, one with a bottleneck of one unit and
one without activations; started from scratch, from the trained encoder and, as one notebook did by
mistake, from an untrained one. The good design learns from 10 labels to all of them. About 35 s
on two cores.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages import _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run
from stages.experiments.transfer_autoencoder.params import Labels, Train
from stages.models import autoencoder
from stages.models.autoencoder import Design
from stages.sweep import Optimizer, Task, generator

GOOD, ONE_UNIT, NO_ACTIVATION = "good design", "one unit", "no activation"
DESIGNS = (GOOD, ONE_UNIT, NO_ACTIVATION)
SCRATCH, PRETRAINED, UNTRAINED = "from scratch", "pretrained", "untrained copy"
STARTS = {
    GOOD: (SCRATCH, PRETRAINED, UNTRAINED),
    ONE_UNIT: (SCRATCH, PRETRAINED),
    NO_ACTIVATION: (SCRATCH, PRETRAINED),
}
OTHER = 500_000  # the index of a net that shares no repeat's seeds
SECONDS_PER_STEP = {"autoencoder": 1.2e-3, "classifier": 7.0e-4}  # of one model, on two cores
State = Mapping[str, Tensor]
States = Mapping[tuple[str, int], State]  # by design and repeat


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train the autoencoders, then the classifiers, some of which start from their encoders."""
    images = inputs["images"]
    first = fit(list(autoencoder_runs(settings, images)))
    trained = encoders(settings, first)
    second = fit(list(classifier_runs(settings, images, trained, seed)))
    return join(first, second)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, `rows` being the train rows of each role."""
    coder, net, number = settings.autoencoder, settings.classifier, rows["images"]
    steps = coder.epochs * -(-number // coder.batch_size)
    later = sum(
        len(arms(labels)) * labels.epochs * -(-(labels.number or number) // net.batch_size)
        for labels in net.labels
    )
    seconds = len(DESIGNS) * steps * SECONDS_PER_STEP["autoencoder"]
    return settings.repeats * (seconds + later * SECONDS_PER_STEP["classifier"])


def design(settings: Train, name: str) -> Design:
    """Return one of the designs by its name."""
    return Design(
        channels=(1, *settings.channels),
        side=settings.pixels,
        activation="identity" if name == NO_ACTIVATION else "leaky_relu",
        units=1 if name == ONE_UNIT else None,
    )


def autoencoder_runs(settings: Train, images: Mapping[str, Split]) -> Iterator[Run]:
    """Yield the autoencoder of every design, on all train images."""
    x_N, dev_N = (rows(settings, images[split])[0] for split in ("train", "dev"))
    budget = settings.autoencoder
    task = Task(x_N, x_N, {"dev": (dev_N, dev_N)}, loss="mse")
    for name, repeat in product(DESIGNS, range(settings.repeats)):
        yield Run(
            coder_arm(name),
            repeat,
            partial(autoencoder.autoencoder, design(settings, name)),
            Optimizer("adam", budget.rate),
            task,
            budget.epochs,
            budget.batch_size,
            watch_every=budget.epochs,
        )


def classifier_runs(
    settings: Train, images: Mapping[str, Split], trained: States, seed: int
) -> Iterator[Run]:
    """Yield every classifier at every number of labels."""
    budget, classes = settings.classifier, images["train"].num_classes
    for repeat, labels in product(range(settings.repeats), budget.labels):
        task = labelled(settings, images, labels, seed, repeat)
        for name, start in arms(labels):
            watches = budget.watches if name == GOOD else 1
            given = start_of(settings, name, start, trained, seed, repeat)
            yield Run(
                arm(name, start, labels.number),
                repeat,
                classifier(settings, name, classes, given),
                Optimizer("adam", budget.rate),
                task,
                labels.epochs,
                budget.batch_size,
                watch_every=max(1, labels.epochs // watches),
            )


def arms(labels: Labels) -> list[tuple[str, str]]:
    """Return every design that is trained on so many labels, with every way to start it."""
    designs = DESIGNS if labels.others else (GOOD,)
    return [(name, start) for name in designs for start in STARTS[name]]


def arm(name: str, start: str, number: int | None) -> str:
    """Return the name of a classifier, such as good design, pretrained, 100 labels."""
    return f"{name}, {start}, {'all' if number is None else number} labels"


def coder_arm(name: str) -> str:
    """Return the name of a design's autoencoder."""
    return f"{name}, autoencoder"


def classifier(
    settings: Train, name: str, classes: int, start: State | None
) -> partial[nn.Sequential]:
    """Return what builds a classifier with the encoder's initial weights of `start`, or its own."""
    sizes = (settings.classifier.hidden, classes)
    return partial(autoencoder.classifier, design(settings, name), sizes, start=start)


def start_of(
    settings: Train, name: str, start: str, trained: States, seed: int, repeat: int
) -> State | None:
    """Return the weights that a classifier's encoder starts from; None for its own initial ones."""
    if start == PRETRAINED:
        return trained[name, repeat]
    if start == UNTRAINED:
        return untrained(settings, name, seed, repeat)
    return None


def encoders(settings: Train, trained: Trained) -> dict[tuple[str, int], State]:
    """Return the weights of every trained autoencoder's encoder, by design and repeat."""
    found: dict[tuple[str, int], State] = {}
    for name in DESIGNS:
        states = trained.states(coder_arm(name))
        for repeat in range(settings.repeats):
            state = {key: torch.from_numpy(value[repeat]) for key, value in states.items()}
            found[name, repeat] = autoencoder.encoder_state(state)
    return found


def untrained(settings: Train, name: str, seed: int, repeat: int) -> State:
    """Return an encoder's weights from an autoencoder that was built, but never trained.

    It has a seed of its own: with the repeat's it would be the classifier's own initial encoder.
    """
    init = _seeds.integer(seed, OTHER + repeat, "init")
    net = autoencoder.autoencoder(design(settings, name), generator(init))
    return autoencoder.encoder_state(net.state_dict())


def labelled(
    settings: Train, images: Mapping[str, Split], labels: Labels, seed: int, repeat: int
) -> Task:
    """Return the labelled images of a repeat, as many of every class; small sets lie in large."""
    x_N, y_N = rows(settings, images["train"])
    if labels.number is not None:
        rng = _seeds.numpy_generator(seed, repeat, "data")
        order = rng.permutation(len(y_N))
        each = labels.number // images["train"].num_classes
        chosen = [order[images["train"].y[order] == c][:each] for c in np.unique(y_N)]
        kept = torch.from_numpy(np.concatenate(chosen))
        x_N, y_N = x_N[kept], y_N[kept]
    return Task(x_N, y_N, {"dev": rows(settings, images["dev"])})


def rows(settings: Train, split: Split) -> tuple[Tensor, Tensor]:
    """Return the images of a split with fewer pixels, (N, 1, side, side), and their classes."""
    x_NHW = torch.from_numpy(split.scaled())
    x_NCHW = functional.adaptive_avg_pool2d(x_NHW[:, None], settings.pixels)
    return x_NCHW, torch.from_numpy(split.y)
