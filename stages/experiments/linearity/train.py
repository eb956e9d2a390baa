"""What do the ReLUs of a net do to a problem that is linear?

The notes (L133-135, L154) say that without its non-linear activations the net rises from 99.5 to
100 per cent, all else unchanged, and that linear models have but one layer. The course trains a
2-16(ReLU)-1(ReLU)-1 net on two clusters at 50 rates. Here: that net and the same without ReLUs from
the same starts at half as many rates, 20 times; and both kinds on rings, which no line divides.
About 16 s on two cores.

Shapes: S repeats, N rows, F features (2).
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch

from stages import _seeds
from stages._inputs import Inputs
from stages._trained import Trained
from stages._training import Fit, Run
from stages.experiments.linearity.params import Clusters, Rings, Train
from stages.models.mlp import mlp
from stages.samplers import doughnuts, qwerties
from stages.sweep import Optimizer, Task

NETS = {"relu": "relu", "linear": "identity"}
SECONDS_PER_STEP = 1.4e-5  # of one model, measured on two cores
SECONDS_PER_RINGS_STEP = 1e-4
Rows = tuple[np.ndarray, np.ndarray]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train both kinds of net on both problems."""
    return fit([*cluster_runs(settings, seed), *ring_runs(settings, seed)])


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; there are no datasets."""
    clusters, rings = settings.clusters, settings.rings
    own = clusters.rates * clusters.epochs * SECONDS_PER_STEP
    return settings.repeats * len(NETS) * (own + rings.epochs * SECONDS_PER_RINGS_STEP)


def cluster_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Yield the nets on clusters: a repeat has its own rows, and each rate its own start."""
    clusters = settings.clusters
    for repeat in range(settings.repeats):
        task = task_of(cluster_rows(clusters, seed, repeat))
        for number, rate in enumerate(rates(clusters)):
            for net, activation in NETS.items():
                yield Run(
                    arm_name(net, rate),
                    repeat * clusters.rates + number,
                    partial(mlp, sizes(clusters.hidden), activation=activation),
                    Optimizer("sgd", rate),
                    task,
                    clusters.epochs,
                    watch_every=clusters.watch_every,
                )


def ring_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Yield the nets on rings."""
    rings = settings.rings
    for repeat in range(settings.repeats):
        task = task_of(ring_rows(rings, seed, repeat))
        for net, activation in NETS.items():
            yield Run(
                ring_name(net),
                repeat,
                partial(mlp, sizes(rings.hidden), activation=activation),
                Optimizer("adam", rings.rate),
                task,
                rings.epochs,
                watch_every=rings.watch_every,
            )


def rates(clusters: Clusters) -> list[float]:
    """Return the rates, evenly spaced."""
    grid = np.linspace(clusters.first_rate, clusters.last_rate, clusters.rates)
    return [float(rate) for rate in grid]


def arm_name(net: str, rate: float) -> str:
    """Return the name of an arm on clusters, such as relu@1.00e-03."""
    return f"{net}@{rate:.2e}"


def ring_name(net: str) -> str:
    """Return the name of an arm on rings."""
    return f"{net} on doughnuts"


def sizes(hidden: list[int]) -> tuple[int, ...]:
    """Return inputs, hidden layers and outputs."""
    return 2, *hidden, 1


def cluster_rows(clusters: Clusters, seed: int, index: int, per_class: int | None = None) -> Rows:
    """Draw two round clusters."""
    rng = _seeds.numpy_generator(seed, index, "data")
    return qwerties.draw(rng, clusters.centres, per_class or clusters.per_class)


def ring_rows(rings: Rings, seed: int, index: int, per_class: int | None = None) -> Rows:
    """Draw two rings, one inside the other."""
    rng = _seeds.numpy_generator(seed, index, "data")
    return doughnuts.draw(rng, per_class or rings.per_class)


def task_of(rows: Rows) -> Task:
    """Return rows to train on; their accuracy is watched."""
    x_NF, y_N = torch.from_numpy(rows[0]), torch.from_numpy(rows[1]).float()
    return Task(x_NF, y_N, {"train": (x_NF, y_N)}, loss="bce_with_logits")
