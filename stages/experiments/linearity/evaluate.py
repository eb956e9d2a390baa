"""The claims about linear and non-linear nets, tested on fresh points.

Shapes: L rates, S repeats, R fresh rows, F features (2), H units.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression

from stages import _seeds, sweep
from stages._claims import REPEATS, Effect, errors, paired
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained, numbers
from stages._training import hits
from stages.experiments.linearity.params import Evaluate, Train
from stages.experiments.linearity.train import (
    NETS,
    Rows,
    arm_name,
    cluster_rows,
    rates,
    ring_name,
    ring_rows,
    sizes,
)
from stages.models.mlp import mlp
from stages.samplers import qwerties

TEST = "test accuracy"
CELLS, EXTENT = 61, 25.0  # of the map of the rings
Nets = Mapping[str, np.ndarray]  # kind of net -> one number per rate and repeat, (L, S)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify fresh points of both problems with every net."""
    return join(
        on_clusters(settings, train, trained, seed),
        on_rings(settings, train, trained, seed),
        Evaluated({"linear_stack_collapses": _collapse(train, trained)}, {}),
    )


def on_clusters(settings: Evaluate, train: Train, trained: Trained, seed: int) -> Evaluated:
    """Compare nets with and without ReLUs, start by start."""
    clusters = train.clusters
    fresh = cluster_rows(clusters, seed, _seeds.FRESH, settings.fresh_rows // 2)
    own = trained.values("accuracy", "train")
    right: dict[str, np.ndarray] = {}
    tested, learned = {}, {}
    for net, activation in NETS.items():
        module = mlp(sizes(clusters.hidden), torch.Generator(), activation)
        names = [arm_name(net, rate) for rate in rates(clusters)]
        found = {name: hits(module, trained.states(name), *fresh) for name in names}
        tested[net] = np.stack([table_SR.mean(1) for table_SR in found.values()])
        right |= found
        learned[net] = np.stack([own[name] for name in names])
    limit = qwerties.bayes_accuracy(clusters.centres)
    return Evaluated(
        effects={
            **_removal(settings, rates(clusters), tested),
            "not_above_bayes_limit": _limit(tested, by_distance(clusters.centres, fresh), limit),
        },
        headline={
            "relu_success": (tested["relu"] > settings.success).mean(),
            "linear_success": (tested["linear"] > settings.success).mean(),
            "luckiest_net_accuracy": max(found.max() for found in tested.values()),
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()}
        | {("logistic regression", "accuracy"): _logistic_regression(train, seed, fresh)},
        trials=pd.concat(_tables(settings, train, tested)),
        arrays={f"{net}/train": values for net, values in learned.items()}
        | {"bayes_limit": np.array([limit])},
    )


def _removal(settings: Evaluate, grid: list[float], tested: Nets) -> dict[str, Effect]:
    """Compare the nets that learn by their accuracy, and all nets by whether they do."""
    relu, linear = (tested[net] > settings.success for net in ("relu", "linear"))
    both_LS = relu & linear
    gain_LS = np.where(both_LS, tested["linear"] - tested["relu"], 0)
    pairs_S = both_LS.sum(0)
    with_them, without = (tested[net][both_LS].mean() for net in ("relu", "linear"))
    half = len(grid) // 2
    fast = gain_LS[half:].sum() / max(both_LS[half:].sum(), 1)
    return {
        "removing_relu_raises_accuracy": Effect(
            paired(gain_LS.sum(0) / np.maximum(pairs_S, 1), where=pairs_S > 0),
            f"{TEST}, mean of a repeat's pairs, then over repeats",
            "without ReLUs minus with them, at the rates where both nets learn",
            "notes L135",
            note=f"pooled over {both_LS.sum()} such pairs out of {both_LS.size}: with them "
            f"{with_them:.2%}, without {without:.2%}, a gain of {100 * (without - with_them):.2f} "
            f"points, where the notes report half a point; over the {both_LS[half:].sum()} at the "
            f"upper half of the rates, from {grid[half]:.4f} on, it is {100 * fast:+.2f} points",
        ),
        "removing_relu_raises_success_rate": Effect(
            paired((linear.astype(float) - relu).mean(0)),
            "share of a repeat's nets that learn",
            f"without ReLUs minus with them, {len(relu)} starts per repeat",
            "ours",
            note=f"with them {relu.mean():.1%}, without {linear.mean():.1%}",
        ),
    }


def _limit(tested: Nets, bayes: float, limit: float) -> Effect:
    """Compare the best rule there is with each repeat's luckiest net, chosen on test itself."""
    luckiest_S = np.maximum(*(found_LS.max(0) for found_LS in tested.values()))
    return Effect(
        paired(bayes - luckiest_S),
        TEST,
        f"the Bayes rule minus the luckiest of a repeat's nets ({len(tested['relu'])} rates, with "
        "ReLUs and without), on the same fresh points",
        "ours",
        note=f"the limit is {limit:.2%}; on these points the Bayes rule reaches {bayes:.2%} and "
        f"the luckiest net of all {luckiest_S.max():.2%}",
    )


def by_distance(centres: list[list[float]], rows: Rows) -> float:
    """Return the accuracy of the Bayes rule for round clusters: the nearest centre."""
    distance_RC = ((rows[0][:, None] - np.asarray(centres)) ** 2).sum(2)
    return float((distance_RC.argmin(1) == rows[1]).mean())


def _tables(settings: Evaluate, train: Train, tested: Nets) -> list[pd.DataFrame]:
    """Return accuracy, whether a net has learned, and the accuracy of those, if they are enough."""
    found = []
    for net, values_LS in tested.items():
        for rate, values_S in zip(rates(train.clusters), values_LS, strict=True):
            arm, learns_S = arm_name(net, rate), values_S > settings.success
            found.append(numbers(arm, "has learned", "test", learns_S.astype(np.float64)))
            if learns_S.sum() >= REPEATS:
                alone_S = np.where(learns_S, values_S, np.nan)
                found.append(numbers(arm, "accuracy if learned", "test", alone_S))
    return found


def _logistic_regression(train: Train, seed: int, fresh: Rows) -> np.ndarray:
    """Return 1 where the model of a repeat's rows is right about a fresh point, (S, R)."""
    found = []
    for repeat in range(train.repeats):
        model = LogisticRegression(solver="newton-cholesky")
        model.fit(*cluster_rows(train.clusters, seed, repeat))
        found.append(model.predict(fresh[0]) == fresh[1])
    return np.stack(found).astype(np.float32)


def on_rings(settings: Evaluate, train: Train, trained: Trained, seed: int) -> Evaluated:
    """Compare both kinds of net where no line divides the classes, and map one of each."""
    rings = train.rings
    fresh = ring_rows(rings, seed, _seeds.FRESH, settings.fresh_rows // 2)
    axis = np.linspace(-EXTENT, EXTENT, CELLS, dtype=np.float32)
    cells_RF = np.stack(np.meshgrid(axis, axis), 2).reshape(-1, 2)
    right, maps = {}, {}
    for net, activation in NETS.items():
        module = mlp(sizes(rings.hidden), torch.Generator(), activation)
        states = trained.states(ring_name(net))
        right[net] = hits(module, states, *fresh)
        maps[f"rings/{net}"] = hits(module, _first(states), cells_RF, np.ones(len(cells_RF)))
    x_NF, y_N = ring_rows(rings, seed, 0)
    return Evaluated(
        effects={
            "linear_stack_fails_on_doughnuts": Effect(
                paired(right["relu"] - right["linear"]),
                TEST,
                "the same net with ReLUs minus without, rings",
                "ours",
                note=f"with them {right['relu'].mean():.1%}, without {right['linear'].mean():.1%}; "
                "the rings overlap, and what the best rule would reach was not computed",
            )
        },
        headline={f"doughnuts_{net}_accuracy": table.mean() for net, table in right.items()},
        rows={(ring_name(net), "accuracy"): table for net, table in right.items()},
        arrays={**maps, "rings/axis": axis, "rings/x": x_NF, "rings/y": y_N},
    )


def _first(states: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value[:1] for name, value in states.items()}


def _collapse(train: Train, trained: Trained) -> Effect:
    """Compare every net without ReLUs with the one layer that its weights multiply to."""
    arms = [(arm_name("linear", rate), train.clusters.hidden) for rate in rates(train.clusters)]
    arms.append((ring_name("linear"), train.rings.hidden))
    axis = np.linspace(-EXTENT, EXTENT, 11)
    cells_RF = torch.from_numpy(np.stack(np.meshgrid(axis, axis), 2).reshape(-1, 2))
    found = [difference(trained.states(arm), hidden, cells_RF) for arm, hidden in arms]
    return Effect(
        errors(np.concatenate(found)),
        "largest difference of a net's outputs / its largest output, float64",
        "every net without ReLUs, of both problems, against one layer with the product of its "
        f"weights and the bias that follows, at {len(cells_RF)} points of a grid from "
        f"{-EXTENT:g} to {EXTENT:g} on both axes",
        "notes L154",
    )


def difference(
    states: Mapping[str, np.ndarray], hidden: list[int], x_RF: torch.Tensor
) -> np.ndarray:
    """Return how far each net's outputs are from those of its one layer, (S,)."""
    stacked = {name: torch.from_numpy(value).double() for name, value in states.items()}
    module = mlp(sizes(hidden), torch.Generator(), "identity")
    outputs_SR = sweep.logits(module, stacked, x_RF)[..., 0]
    weight_S1F, bias_S1 = one_layer(stacked)
    alone_SR = weight_S1F[:, 0] @ x_RF.T + bias_S1
    return ((outputs_SR - alone_SR).abs().amax(1) / outputs_SR.abs().amax(1)).numpy()


def one_layer(stacked: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Multiply the layers of linear nets: W_n ... W_1 (S, 1, F) and the biases' sum (S, 1)."""
    layers = sorted(int(name.partition(".")[0]) for name in stacked if name.endswith("weight"))
    weight, bias = stacked[f"{layers[0]}.weight"], stacked[f"{layers[0]}.bias"]
    for layer in layers[1:]:
        outer = stacked[f"{layer}.weight"]
        bias = (outer @ bias[..., None])[..., 0] + stacked[f"{layer}.bias"]
        weight = outer @ weight
    return weight, bias
