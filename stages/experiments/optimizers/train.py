"""Which optimizer stands which learning rate?

The notes (L217-221) read off one figure that a small rate harms gradient descent and does RMSprop
and Adam good, because these adapt their step. Here: the course's net and its six rates, every
optimizer repeated from paired initial weights and batches. About 80 s on two cores.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import nn

from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import Fit, Run, keep_best
from stages.experiments.optimizers.params import OptimizerName, Train
from stages.models.mlp import mlp
from stages.sweep import Optimizer, Task

SECONDS_PER_STEP = 1.5e-4  # of one model, measured on two cores


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every optimizer at every rate, and SGD at the rescue rate for longer."""
    train, dev = inputs["digits"]["train"], inputs["digits"]["dev"]
    watch = {"dev": _rows(dev), "train": _rows(train, len(dev.y))}
    build = partial(mlp, layer_sizes(settings, train))
    trained = fit(list(runs(settings, build, Task(*_rows(train), watch))))
    images = torch.from_numpy(dev.scaled()[:8])
    return keep_best(trained, build, images, "28 x 28 digits from 0 to 1 -> logits of 0 to 9")


def runs(settings: Train, build: Callable[..., nn.Module], task: Task) -> Iterator[Run]:
    """Yield every arm in every repeat."""
    rescue = settings.rescue
    run = partial(Run, build=build, task=task, batch_size=settings.batch_size)
    for repeat in range(settings.repeats):
        for name in settings.optimizers:
            for rate in settings.rates:
                rule = update_rule(settings, name, rate)
                yield run(arm_name(name, rate), repeat, optimizer=rule, epochs=settings.epochs)
        long = settings.epochs * rescue.times_the_epochs
        rule = update_rule(settings, "sgd", rescue.rate)
        yield run(rescue_name(settings), repeat, optimizer=rule, epochs=long)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, `rows` being the train rows of each role."""
    arms = len(settings.optimizers) * len(settings.rates) + settings.rescue.times_the_epochs
    steps = settings.epochs * -(-rows["digits"] // settings.batch_size)
    return arms * settings.repeats * steps * SECONDS_PER_STEP


def update_rule(settings: Train, optimizer: OptimizerName, rate: float) -> Optimizer:
    """Return the update rule of an optimizer by the notes' name; all else is torch's default."""
    if optimizer == "momentum":
        return Optimizer("sgd", rate, momentum=settings.momentum)
    if optimizer == "adamw":
        return Optimizer("adamw", rate, weight_decay=settings.adamw_weight_decay)
    return Optimizer(optimizer, rate)


def arm_name(optimizer: str, rate: float) -> str:
    """Return the name of an arm, such as adam@1.58e-03."""
    return f"{optimizer}@{rate:.2e}"


def rescue_name(settings: Train) -> str:
    """Return the name of the arm that trains SGD at a small rate for longer."""
    return f"{arm_name('sgd', settings.rescue.rate)} x{settings.rescue.times_the_epochs}"


def layer_sizes(settings: Train, split: Split) -> list[int]:
    """Return inputs, hidden layers and classes."""
    return [split.x[0].size, *settings.hidden, split.num_classes]


def _rows(split: Split, rows: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(split.scaled()[:rows]).flatten(1), torch.from_numpy(split.y[:rows])
