"""The claims about batch sizes, tested on the held-out digits; those about time are the report's.

Shapes: S repeats, R test rows, Z batch sizes.
"""

import numpy as np
import torch

from stages._claims import Effect, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs
from stages._trained import Trained
from stages._training import hits
from stages.experiments.batch_size.params import Evaluate, Train
from stages.experiments.batch_size.train import (
    EQUAL_LOSS,
    all_sizes,
    best_rate,
    epoch_arm,
    layer_sizes,
    small_pictures,
    step_arm,
)
from stages.models.mlp import mlp

TEST = "test accuracy"
Hits = dict[str, np.ndarray]  # arm -> 1 where a repeat's net is right about a test row, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify the test rows with every net and compare the batch sizes."""
    x_RF, y_R = (part.numpy() for part in small_pictures(train, inputs["digits"]["test"]))
    net = mlp(layer_sizes(train), torch.Generator())
    right = {arm: hits(net, trained.states(arm), x_RF, y_R) for arm in trained.arms()}
    best = {size: best_rate(train, trained, size) for size in all_sizes(train)}
    by_epoch = {size: right[epoch_arm(size, rate)] for size, rate in best.items()}
    trivial = np.bincount(y_R).max() / len(y_R)
    return Evaluated(
        effects={
            "small_batches_learn_more_per_epoch": _by_epoch(settings, train, best, by_epoch),
            "lead_comes_from_steps": _by_step(settings, train, best, right),
            "full_batch_generalises_alike": _alike(settings, train, trained, best, right),
        },
        headline={
            "small_batch_accuracy": by_epoch[settings.small].mean(),
            "large_batch_accuracy": by_epoch[settings.large].mean(),
            "small_batch_accuracy_at_equal_steps": right[step_arm(settings.small)].mean(),
            "large_batch_accuracy_at_equal_steps": right[step_arm(settings.large)].mean(),
            "trivial_accuracy": trivial,
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
        arrays={
            "sizes": np.array(all_sizes(train)),
            "best_rates": np.array(list(best.values())),
            "steps_to_level": np.stack(
                [steps_to_level(trained, step_arm(size), settings.level, trivial) for size in best]
            ),
        },
    )


def _by_epoch(
    settings: Evaluate, train: Train, best: dict[int, float], by_epoch: dict[int, np.ndarray]
) -> Effect:
    """Compare a small and a large batch after equal epochs."""
    small, large = settings.small, settings.large
    return Effect(
        paired(by_epoch[small] - by_epoch[large]),
        TEST,
        f"batches of {small} minus batches of {large} after {train.epochs} epochs, each at its "
        "best rate on dev",
        "course",
        undecided=edge(train, best, small, large),
        note=f"best rates: {best[small]:g} and {best[large]:g}",
    )


def _by_step(settings: Evaluate, train: Train, best: dict[int, float], right: Hits) -> Effect:
    """Compare them after equal steps."""
    small, large = settings.small, settings.large
    return Effect(
        paired(right[step_arm(large)] - right[step_arm(small)]),
        TEST,
        f"batches of {large} minus batches of {small} after {train.rows} steps, each at "
        f"its rate that was best after {train.epochs} epochs",
        "ours",
        undecided=edge(train, best, small, large),
    )


def _alike(
    settings: Evaluate, train: Train, trained: Trained, best: dict[int, float], right: Hits
) -> Effect:
    """Compare the full batch with the smallest ones where both have the same train loss."""
    least = train.sizes[0]
    single = epoch_arm(least, best[least])
    losses = trained.values("loss", "train")
    of_single, of_full = losses[single].mean(), losses[EQUAL_LOSS].mean()
    steps = trained.curves.query("arm == @EQUAL_LOSS")["step"].max()
    unequal = abs(of_full / of_single - 1) > settings.loss_tolerance
    return Effect(
        paired(right[EQUAL_LOSS] - right[single]),
        TEST,
        f"the full batch minus batches of {least}, at equal train loss and each at its best rate",
        "against notes L109",
        undecided=(
            "the train losses are not equal" if unequal else edge(train, best, least, train.rows)
        ),
        note=f"mean train losses: {of_full:.3f} after {steps:.0f} steps, in every repeat, and "
        f"{of_single:.3f} after {train.epochs} epochs",
    )


def edge(train: Train, best: dict[int, float], *sizes: int) -> str | None:
    """Return that the best rate of one of the sizes ends its grid, or None."""
    ends = train.rates[0], train.rates[-1]
    at = [size for size in sizes if best[size] in ends]
    return f"the best rate of batch size {at[0]} is at the edge of its grid" if at else None


def steps_to_level(trained: Trained, arm: str, level: float, start: float) -> np.ndarray:
    """Return each repeat's steps (S,) until its dev accuracy first reaches a level, or NaN.

    Between two points of its curve the accuracy is taken to rise evenly; `start` is that of step 0.
    """
    curves = trained.curves.query("arm == @arm and metric == 'accuracy' and split == 'dev'")
    found = []
    for _, curve in curves.groupby("seed", sort=True):
        curve = curve.sort_values("step")
        step, value = (np.r_[first, curve[name]] for name, first in (("step", 0), ("value", start)))
        at = int(np.argmax(value >= level))
        reached = value[at] >= level
        found.append(
            _between(step[at - 1 : at + 1], value[at - 1 : at + 1], level) if reached else np.nan
        )
    return np.array(found)


def _between(step: np.ndarray, value: np.ndarray, level: float) -> float:
    """Return where the line through two points meets a level."""
    return float(step[0] + (level - value[0]) / (value[1] - value[0]) * (step[1] - step[0]))
