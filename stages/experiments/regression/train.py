"""Can a net with one unit draw a straight line?

The notes (L126) say that, as the activation is not linear, the predictions may not form a complete
line. The course trains a 1-1(ReLU)-1 net on y = slope x + noise and sees its loss grow with the
slope. Here: the course's 21 slopes, 50 times, with the ReLU and without. About 4 s on two cores.

Shapes: S repeats, N rows, F features (1).
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch

from stages import _seeds
from stages._inputs import Inputs
from stages._trained import Trained
from stages._training import Fit, Run
from stages.experiments.regression.params import Slopes, Train
from stages.models.mlp import mlp
from stages.samplers import lines
from stages.sweep import Optimizer, Task

SIZES = (1, 1, 1)
ACTIVATIONS = {"relu": "relu", "linear": "identity"}
SECONDS_PER_STEP = 2e-6  # of one model, measured on two cores


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train both nets at every slope in every repeat."""
    return fit(runs(settings, seed))


def runs(settings: Train, seed: int) -> Iterator[Run]:
    """Yield every run; all of a repeat have the same x, noise and initial weights."""
    rule = Optimizer("sgd", settings.rate)
    for repeat in range(settings.repeats):
        for slope in slopes(settings.slopes):
            x_NF, y_N = map(torch.from_numpy, points(settings, seed, repeat, slope))
            task = Task(x_NF, y_N, {"train": (x_NF, y_N)}, loss="mse")
            for net, activation in ACTIVATIONS.items():
                build = partial(mlp, SIZES, activation=activation)
                yield Run(
                    arm_name(net, slope),
                    repeat,
                    build,
                    rule,
                    task,
                    settings.epochs,
                    watch_every=settings.watch_every,
                )


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; there are no datasets."""
    models = len(ACTIVATIONS) * settings.slopes.count * settings.repeats
    return models * settings.epochs * SECONDS_PER_STEP


def slopes(settings: Slopes) -> list[float]:
    """Return the slopes, rounded so that their names are."""
    grid = np.linspace(settings.first, settings.last, settings.count)
    return [round(float(slope), 6) + 0.0 for slope in grid]


def points(
    settings: Train, seed: int, index: int, slope: float, rows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the points of a repeat (or fresh ones) around a line, x_NF and y_N."""
    rng = _seeds.numpy_generator(seed, index, "data")
    return lines.draw(rng, rows or settings.rows, slope, settings.noise)


def arm_name(net: str, slope: float) -> str:
    """Return the name of an arm, such as relu, slope +0.4."""
    return f"{net}, slope {slope:+.3g}" if slope else f"{net}, slope 0"
