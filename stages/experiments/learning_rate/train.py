"""What does the learning rate do to a net of one hidden unit?

The notes (L130-134) say that the rate changes the result very much, that one run may not show it,
and that simple methods may do better on simple problems. The course trains a 2-1(ReLU)-1 net on two
clusters at 40 rates. Here: its rates and a logarithmic grid, 50 times, nets of other widths, and
many starts on the same rows. About 13 s on two cores.

Shapes: S repeats, K starts, N rows, F features (2).
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch

from stages import _seeds
from stages._inputs import Inputs
from stages._trained import Trained
from stages._training import Fit, Run
from stages.experiments.learning_rate.params import Grid, Points, Train
from stages.models.mlp import mlp
from stages.samplers import qwerties
from stages.sweep import Optimizer, Task

RESTARTS = "restarts"
DEV_OF_RESTARTS = "dev accuracy of restarts"
SECONDS_PER_STEP = 1.5e-6  # of one model and unit, measured on two cores
Rows = tuple[np.ndarray, np.ndarray]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every net; of the restarts keep weights and dev accuracy (K S,) alone."""
    trained = fit(runs(settings, seed))
    dev = trained.values("accuracy", "dev")[RESTARTS]
    trials, curves = (t[t["arm"] != RESTARTS] for t in (trained.trials, trained.curves))
    return Trained(trials, curves, {**trained.weights, DEV_OF_RESTARTS: dev})


def runs(settings: Train, seed: int) -> Iterator[Run]:
    """Yield every run; all of a repeat see the same rows, and equal nets start alike."""
    for repeat in range(settings.repeats):
        task = task_of(settings.points, seed, repeat)
        run = partial(Run, task=task, epochs=settings.epochs, watch_every=settings.watch_every)
        for arm, units, rate in arms(settings):
            build = partial(mlp, sizes(units))
            yield run(arm, repeat, build, Optimizer("sgd", rate))
        rule = Optimizer("sgd", settings.restarts.rate)
        for start in range(settings.restarts.count):
            yield run(RESTARTS, start * settings.repeats + repeat, partial(mlp, sizes(1)), rule)


def arms(settings: Train) -> Iterator[tuple[str, int, float]]:
    """Yield name, hidden units and rate of every arm but the restarts."""
    for grid, block in (("log", settings.log_rates), ("linear", settings.linear_rates)):
        for rate in rates(grid, block):
            yield arm_name(grid, rate), 1, rate
    for units in settings.widths.units:
        for rate in settings.widths.rates:
            yield width_name(units, rate), units, rate


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; there are no datasets."""
    units = sum(units for _, units, _ in arms(settings)) + settings.restarts.count
    return settings.repeats * units * settings.epochs * SECONDS_PER_STEP


def rates(grid: str, block: Grid) -> list[float]:
    """Return the rates of a grid, evenly spaced on a logarithmic or a linear axis."""
    space = np.geomspace if grid == "log" else np.linspace
    return [float(rate) for rate in space(block.first, block.last, block.count)]


def arm_name(grid: str, rate: float) -> str:
    """Return the name of an arm of a grid, such as log@1.00e-04."""
    return f"{grid}@{rate:.2e}"


def width_name(units: int, rate: float) -> str:
    """Return the name of an arm of another width, such as 16 units@1.00e-02."""
    return f"{units} unit{'s' * (units > 1)}@{rate:.2e}"


def sizes(units: int) -> tuple[int, int, int]:
    """Return inputs, hidden units and outputs."""
    return 2, units, 1


def task_of(points: Points, seed: int, repeat: int) -> Task:
    """Draw a repeat's rows; train and dev are watched."""
    (x_NF, y_N), dev = (
        (torch.from_numpy(x), torch.from_numpy(y).float()) for x, y in rows_of(points, seed, repeat)
    )
    return Task(x_NF, y_N, {"train": (x_NF, y_N), "dev": dev}, loss="bce_with_logits")


def rows_of(points: Points, seed: int, repeat: int) -> tuple[Rows, Rows]:
    """Draw a repeat's train and dev rows, x_NF and y_N each."""
    rng = _seeds.numpy_generator(seed, repeat, "data")
    own = qwerties.draw(rng, points.centres, points.per_class)
    return own, qwerties.draw(rng, points.centres, points.dev_per_class)
