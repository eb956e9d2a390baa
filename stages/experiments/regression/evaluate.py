"""The claims about regression, tested on fresh points around the same lines.

Shapes: L slopes (lines), S repeats, N training rows, R fresh rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages import _seeds
from stages._claims import Effect, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs
from stages._stats import proportion_interval
from stages._trained import Trained, numbers
from stages.experiments.regression.params import Evaluate, Train
from stages.experiments.regression.train import ACTIVATIONS, arm_name, points, slopes

OLS = "least squares"
SPLITS = {"dead": "train"}  # all else is told from fresh points
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Scores:
    """What each net is worth, (L, S) all.

    Attributes:
        error: squared error on fresh points.
        explained: R2 there, against the mean of the fresh points.
        correlation: of predictions and targets on the training rows; NaN for constants.
        straight: share of the predictions' variance that their best line explains (fresh points).
        dead: whether the hidden unit is off at every training row.
    """

    error: np.ndarray
    explained: np.ndarray
    correlation: np.ndarray
    straight: np.ndarray
    dead: np.ndarray


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Score every net and least squares at every slope, and compare them."""
    grid = slopes(train.slopes)
    data = [_data(settings, train, seed, slope) for slope in grid]
    nets = {
        net: _stacked([_score(trained, net, *at) for at in zip(grid, data, strict=True)])
        for net in ACTIVATIONS
    }
    lines = _stacked([_least_squares(*rows) for rows in data])
    relu, linear = nets["relu"], nets["linear"]
    excess_S = ((linear.error - lines.error) / train.noise**2).mean(0)
    failed = _failures(settings, train, relu, np.array(grid))
    return Evaluated(
        effects={
            "relu_kinks_the_line": _kinks(settings, relu),
            "dead_units_explain_failures": _dead(relu, failed),
            "linear_net_matches_ols": Effect(
                paired(excess_S),
                "squared error / variance of the noise, fresh points, mean over slopes",
                "the net without the ReLU minus ordinary least squares",
                "ours",
            ),
            "loss_grows_with_slope": _growth(relu, np.array(grid)),
        },
        headline={
            "dead_share": relu.dead.mean(),
            "failed_share": np.nanmean(failed),
            "kinked_share_of_live": (relu.straight < settings.straight)[~relu.dead].mean(),
            "linear_r2_at_steepest": linear.explained[[0, -1]].mean(),
            "least_squares_r2_at_steepest": lines.explained[[0, -1]].mean(),
        },
        trials=pd.concat([*_tables(grid, {**nets, OLS: lines}), *_states(settings, grid, relu)]),
        arrays=_examples(settings, trained, data[-1], relu, grid[-1]),
    )


def _data(settings: Evaluate, train: Train, seed: int, slope: float) -> Rows:
    """Return every repeat's training rows, x_SN and y_SN, and the fresh ones, x_R and y_R."""
    own = [points(train, seed, repeat, slope) for repeat in range(train.repeats)]
    x_R1, y_R = points(train, seed, _seeds.FRESH, slope, settings.fresh_rows)
    return np.stack([x[:, 0] for x, _ in own]), np.stack([y for _, y in own]), x_R1[:, 0], y_R


def _score(trained: Trained, net: str, slope: float, rows: Rows) -> Scores:
    """Score the nets of one slope, (S,) each."""
    x_SN, _, x_R, _ = rows
    states = trained.states(arm_name(net, slope))
    weight_S1, bias_S1 = states["1.weight"][:, 0], states["1.bias"]
    off_SN = weight_S1 * x_SN + bias_S1 <= 0
    dead_S = off_SN.all(1) if net == "relu" else np.zeros(len(x_SN), bool)
    fresh_SR = predict(states, net, np.broadcast_to(x_R, (len(x_SN), len(x_R))))
    return _scores(predict(states, net, x_SN), fresh_SR, dead_S, rows)


def predict(states: dict[str, np.ndarray], net: str, x_SN: np.ndarray) -> np.ndarray:
    """Return what each repeat's net predicts for rows of its own, (S, N)."""
    weight, bias = (states[f"1.{name}"].reshape(-1, 1) for name in ("weight", "bias"))
    outer, offset = (states[f"3.{name}"].reshape(-1, 1) for name in ("weight", "bias"))
    hidden_SN = weight * x_SN + bias
    predicted_SN: np.ndarray = outer * (hidden_SN.clip(0) if net == "relu" else hidden_SN) + offset
    return predicted_SN


def _least_squares(x_SN: np.ndarray, y_SN: np.ndarray, x_R: np.ndarray, y_R: np.ndarray) -> Scores:
    """Score the line of least squares through each repeat's rows."""
    slope_S1, offset_S1 = least_squares(x_SN, y_SN)
    own_SN, fresh_SR = slope_S1 * x_SN + offset_S1, slope_S1 * x_R + offset_S1
    return _scores(own_SN, fresh_SR, np.zeros(len(x_SN), bool), (x_SN, y_SN, x_R, y_R))


def least_squares(x_SN: np.ndarray, y_SN: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and offset of the best line through each row of points, (S, 1) each."""
    x_SN, y_SN = x_SN.astype(np.float64), y_SN.astype(np.float64)
    mean_x, mean_y = x_SN.mean(1, keepdims=True), y_SN.mean(1, keepdims=True)
    covariance = ((x_SN - mean_x) * (y_SN - mean_y)).mean(1, keepdims=True)
    slope_S1 = covariance / x_SN.var(1, keepdims=True)
    return slope_S1, mean_y - slope_S1 * mean_x


def _scores(own_SN: np.ndarray, fresh_SR: np.ndarray, dead_S: np.ndarray, rows: Rows) -> Scores:
    _, y_SN, x_R, y_R = rows
    error_S = ((fresh_SR - y_R) ** 2).mean(1, dtype=np.float64)
    explained_S = 1 - error_S / y_R.var(dtype=np.float64)
    straight_S = correlation(fresh_SR, x_R[None]) ** 2
    return Scores(error_S, explained_S, correlation(own_SN, y_SN), straight_S, dead_S)


def correlation(a_SN: np.ndarray, b_SN: np.ndarray) -> np.ndarray:
    """Return Pearson's r by row, (S,); NaN where either is constant."""
    a, b = (v - v.mean(1, keepdims=True, dtype=np.float64) for v in (a_SN, b_SN))
    size_S = np.sqrt((a**2).mean(1) * (b**2).mean(1))
    constant_S = size_S < 1e-9
    r_S: np.ndarray = (a * b).mean(1) / np.where(constant_S, 1, size_S)
    return np.where(constant_S, np.nan, r_S)


def _stacked(scores: list[Scores]) -> Scores:
    names = vars(scores[0])
    return Scores(**{name: np.stack([vars(one)[name] for one in scores]) for name in names})


def _failures(settings: Evaluate, train: Train, relu: Scores, grid: np.ndarray) -> np.ndarray:
    """Return 1 where a net explains too little, NaN at slopes too small to tell, (L, S)."""
    best_L = grid**2 / (grid**2 + train.noise**2)
    failed_LS = relu.explained < settings.fails_below * best_L[:, None]
    steep_L = np.abs(grid) >= settings.fails_from
    return np.where(steep_L[:, None], failed_LS, np.nan)


def _kinks(settings: Evaluate, relu: Scores) -> Effect:
    live_LS = ~relu.dead
    kinked_LS = live_LS & (relu.straight < settings.straight)
    live_S = live_LS.sum(0)
    return Effect(
        paired(kinked_LS.sum(0) / np.maximum(live_S, 1), where=live_S > 0),
        "share of a repeat's live nets, mean over repeats",
        f"nets whose predictions' best line explains less than {settings.straight:.0%} of their "
        "variance",
        "notes L126",
        note=f"{(live_S > 0).sum()} of {len(live_S)} repeats have a live net; of all "
        f"{live_LS.size} nets {relu.dead.mean():.0%} are dead and {kinked_LS.mean():.0%} live and "
        f"kinked, which is {kinked_LS.sum() / live_LS.sum():.1%} of all live ones",
    )


def _dead(relu: Scores, failed: np.ndarray) -> Effect:
    """Measure how many failures have a dead unit."""
    failed_LS, steep_LS = failed == 1, np.isfinite(failed)
    failures_S = failed_LS.sum(0)
    dead_S = (failed_LS & relu.dead).sum(0) / np.maximum(failures_S, 1)
    live_LS, dead_LS = steep_LS & ~relu.dead, steep_LS & relu.dead
    all_dead, ran = int((dead_S == 1).sum()), int((failures_S > 0).sum())
    least = proportion_interval(all_dead, max(ran, 1)).low
    return Effect(
        paired(dead_S, where=failures_S > 0),
        "share of a repeat's failed nets, mean over repeats",
        "failed nets whose hidden unit is off at every training row",
        "ours",
        note=f"{(failures_S > 0).sum()} of {len(failures_S)} repeats have a failed net; at these "
        f"slopes {failed_LS.sum() / steep_LS.sum():.1%} of all nets fail, "
        f"{dead_LS.sum() / steep_LS.sum():.1%} are dead, and of the dead "
        f"{failed_LS[dead_LS].mean():.0%} fail, of the live {failed_LS[live_LS].mean():.0%}. "
        f"In {all_dead} of {ran} repeats all failed nets are dead: equal values give no width "
        f"to the interval, but a chance as low as {least:.2f} could give as many (exact, "
        "two-sided, 95 % by itself)",
    )


def _growth(relu: Scores, grid: np.ndarray) -> Effect:
    flattest = int(np.abs(grid).argmin())
    return Effect(
        paired(relu.error[[0, -1]].mean(0) - relu.error[flattest]),
        "squared error on fresh points",
        f"net with the ReLU: slopes {grid[0]:+.2g} and {grid[-1]:+.2g} minus slope "
        f"{grid[flattest]:.2g}",
        "course",
    )


def _tables(grid: list[float], scores: dict[str, Scores]) -> list[pd.DataFrame]:
    return [
        numbers(arm_name(name, slope), metric, split, values_LS[i])
        for name, one in scores.items()
        for metric, split, values_LS in (
            ("squared error", "test", one.error),
            ("R2", "test", one.explained),
            ("correlation", "train", np.nan_to_num(one.correlation)),
        )
        for i, slope in enumerate(grid)
    ]


def _states(settings: Evaluate, grid: list[float], relu: Scores) -> list[pd.DataFrame]:
    """Return what became of each net with a ReLU, and the R2 of the live ones."""
    straight_LS = ~relu.dead & (relu.straight >= settings.straight)
    tables = {
        "dead": relu.dead,
        "straight": straight_LS,
        "kinked": ~relu.dead & ~straight_LS,
        "R2 if live": np.where(relu.dead, np.nan, relu.explained),
    }
    return [
        numbers(
            arm_name("relu", slope), metric, SPLITS.get(metric, "test"), values_LS[i].astype(float)
        )
        for metric, values_LS in tables.items()
        for i, slope in enumerate(grid)
    ]


def _examples(
    settings: Evaluate, trained: Trained, rows: Rows, relu: Scores, slope: float
) -> dict[str, np.ndarray]:
    """Return training rows and predictions of the first net of each kind at the last slope."""
    x_SN, y_SN = rows[:2]
    predicted_SN = predict(trained.states(arm_name("relu", slope)), "relu", x_SN)
    dead_S, straight_S = relu.dead[-1], relu.straight[-1] >= settings.straight
    kinds = {"straight": ~dead_S & straight_S, "kinked": ~dead_S & ~straight_S, "dead": dead_S}
    return {
        f"example/{kind}": np.stack([part[which_S.argmax()] for part in (x_SN, y_SN, predicted_SN)])
        for kind, which_S in kinds.items()
        if which_S.any()
    }
