"""The claims about rates, restarts and simple methods, tested on fresh points.

Shapes: L rates, W widths, S repeats, K starts, N training rows, R fresh rows.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from stages import _seeds
from stages._claims import REPEATS, Effect, best_on_dev, errors, paired
from stages._device import in_parallel
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained, numbers
from stages._training import hits
from stages.experiments.learning_rate.params import Evaluate, Train, TwoLosses
from stages.experiments.learning_rate.train import (
    DEV_OF_RESTARTS,
    RESTARTS,
    Rows,
    arm_name,
    arms,
    rates,
    rows_of,
    sizes,
    width_name,
)
from stages.models.mlp import mlp
from stages.samplers import qwerties

TEST = "test accuracy"
LEARNED, OF_LEARNED = "has learned", "accuracy if learned"
Predict = Callable[[np.ndarray], np.ndarray]
Accuracy = Mapping[str, np.ndarray]  # arm -> test accuracy by repeat, (S,)
Hits = dict[str, np.ndarray]  # arm -> 1 where a repeat's net is right about a point, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify fresh points with every net and with three simple methods."""
    fresh = fresh_rows(settings, train, seed)
    right = {arm: _hits(trained, arm, units, fresh) for arm, units, _ in arms(train)}
    accuracy = {arm: table_SR.mean(1) for arm, table_SR in right.items()}
    return join(
        by_rate(settings, train, trained, accuracy),
        by_width(settings, train, accuracy),
        best_of_restarts(train, trained, fresh),
        _outcomes(settings, {arm: right[arm] for arm in right if not arm.startswith("linear")}),
        simple_methods(settings, train, trained, right, seed, fresh),
        Evaluated(
            effects={"bce_equals_bce_with_logits": two_losses(settings.two_losses, train, seed)},
            headline={
                "bayes_limit": qwerties.bayes_accuracy(train.points.centres),
                "bayes_rule_accuracy": nearest_centre(train.points.centres, fresh),
                "luckiest_net_accuracy": max(found_S.max() for found_S in accuracy.values()),
            },
            rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
        ),
    )


def fresh_rows(settings: Evaluate, train: Train, seed: int) -> Rows:
    """Draw the points that all repeats are tested on."""
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "data")
    return qwerties.draw(rng, train.points.centres, settings.fresh_rows // 2)


def nearest_centre(centres: list[list[float]], rows: Rows) -> float:
    """Return the accuracy of the best rule for two round clusters."""
    return float(KNeighborsClassifier(1).fit(np.array(centres), np.arange(2)).score(*rows))


def _hits(trained: Trained, arm: str, units: int, rows: Rows) -> np.ndarray:
    return hits(mlp(sizes(units), torch.Generator()), trained.states(arm), *rows)


def by_rate(settings: Evaluate, train: Train, trained: Trained, accuracy: Accuracy) -> Evaluated:
    """Compare the ends of the course's grid, and single runs with the means of their rates."""
    linear = [arm_name("linear", rate) for rate in rates("linear", train.linear_rates)]
    accuracy_LS = np.stack([accuracy[arm] for arm in linear])
    own = trained.values("accuracy", "train")
    off_LS, fast = off_by(accuracy_LS), slice(-len(linear) // 3, None)
    near = off_LS[fast][accuracy_LS[fast] > settings.success].mean()
    return Evaluated(
        effects={
            "rate_matters_on_average": Effect(
                paired(accuracy_LS[-1] - accuracy_LS[0]),
                TEST,
                f"rate {train.linear_rates.last:g} minus rate {train.linear_rates.first:g}, the "
                "ends of the course's grid",
                "notes L131",
            ),
            "single_runs_mislead": Effect(
                paired((off_LS > settings.off_by).mean(0)),
                "share of a repeat's runs",
                f"runs whose test accuracy differs by more than {settings.off_by:g} from the mean "
                "of all others at the same rate, the course's grid",
                "notes L131",
                note=f"at the {len(off_LS[fast])} largest rates nets that have learned are on "
                f"average {near:.3f} from that mean, just below the cut",
            ),
        },
        headline={},
        arrays={"linear/train": np.stack([own[arm] for arm in linear])},
    )


def off_by(accuracy_LS: np.ndarray) -> np.ndarray:
    """Return how far each run is from the mean of the others at its rate, (L, S)."""
    S = accuracy_LS.shape[1]
    others_LS = (accuracy_LS.sum(1, keepdims=True) - accuracy_LS) / (S - 1)
    off_LS: np.ndarray = np.abs(accuracy_LS - others_LS)
    return off_LS


def _outcomes(settings: Evaluate, right: Hits) -> Evaluated:
    """Return whether a net has learned, and the hits of those that have, if they are enough."""
    tables, rows = [], {}
    for arm, table_SR in right.items():
        learned_S = table_SR.mean(1) > settings.success
        tables.append(numbers(arm, LEARNED, "test", learned_S.astype(np.float64)))
        if learned_S.sum() >= REPEATS:
            rows[arm, OF_LEARNED] = table_SR[learned_S]
    return Evaluated({}, {}, rows, pd.concat(tables))


def by_width(settings: Evaluate, train: Train, accuracy: Accuracy) -> Evaluated:
    """Measure how the success rate changes with each doubling of the width."""
    units, tried = train.widths.units, train.widths.rates
    names = [[width_name(width, rate) for rate in tried] for width in units]
    accuracy_WLS = np.array([[accuracy[arm] for arm in row] for row in names])
    learned_WS = (accuracy_WLS > settings.success).mean(1)
    effect = Effect(
        paired(trend(np.log2(units), learned_WS)),
        "share of nets that have learned, per doubling of the units",
        f"least-squares trend over {', '.join(map(str, units))} units, mean over "
        f"{len(tried)} rates",
        "ours",
        note=f"{learned_WS[0].mean():.0%} of nets with {units[0]} unit have learned, "
        f"{learned_WS[-1].mean():.0%} with {units[-1]}",
    )
    return Evaluated({"wider_nets_get_stuck_less": effect}, {})


def trend(x_W: np.ndarray, y_WS: np.ndarray) -> np.ndarray:
    """Return each repeat's slope of y on x, (S,)."""
    centred_W = x_W - x_W.mean()
    slope_S: np.ndarray = centred_W @ y_WS / (centred_W**2).sum()
    return slope_S


def best_of_restarts(train: Train, trained: Trained, fresh: Rows) -> Evaluated:
    """Compare what the best of k starts promises on dev with what it keeps on fresh points."""
    shape = (train.restarts.count, train.repeats)
    dev_KS = trained.weights[DEV_OF_RESTARTS].reshape(shape)
    test_KS = _hits(trained, RESTARTS, 1, fresh).mean(1).reshape(shape)
    counts = [2**i for i in range(train.restarts.count.bit_length())]
    chosen = {k: best_of(dev_KS[:k], test_KS[:k]) for k in counts}
    centres = train.points.centres
    lucky = nearest_centre(centres, fresh) - qwerties.bayes_accuracy(centres)
    effect = Effect(
        paired(np.subtract(*chosen[counts[-1]])),
        "accuracy",
        f"best of {counts[-1]} starts on the same rows: dev, which chose it, minus fresh points",
        "ours",
        note=f"for a single start it is {np.subtract(*chosen[1]).mean():.4f}. The fresh points are "
        f"one sample, not in the interval; on it the Bayes rule is {lucky:+.4f} off its limit",
    )
    tables = [
        numbers(f"best of {k}", "accuracy", split, values_S)
        for k, pair in chosen.items()
        for split, values_S in zip(("dev", "test"), pair, strict=True)
    ]
    return Evaluated({"best_of_repeats_is_optimistic": effect}, {}, trials=pd.concat(tables))


def best_of(dev_KS: np.ndarray, test_KS: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dev and test accuracy of each repeat's best start on dev, (S,) each."""
    best = dev_KS.argmax(0), np.arange(dev_KS.shape[1])
    return dev_KS[best], test_KS[best]


def simple_methods(
    settings: Evaluate, train: Train, trained: Trained, right: Hits, seed: int, fresh: Rows
) -> Evaluated:
    """Compare three simple methods with the course's net at its best rate on dev."""
    log = [arm_name("log", rate) for rate in rates("log", train.log_rates)]
    dev = trained.values("accuracy", "dev")
    best = best_on_dev({arm: dev[arm] for arm in log}, grid=log)
    net_SR = right[best.arm]
    learned_S = net_SR.mean(1) > settings.success
    simple = methods_hits(settings, train, seed, fresh)
    gain_SR = np.mean(list(simple.values()), axis=0) - net_SR
    names = "nearest neighbours, k-means and logistic regression (mean)"
    rate = f"{float(best.arm.partition('@')[2]):g}"
    net = f"the net of one unit at its best rate of the logarithmic grid on dev ({rate})"
    return Evaluated(
        effects={
            "simple_methods_suffice": Effect(
                paired(gain_SR, where=learned_S),
                TEST,
                f"{names} minus {net}, if that has learned",
                "notes L130-134",
                note=f"the net has learned in {learned_S.sum()} of {train.repeats} repeats; in "
                f"these it has {net_SR[learned_S].mean():.4f} of the points right, the methods "
                + ", ".join(f"{table[learned_S].mean():.4f}" for table in simple.values()),
                undecided=best.edge,
            ),
            "simple_methods_win": Effect(
                paired(gain_SR),
                TEST,
                f"{names} minus {net}, learned or not",
                "notes L130",
                undecided=best.edge,
            ),
        },
        headline={
            "best_rate_accuracy": net_SR.mean(),
            "logistic_regression_accuracy": simple["logistic regression"].mean(),
        },
        rows={(name, "accuracy"): right_SR for name, right_SR in simple.items()},
        arrays={"best_on_dev": np.array([log.index(best.arm)])},
    )


def methods_hits(settings: Evaluate, train: Train, seed: int, fresh: Rows) -> dict[str, np.ndarray]:
    """Return 1 where a method, fitted to a repeat's rows, is right about a fresh point, (S, R)."""

    def one(repeat: int) -> dict[str, np.ndarray]:
        own, _ = rows_of(train.points, seed, repeat)
        methods = {
            "nearest neighbours": _fitted(KNeighborsClassifier(settings.neighbours), own),
            "k-means": _clusters(own, _seeds.integer(seed, repeat, "init") % 2**32),
            "logistic regression": _fitted(LogisticRegression(solver="newton-cholesky"), own),
        }
        return {name: predict(fresh[0]) == fresh[1] for name, predict in methods.items()}

    found = in_parallel([partial(one, repeat) for repeat in range(train.repeats)])
    return {name: np.stack([f[name] for f in found]).astype(np.float32) for name in found[0]}


def _fitted(model: Any, own: Rows) -> Predict:
    predict: Predict = model.fit(*own).predict
    return predict


def _clusters(own: Rows, state: int) -> Predict:
    """Find two clusters without the labels, then name each by the majority of its labels."""
    x_NF, y_N = own
    model = KMeans(n_clusters=2, n_init=10, random_state=state).fit(x_NF)
    names = np.array([np.bincount(y_N[model.labels_ == k]).argmax() for k in range(2)])
    return lambda x: names[model.predict(x)]


def two_losses(settings: TwoLosses, train: Train, seed: int) -> Effect:
    """Train nets by both ways to write the loss, in float64, and compare losses and paths."""
    rows = rows_of(train.points, seed, _seeds.FRESH)[0]
    differences: list[float] = []
    for i in range(settings.nets):
        loss, path = _path(settings, "sigmoid", rows, seed, i)
        other_loss, other_path = _path(settings, "logits", rows, seed, i)
        differences.append(float((loss - other_loss).abs().max()))
        differences.append(float((path - other_path).norm() / path.norm()))
    far, zero = torch.tensor([200.0]), torch.zeros(1)
    cut = nn.functional.binary_cross_entropy(far.sigmoid(), zero).item()
    return Effect(
        errors(differences),
        "difference of the losses; length of the difference of the paths / length of the path",
        f"BCELoss after a sigmoid against BCEWithLogitsLoss, {settings.steps} steps in float64, "
        f"losses and paths of {settings.nets} nets",
        "notes L142-143",
        note=f"far out they differ: at an output of {far.item():.0f} for class 0 BCELoss says "
        f"{cut:.0f}, its cut, and the other {far.item():.0f}",
    )


def _path(
    settings: TwoLosses, kind: str, rows: Rows, seed: int, index: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a net's loss at every step, and where its parameters end minus where they began."""
    x_NF, y_N1 = torch.from_numpy(rows[0]).double(), torch.from_numpy(rows[1]).double()[:, None]
    generator = torch.Generator().manual_seed(_seeds.integer(seed, index, "init"))
    net = mlp(sizes(1), generator).double()
    last: nn.Module = nn.Sigmoid() if kind == "sigmoid" else nn.Identity()
    loss_of: nn.Module = nn.BCELoss() if kind == "sigmoid" else nn.BCEWithLogitsLoss()
    start, losses = nn.utils.parameters_to_vector(net.parameters()).detach(), []
    for _ in range(settings.steps):
        loss = loss_of(last(net(x_NF)), y_N1)
        slopes = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for parameter, slope in zip(net.parameters(), slopes, strict=True):
                parameter.sub_(settings.rate * slope)
        losses.append(loss.detach())
    return torch.stack(losses), nn.utils.parameters_to_vector(net.parameters()).detach() - start
