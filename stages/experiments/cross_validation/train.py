"""What do held-out data tell, and what goes wrong without them?

The notes (L157-172, L198-213) say that cross-validation finds the number of parameters, that an
overfitted model is better on its own data and worse on new ones, that a model holds inside its
bounds only, and that three classes cannot have sigmoid outputs. The course's notebook split iris
anew in every epoch, so that its test rows had been trained on. About 15 s on two cores.

Shapes: S repeats, K folds, D degrees, N rows, F features, C classes, P coefficients.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from stages import _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained, join, numbers
from stages._training import Fit, Run
from stages.experiments.cross_validation.params import (
    Bounds,
    Flowers,
    Overfit,
    Polynomials,
    Train,
)
from stages.models import polynomial
from stages.models.mlp import mlp
from stages.samplers import cubic, gaussian_classes
from stages.sweep import Optimizer, Task

EXTENT = 2.0
ERROR = "log10 squared error"
CLASSES = 3
SECONDS_PER_STEP = 1e-4  # of one model, measured on two cores
SECONDS_PER_FIT = 2e-5
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Fit the polynomials and train every net."""
    plain = [*flower_runs(settings, inputs, seed), *bounds_runs(settings, inputs, seed)]
    noisy = list(overfit_runs(settings, seed))
    return join(
        cross_validate(settings.polynomials, seed),
        fit(plain),
        fit(noisy, keep=("loss", "dev")),
    )


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; the rows of the datasets hardly matter."""
    arms = 2 * (len(settings.flowers.train_shares) + 1)
    steps = arms * settings.flowers.epochs + 8 * settings.overfit.epochs
    fits = settings.polynomials.repeats * settings.polynomials.degrees * settings.polynomials.folds
    return settings.repeats * steps * SECONDS_PER_STEP + fits * SECONDS_PER_FIT


def cross_validate(settings: Polynomials, seed: int) -> Trained:
    """Fit every degree to each repeat's points, and to all but each fold of them."""
    x_SN, y_SN = (torch.stack(part) for part in zip(*points(settings, seed), strict=True))
    fold_N = torch.arange(settings.rows) % settings.folds
    trials, weights = [], {}
    for degree in range(1, settings.degrees + 1):
        error_SK = torch.stack(
            [_fold_error(x_SN, y_SN, fold_N == fold, degree) for fold in range(settings.folds)], 1
        )
        arm = f"degree {degree}"
        trials.append(numbers(arm, ERROR, "dev", error_SK.mean(1).log10().numpy()))
        weights[f"{arm}/coefficients"] = polynomial.fit(x_SN, y_SN, degree, EXTENT).numpy()
        weights[f"{arm}/fold errors"] = error_SK.numpy()
    return Trained(trials=pd.concat(trials), weights=weights)


def points(settings: Polynomials, seed: int) -> Iterator[Rows]:
    """Yield each repeat's points of the cubic, in random order."""
    for repeat in range(settings.repeats):
        rng = _seeds.numpy_generator(seed, repeat, "data")
        x_NF, y_N = cubic.draw(rng, settings.rows, noise=settings.noise, extent=EXTENT)
        yield torch.from_numpy(x_NF[:, 0]).double(), torch.from_numpy(y_N).double()


def _fold_error(x_SN: Tensor, y_SN: Tensor, held_N: Tensor, degree: int) -> Tensor:
    """Return the mean squared error (S,) on the held-out fold of fits to all other rows."""
    fitted_SP = polynomial.fit(x_SN[:, ~held_N], y_SN[:, ~held_N], degree, EXTENT)
    error_SN = polynomial.predict(fitted_SP, x_SN[:, held_N], EXTENT) - y_SN[:, held_N]
    return (error_SN**2).mean(1)


def flower_runs(settings: Train, inputs: Inputs, seed: int) -> Iterator[Run]:
    """Train the iris net on shares of the rows, and with three sigmoids for a softmax."""
    flowers = settings.flowers
    for repeat in range(settings.repeats):
        sources = {
            "generated": generated_flowers(flowers, seed, repeat),
            "iris": _shuffled(inputs["flowers"], seed, repeat),
        }
        for source, (x_NF, y_N) in sources.items():
            for share in flowers.train_shares:
                rows = round(share * len(y_N))
                task = Task(x_NF[:rows], y_N[:rows], {"dev": (x_NF[rows:], y_N[rows:])})
                yield _flower_run(flowers, share_arm(source, share), repeat, task)
            rows = round(flowers.share_for_outputs * len(y_N))
            one_hot_NC = functional.one_hot(y_N, CLASSES).float()
            task = Task(x_NF[:rows], one_hot_NC[:rows], loss="bce_with_logits")
            yield _flower_run(flowers, sigmoid_arm(source), repeat, task)


def share_arm(source: str, share: float) -> str:
    """Return the name of the arm that trains on a share of a source's rows."""
    return f"{source}, {share:.0%} of rows"


def sigmoid_arm(source: str) -> str:
    """Return the name of the arm with one sigmoid per class."""
    return f"{source}, sigmoids"


def _flower_run(flowers: Flowers, arm: str, repeat: int, task: Task) -> Run:
    build = partial(mlp, flower_sizes(flowers))
    rule = Optimizer("sgd", flowers.rate)
    every = max(1, flowers.epochs // 20)
    return Run(arm, repeat, build, rule, task, flowers.epochs, watch_every=every)


def flower_sizes(flowers: Flowers) -> list[int]:
    """Return inputs, hidden layers and classes of the iris net."""
    return [flowers.features, *flowers.hidden, CLASSES]


def generated_flowers(flowers: Flowers, seed: int, index: int, rows: int | None = None) -> Rows:
    """Draw three Gaussian classes of the shape of iris."""
    rng = _seeds.numpy_generator(seed, index, "data")
    return _gaussian(rng, rows or flowers.rows, flowers.features, flowers.distance)


def _shuffled(splits: dict[str, Split], seed: int, repeat: int) -> Rows:
    """Return train and dev rows together, in an order of the repeat's own."""
    x_NF = np.concatenate([splits[name].scaled() for name in ("train", "dev")])
    y_N = np.concatenate([splits[name].y for name in ("train", "dev")])
    order_N = _seeds.numpy_generator(seed, repeat, "split").permutation(len(y_N))
    return torch.from_numpy(x_NF[order_N]), torch.from_numpy(y_N[order_N])


def overfit_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Train a wide net on noisy labels: on one split, and on a new split in every epoch."""
    overfit = settings.overfit
    build = partial(mlp, overfit_sizes(overfit))
    rule = Optimizer("adam", overfit.rate)
    for repeat in range(settings.repeats):
        (x_NF, y_N), dev = noisy_rows(overfit, seed, repeat)
        rows = split_at(overfit)
        one = Task(x_NF[:rows], y_N[:rows], {"dev": dev, "train": (x_NF[:rows], y_N[:rows])})
        anew = Task(x_NF, y_N, {"dev": dev, "train": (x_NF, y_N)})
        epochs, every = overfit.epochs, overfit.watch_every
        yield Run("one split", repeat, build, rule, one, epochs, watch_every=every)
        yield Run("new splits", repeat, build, rule, anew, epochs, rows, epochs, drop_last=True)


def overfit_sizes(overfit: Overfit) -> list[int]:
    """Return inputs, hidden layers and classes of the wide net."""
    return [overfit.features, *overfit.hidden, CLASSES]


def split_at(overfit: Overfit) -> int:
    """Return how many of the rows are for training; the others are for the notebook's test."""
    return round(overfit.train_share * overfit.rows)


def noisy_rows(overfit: Overfit, seed: int, repeat: int) -> tuple[Rows, Rows]:
    """Draw rows to learn from and dev rows, a share of the labels in each replaced by another."""
    rng = _seeds.numpy_generator(seed, repeat, "data")
    x_NF, y_N = flipped_rows(overfit, rng, overfit.rows + overfit.dev_rows)
    return (x_NF[: overfit.rows], y_N[: overfit.rows]), (x_NF[overfit.rows :], y_N[overfit.rows :])


def flipped_rows(overfit: Overfit, rng: np.random.Generator, rows: int) -> Rows:
    """Draw Gaussian classes and replace a share of the labels by another class."""
    x_NF, y_N = _gaussian(rng, rows, overfit.features, overfit.distance)
    shift_N = rng.integers(1, CLASSES, rows) * (rng.random(rows) < overfit.flipped)
    return x_NF, (y_N + torch.from_numpy(shift_N)) % CLASSES


def _gaussian(rng: np.random.Generator, rows: int, features: int, distance: float) -> Rows:
    shares = [1 / CLASSES] * CLASSES
    x_NF, y_N = gaussian_classes.draw(rng, rows, shares, features, distance)
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def bounds_runs(settings: Train, inputs: Inputs, seed: int) -> Iterator[Run]:
    """Train the same net on two collections of digits, as many rows of each."""
    bounds = settings.bounds
    build, rule = partial(mlp, bounds_sizes(bounds)), Optimizer("adam", bounds.rate)
    for role in ("home", "away"):
        x_NF, y_N = small_digits(inputs[role]["train"])
        dev = {"dev": small_digits(inputs[role]["dev"])}
        task = Task(x_NF[: bounds.rows], y_N[: bounds.rows], dev)
        for repeat in range(settings.repeats):
            yield Run(
                f"trained {role}", repeat, build, rule, task, bounds.epochs, bounds.batch_size
            )


def bounds_sizes(bounds: Bounds) -> list[int]:
    """Return inputs, hidden layers and classes of the net for 8 x 8 digits."""
    return [64, *bounds.hidden, 10]


def small_digits(split: Split) -> Rows:
    """Return digits of equal size as 8 x 8 pixels.

    MNIST's digits fill the inner 20 of 28 pixels, scikit-learn's all 8: cut, then average.
    """
    x_NHW = torch.from_numpy(split.scaled())
    if x_NHW.shape[-1] == 28:
        x_NHW = functional.adaptive_avg_pool2d(x_NHW[:, 4:24, 4:24], 8)
    return x_NHW.flatten(1), torch.from_numpy(split.y)
