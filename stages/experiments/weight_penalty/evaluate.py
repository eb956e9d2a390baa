"""The claims about weight penalties, tested on fresh rows and on the trained weights.

Shapes: S repeats, R test rows, P weights, B bins.
"""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages import _seeds
from stages._claims import Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained, numbers
from stages._training import hits
from stages.experiments.weight_penalty.params import Evaluate, Step, Train
from stages.experiments.weight_penalty.train import (
    Rows,
    arm_name,
    cluster_rows,
    cluster_sizes,
    decay_name,
    decays,
    flower_sizes,
    gaussian_rows,
    penalties,
    weights_of,
)
from stages.models.mlp import mlp

SHRUNK = "1 - length of the weights / their length without a penalty"
BINS = np.linspace(-0.6, 0.6, 61)
DIFFERENT = 0.1
Rule = Callable[..., torch.optim.Optimizer]
RULES: dict[str, Rule] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Test the penalties on flowers, then the decays on clusters, then a single step."""
    iris = inputs["flowers"]["test"]
    fresh = gaussian_rows(train.flowers, seed, _seeds.FRESH, settings.fresh_rows)
    tests = {
        "generated": fresh,
        "iris": (torch.from_numpy(iris.scaled()), torch.from_numpy(iris.y)),
    }
    return join(
        Evaluated({"adamw_takes_rate_times_decay": single_step(settings.step, seed)}, {}),
        flowers(settings, train, trained, tests),
        clusters(settings, train, trained, seed),
    )


def flowers(
    settings: Evaluate, train: Train, trained: Trained, tests: Mapping[str, Rows]
) -> Evaluated:
    """Measure accuracy and weights at every penalty."""
    setup = train.flowers
    net = mlp(flower_sizes(setup), torch.Generator())
    arms = {
        arm_name(source, *penalty): (source, rows)
        for source, rows in tests.items()
        for penalty in penalties(setup)
    }
    right = {
        arm: hits(net, trained.states(arm), rows[0].numpy(), rows[1].numpy())
        for arm, (_, rows) in arms.items()
    }
    weights = {arm: weights_of(trained.states(arm)) for arm in arms if arm.startswith("generated")}
    gain, chosen = _gain(train, trained, right)
    none = arm_name("generated")
    kept = (
        none,
        arm_name("generated", "l2", settings.l2),
        arm_name("generated", "l1", settings.l1),
    )
    return Evaluated(
        {**_shrinking(settings, train, weights), "no_gain_on_small_problem": gain},
        {
            "accuracy_without": right[none].mean(),
            "accuracy_with_best_l2": right[chosen["l2"]].mean(),
            "accuracy_with_best_l1": right[chosen["l1"]].mean(),
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
        trials=_about_weights(settings, weights, none),
        arrays={"bins": BINS, **{f"histogram/{arm}": histogram(weights[arm]) for arm in kept}},
    )


def _about_weights(
    settings: Evaluate, weights: Mapping[str, np.ndarray], none: str
) -> pd.DataFrame:
    """Return the relative length and the share near zero of every arm's weights."""
    tables = [
        numbers(arm, metric, "train", values_S)
        for arm, weights_SP in weights.items()
        for metric, values_S in (
            ("relative length of the weights", length(weights_SP) / length(weights[none])),
            ("share of weights near zero", near_zero(weights_SP, settings.near_zero)),
        )
    ]
    return pd.concat(tables)


def length(weights_SP: np.ndarray) -> np.ndarray:
    """Return the Euclidean length of each net's weights (S,)."""
    length_S: np.ndarray = np.linalg.norm(weights_SP.astype(np.float64), axis=1)
    return length_S


def near_zero(weights_SP: np.ndarray, limit: float) -> np.ndarray:
    """Return the share of each net's weights that are below the limit in size (S,)."""
    share_S: np.ndarray = (np.abs(weights_SP) < limit).mean(1)
    return share_S


def histogram(weights_SP: np.ndarray) -> np.ndarray:
    """Return the share of all nets' weights in each bin (B,)."""
    counts_B, _ = np.histogram(weights_SP, BINS)
    share_B: np.ndarray = counts_B / weights_SP.size
    return share_B


def _shrinking(
    settings: Evaluate, train: Train, weights: Mapping[str, np.ndarray]
) -> dict[str, Effect]:
    """Compare lengths and shares near zero of the weights on generated classes."""
    lengths = {arm: length(weights_SP) for arm, weights_SP in weights.items()}
    shrunk = {
        arm: 1 - length_S / lengths[arm_name("generated")] for arm, length_S in lengths.items()
    }
    l2, l1 = arm_name("generated", "l2", settings.l2), arm_name("generated", "l1", settings.l1)
    weakest = min(train.flowers.l1)
    as_short = [
        factor
        for factor in sorted(train.flowers.l2)
        if lengths[arm_name("generated", "l2", factor)].mean() <= lengths[l1].mean()
    ]
    other = arm_name("generated", "l2", as_short[0]) if as_short else l2
    share = {arm: near_zero(weights[arm], settings.near_zero) for arm in (l1, other)}
    return {
        "penalty_shrinks_weights": Effect(
            paired(np.minimum(shrunk[l2], shrunk[l1])),
            SHRUNK,
            f"in each repeat the less shrunk of the net with L2 {settings.l2:g} and the net with "
            f"L1 {settings.l1:g}, generated classes",
            "ours",
        ),
        "notebook_l1_changes_nothing": Effect(
            paired(shrunk[arm_name("generated", "l1", weakest)]),
            SHRUNK,
            f"L1 {weakest:.2g}, the notebook's largest, generated classes",
            "ours",
        ),
        "l1_makes_weights_sparse": Effect(
            paired(share[l1] - share[other]),
            f"share of weights within {settings.near_zero:g} of zero",
            f"L1 {settings.l1:g} minus the weakest L2 that shortens the weights as much "
            f"({other.split('@')[1]}), generated classes",
            "ours",
            undecided=None if as_short else "no L2 of the grid shortens the weights as much",
            note=f"{share[l1].mean():.2f} under L1, {share[other].mean():.3f} under L2",
        ),
    }


def _gain(
    train: Train, trained: Trained, right: Mapping[str, np.ndarray]
) -> tuple[Effect, dict[str, str]]:
    """Compare either penalty at its best factor on dev with none; also return the arms chosen."""
    dev = trained.values("accuracy", "dev")
    grids = {
        "l2": [arm_name("generated", "l2", factor) for factor in train.flowers.l2],
        "l1": [arm_name("generated", "l1", factor) for factor in train.flowers.l1],
    }
    best = {name: best_on_dev({a: dev[a] for a in grid}, grid) for name, grid in grids.items()}
    chosen = {name: found.arm for name, found in best.items()}
    edges = [found.edge for name, found in best.items() if found.arm == grids[name][-1]]
    gains = {name: right[arm] - right[arm_name("generated")] for name, arm in chosen.items()}
    largest = max(gains.values(), key=lambda gain_SR: abs(gain_SR.mean()))
    effect = Effect(
        paired(largest),
        "test accuracy",
        "L2 or L1, whichever changes its mean more, each at its best factor on dev "
        f"({chosen['l2'].split('@')[1]}, {chosen['l1'].split('@')[1]}), minus no penalty, "
        "generated classes",
        "course",
        undecided=edges[0] if edges else None,
        note=f"L2 {gains['l2'].mean():+.4f}, L1 {gains['l1'].mean():+.4f}; the classes stand in "
        "for iris, whose 30 test rows tell too little",
    )
    return effect, chosen


def clusters(settings: Evaluate, train: Train, trained: Trained, seed: int) -> Evaluated:
    """Measure how much decay shrinks the weights at every rate, by Adam and by AdamW."""
    setup = train.clusters
    net = mlp(cluster_sizes(setup), torch.Generator())
    x_RF, y_R = cluster_rows(setup, seed, _seeds.FRESH, settings.fresh_rows)
    arms = list(decays(setup))
    right = {arm: hits(net, trained.states(arm), x_RF.numpy(), y_R.numpy()) for arm in arms}
    lengths = {arm: length(weights_of(trained.states(arm))) for arm in arms}

    def shrunk(optimizer: str, rate: float, decay: float = settings.decay) -> np.ndarray:
        arm, without = (decay_name(optimizer, rate, value) for value in (decay, 0.0))
        shrunk_S: np.ndarray = 1 - lengths[arm] / lengths[without]
        return shrunk_S

    low, high = min(setup.rates), max(setup.rates)
    far = {name: shrunk(name, high) - shrunk(name, low) for name in ("adamw", "adam")}
    trials = [
        numbers(decay_name(name, rate, decay), "shrinkage", "train", shrunk(name, rate, decay))
        for name, rate, decay in product(("adam", "adamw"), setup.rates, setup.decays)
    ]
    effects = {
        "adamw_decay_is_independent_of_rate": Effect(
            paired(far["adamw"]),
            SHRUNK,
            f"clusters, AdamW with decay {settings.decay:g}, as many steps: rate {high:g} minus "
            f"rate {low:g}",
            "ours",
            note=f"with Adam's L2 the difference is {far['adam'].mean():+.3f}",
        ),
        "adam_l2_is_another_penalty": Effect(
            paired(shrunk("adam", settings.rate) - shrunk("adamw", settings.rate)),
            SHRUNK,
            f"clusters, Adam with L2 {settings.decay:g} minus AdamW with decay "
            f"{settings.decay:g}, rate {settings.rate:g}",
            "ours",
            note=f"Adam {shrunk('adam', settings.rate).mean():.3f}, AdamW "
            f"{shrunk('adamw', settings.rate).mean():.3f}",
        ),
    }
    rows = {(arm, "accuracy"): table_SR for arm, table_SR in right.items()}
    return Evaluated(effects, {}, rows=rows, trials=pd.concat(trials))


def single_step(settings: Step, seed: int) -> Effect:
    """Compare what decay takes off a weight in one step with rate x decay x weight."""
    cases, coupled = [], []
    for index in range(settings.nets):
        generator = torch.Generator().manual_seed(_seeds.integer(seed, index, "init"))
        weight_P, gradient_P = (torch.randn(50, generator=generator).double() for _ in range(2))
        takes_P = settings.rate * settings.decay * weight_P
        for size in settings.gradients:
            off = {
                name: taken(rule, weight_P, size * gradient_P, settings) - takes_P
                for name, rule in RULES.items()
            }
            cases.append(float(off["adamw"].norm() / takes_P.norm()))
            coupled.append(float(off["adam"].norm() / takes_P.norm()))
    return Effect(
        errors([*cases, *(change <= DIFFERENT for change in coupled)]),
        "length of (what decay takes off the weights - rate x decay x weights) / length of the "
        "latter",
        f"one step of AdamW from {settings.nets} draws of 50 weights, normal gradients times "
        f"{', '.join(f'{size:g}' for size in settings.gradients)}, a case each; as many cases ask "
        f"whether Adam's L2 is off by more than {DIFFERENT:g}",
        "ours",
        note=f"Adam's L2 is off by {min(coupled):.2g} at least, of rate x decay x weight",
    )


def taken(rule: Rule, weight_P: Tensor, gradient_P: Tensor, settings: Step) -> Tensor:
    """Return by how much more a weight falls in one step because of the decay."""
    ends = []
    for decay in (0.0, settings.decay):
        parameter = torch.nn.Parameter(weight_P.clone())
        parameter.grad = gradient_P.clone()
        rule([parameter], lr=settings.rate, weight_decay=decay).step()
        ends.append(parameter.detach())
    return ends[0] - ends[1]
