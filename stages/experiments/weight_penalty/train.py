"""What do penalties on weights do, and is Adam's L2 the decay of AdamW?

The course's notebooks train a net for iris with L2 and with L1 at ten factors each and see no gain;
their L1 was divided by the number of weights, which leaves next to nothing of it. Another notebook
gives Adam an L2 penalty. The notes have only the heading. Here: penalties on weights alone, not
divided, on a grid of powers, and Adam's L2 beside AdamW at several rates. About 15 s on two cores.

Shapes: S repeats, N rows, F features, P weights.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor

from stages import _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import Fit, Run
from stages.experiments.weight_penalty.params import Clusters, Flowers, Train
from stages.models.mlp import mlp
from stages.samplers import gaussian_classes, qwerties
from stages.sweep import Optimizer, Task

CLASSES = 3
SECONDS_PER_STEP = {"flowers": 8e-5, "clusters": 8e-6}  # of one model, measured on two cores
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train the net for flowers with every penalty, and the net for clusters with every decay."""
    iris = _together(inputs["flowers"])
    return fit([*flower_runs(settings, iris, seed), *cluster_runs(settings, seed)])


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; the rows of iris hardly matter."""
    flowers, clusters = settings.flowers, settings.clusters
    arms = 2 * (1 + len(flowers.l2) + len(flowers.l1))
    rules = len(clusters.rates) * (1 + 2 * len(clusters.decays))
    steps = {
        "flowers": arms * flowers.epochs,
        "clusters": rules * clusters.epochs * -(-clusters.rows // clusters.batch_size),
    }
    return settings.repeats * sum(n * SECONDS_PER_STEP[name] for name, n in steps.items())


def arm_name(source: str, penalty: str = "none", factor: float = 0.0) -> str:
    """Return the name of an arm, such as iris, l2@0.1."""
    return f"{source}, {penalty}@{factor:g}"


def decay_name(optimizer: str, rate: float, decay: float) -> str:
    """Return the name of an arm, such as clusters, adamw at 0.001@0.1; without decay adam."""
    return f"clusters, {optimizer if decay else 'adam'} at {rate:g}@{decay:g}"


def flower_runs(settings: Train, iris: Rows, seed: int) -> Iterator[Run]:
    """Train on iris and on generated classes: without a penalty, with L2 and with L1."""
    setup = settings.flowers
    for repeat in range(settings.repeats):
        own, dev = generated(setup, seed, repeat)
        tasks = {
            "iris": Task(*iris, {"train": iris}),
            "generated": Task(*own, {"dev": dev, "train": own}),
        }
        for source, task in tasks.items():
            for (penalty, factor), rule in penalties(setup).items():
                yield Run(
                    arm_name(source, penalty, factor),
                    repeat,
                    partial(mlp, flower_sizes(setup)),
                    rule,
                    task,
                    setup.epochs,
                    watch_every=max(1, setup.epochs // 10),
                )


def penalties(setup: Flowers) -> dict[tuple[str, float], Optimizer]:
    """Return the update rule of each penalty and factor."""
    rule = partial(Optimizer, "sgd", setup.rate, penalise="weights")
    return {
        ("none", 0.0): rule(),
        **{("l2", factor): rule(weight_decay=factor) for factor in setup.l2},
        **{("l1", factor): rule(l1=factor) for factor in setup.l1},
    }


def flower_sizes(setup: Flowers) -> tuple[int, ...]:
    """Return inputs, hidden layers and classes of the net for flowers."""
    return setup.features, *setup.hidden, CLASSES


def generated(setup: Flowers, seed: int, repeat: int) -> tuple[Rows, Rows]:
    """Draw a repeat's Gaussian classes of the shape of iris: train and dev rows."""
    x_NF, y_N = gaussian_rows(setup, seed, repeat, setup.rows + setup.dev_rows)
    return (x_NF[: setup.rows], y_N[: setup.rows]), (x_NF[setup.rows :], y_N[setup.rows :])


def gaussian_rows(setup: Flowers, seed: int, index: int, rows: int) -> Rows:
    """Draw as many rows of each Gaussian class, in random order."""
    rng = _seeds.numpy_generator(seed, index, "data")
    shares = [1 / CLASSES] * CLASSES
    x_NF, y_N = gaussian_classes.draw(rng, rows, shares, setup.features, setup.distance)
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def _together(splits: dict[str, Split]) -> Rows:
    x_NF = np.concatenate([splits[name].scaled() for name in ("train", "dev")])
    y_N = np.concatenate([splits[name].y for name in ("train", "dev")])
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def cluster_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Train on three clusters by Adam with L2 and by AdamW, at every rate and decay."""
    setup = settings.clusters
    for repeat in range(settings.repeats):
        rows = cluster_rows(setup, seed, repeat, setup.rows)
        task = Task(*rows, {"train": rows})
        for arm, rule in decays(setup).items():
            yield Run(
                arm,
                repeat,
                partial(mlp, cluster_sizes(setup)),
                rule,
                task,
                setup.epochs,
                setup.batch_size,
                watch_every=max(1, setup.epochs // 10),
            )


def decays(setup: Clusters) -> dict[str, Optimizer]:
    """Return arm -> update rule, for every rate without decay and with every decay."""
    rules: dict[str, Optimizer] = {}
    for rate in setup.rates:
        rules[decay_name("adam", rate, 0.0)] = Optimizer("adam", rate)
        for decay in setup.decays:
            coupled = Optimizer("adam", rate, weight_decay=decay, penalise="weights")
            decoupled = Optimizer("adamw", rate, weight_decay=decay, penalise="weights")
            rules[decay_name("adam", rate, decay)] = coupled
            rules[decay_name("adamw", rate, decay)] = decoupled
    return rules


def cluster_sizes(setup: Clusters) -> tuple[int, ...]:
    """Return inputs, hidden layers and classes of the net for clusters."""
    return 2, *setup.hidden, len(setup.centres)


def cluster_rows(setup: Clusters, seed: int, index: int, rows: int) -> Rows:
    """Draw as many points around each centre."""
    rng = _seeds.numpy_generator(seed, index, "data")
    x_NF, y_N = qwerties.draw(rng, setup.centres, rows // len(setup.centres))
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def weights_of(states: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return all weights of each net, biases left out, (S, P)."""
    kept = [value for name, value in states.items() if name.endswith("weight")]
    return np.concatenate([value.reshape(len(value), -1) for value in kept], axis=1)
