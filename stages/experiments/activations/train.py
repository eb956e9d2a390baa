"""Does it matter which activation function a net has, and is sigmoid slow in deep nets?

The course trained one net of three hidden layers with ReLU, tanh and sigmoid, and with relatives
of ReLU, on a table of wines. Here: seven activations in nets of three depths, each at its own best
rate, on a table with SGD as in the course and on digits with Adam. About 35 s on two cores.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from stages import _training
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run
from stages.experiments.activations.params import Budget, Train
from stages.models.mlp import mlp
from stages.sweep import Optimizer, Task, generator

ROLES = ("table", "digits")
LINEAR = "no hidden layer"
SECONDS_PER_STEP = {"table": 3.5e-5, "digits": 1.1e-4}  # of one model, measured on two cores
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every net, and measure the gradients of the untrained ones."""
    found = fit([run for role in ROLES for run in runs(settings, role, inputs[role])])
    return join(found, Trained(weights=untrained(settings, inputs["digits"]["train"], seed)))


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; a table's share of the rows counts as 350 of them."""
    arms = len(nets(settings))
    seconds = 0.0
    for role in ROLES:
        budget = budget_of(settings, role)
        steps = budget.epochs * -(-(budget.rows or rows[role] or 350) // budget.batch_size)
        trained = arms + (settings.longer if role == "digits" else 0)
        seconds += trained * len(budget.rates) * steps * SECONDS_PER_STEP[role]
    return settings.repeats * seconds


def budget_of(settings: Train, role: str) -> Budget:
    """Return how the nets of a role's dataset are trained."""
    return settings.table if role == "table" else settings.digits


def runs(settings: Train, role: str, splits: Mapping[str, Split]) -> Iterator[Run]:
    """Yield every net on one dataset at every rate."""
    budget = budget_of(settings, role)
    task = Task(*rows(splits["train"], budget.rows), {"dev": rows(splits["dev"])})
    for repeat, rate in product(range(settings.repeats), budget.rates):
        run = partial(
            Run,
            repeat=repeat,
            optimizer=Optimizer(budget.optimizer, rate),
            task=task,
            batch_size=budget.batch_size,
        )
        for name, depth in nets(settings):
            build = net(settings, splits["train"], name, depth)
            watched = role == "digits" and depth == max(settings.depths)
            every = 1 if watched else budget.epochs
            name = arm(role, name, depth, rate)
            yield run(name, build=build, epochs=budget.epochs, watch_every=every)
        if role == "digits":
            depth, long = max(settings.depths), budget.epochs * settings.longer
            build = net(settings, splits["train"], "sigmoid", depth)
            yield run(arm(role, "sigmoid", depth, rate, settings.longer), build=build, epochs=long)


def nets(settings: Train) -> list[tuple[str, int]]:
    """Return every activation with every depth, and the net without a hidden layer."""
    return [*product(settings.activations, settings.depths), (LINEAR, 0)]


def middle(settings: Train) -> int:
    """Return the middle depth, the course's."""
    return sorted(settings.depths)[len(settings.depths) // 2]


def net(settings: Train, split: Split, activation: str, depth: int) -> partial[nn.Sequential]:
    """Return what builds a net for the rows of a split."""
    sizes = (split.x[0].size, *[settings.width] * depth, split.num_classes)
    return partial(mlp, sizes, activation="identity" if activation == LINEAR else activation)


def arm(role: str, activation: str, depth: int, rate: float, longer: int = 1) -> str:
    """Return the name of an arm, such as digits, relu x3, rate 1.00e-02."""
    layers = f" x{depth}" if depth else ""
    time = f", {longer} times the steps" if longer > 1 else ""
    return f"{role}, {activation}{layers}, rate {rate:.2e}{time}"


def untrained(settings: Train, digits: Split, seed: int) -> dict[str, np.ndarray]:
    """Return, per activation, the gradient norms of a deepest net's layers before training.

    An array is (S, layers), the first layer first, and is called "untrained <activation>/norms".
    """
    starts = [_training.streams(seed, repeat).init for repeat in range(settings.repeats)]
    batch = rows(digits, settings.gradient_rows)
    found = {}
    for name in settings.activations:
        build = net(settings, digits, name, max(settings.depths))
        norms = [gradient_norms(build(generator(start)), batch) for start in starts]
        found[f"untrained {name}/norms"] = np.array(norms, np.float32)
    return found


def gradient_norms(built: nn.Sequential, batch: Rows) -> list[float]:
    """Return the norm of the mean loss's gradient with regard to each layer's weights."""
    x_NF, y_N = batch
    loss = nn.functional.cross_entropy(built(x_NF), y_N)
    weights = [layer.weight for layer in built if isinstance(layer, nn.Linear)]
    return [gradient.norm().item() for gradient in torch.autograd.grad(loss, weights)]


def rows(split: Split, number: int | None = None) -> Rows:
    """Return the first rows of a split, each as one line of numbers."""
    x_NF = torch.from_numpy(split.scaled()[:number]).flatten(1)
    return x_NF, torch.from_numpy(split.y[:number])
