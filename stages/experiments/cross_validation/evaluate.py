"""The claims about held-out data, tested on fresh rows and on the held-out digits and flowers.

Shapes: S repeats, R test rows, D degrees, K folds, N rows, P coefficients.
"""

import numpy as np
import pandas as pd
import torch
from torch import nn

from stages import _seeds, _stats
from stages._claims import Effect, median, paired, rate
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._trained import Trained, numbers
from stages._training import BEST, hits
from stages.experiments.cross_validation.params import Evaluate, Train
from stages.experiments.cross_validation.train import (
    CLASSES,
    ERROR,
    EXTENT,
    Rows,
    bounds_sizes,
    flipped_rows,
    flower_sizes,
    generated_flowers,
    noisy_rows,
    overfit_sizes,
    share_arm,
    sigmoid_arm,
    small_digits,
    split_at,
)
from stages.models import polynomial
from stages.models.mlp import mlp
from stages.samplers import cubic

COVERAGE = 0.95
QUARTILES = (0.25, 0.5, 0.75)
TEST = "test accuracy"


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Test every part; the parts share nothing but the page."""
    return join(
        polynomials(settings, train, trained, seed),
        overfitting(settings, train, trained, seed),
        bounds(train, trained, inputs),
        flowers(settings, train, trained, inputs, seed),
    )


def polynomials(settings: Evaluate, train: Train, trained: Trained, seed: int) -> Evaluated:
    """Compare the degree that cross-validation chose with the best one on fresh points."""
    setup = train.polynomials
    degrees = range(1, setup.degrees + 1)
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "data")
    x_RF, y_R = cubic.draw(rng, settings.fresh_rows, noise=setup.noise, extent=EXTENT)
    fresh = torch.from_numpy(x_RF[:, 0]).double(), torch.from_numpy(y_R).double()
    fresh_SD = np.stack([_fresh_error(trained, degree, fresh) for degree in degrees], 1)
    fold_SDK = np.stack([trained.weights[f"degree {d}/fold errors"] for d in degrees], 1)
    chosen_S = fold_SDK.mean(2).argmin(1)
    at = settings.interval_degree - 1
    return Evaluated(
        effects={
            "cv_finds_the_size": _size(chosen_S, fresh_SD, setup.folds),
            "cv_interval_covers": _coverage(fold_SDK[:, at], fresh_SD[:, at], at + 1),
        },
        headline={"chosen_degree_is_3": (chosen_S == 2).mean()},
        trials=pd.concat(
            numbers(f"degree {d}", ERROR, "test", np.log10(fresh_SD[:, d - 1])) for d in degrees
        ),
        arrays={
            "chosen_degree": chosen_S + 1,
            "cross-validation": np.quantile(fold_SDK.mean(2), QUARTILES, axis=0),
            "fresh points": np.quantile(fresh_SD, QUARTILES, axis=0),
        },
    )


def _size(chosen_S: np.ndarray, fresh_SD: np.ndarray, folds: int) -> Effect:
    """Compare the chosen degree's error with the least of any degree."""
    ratio_S = np.take_along_axis(fresh_SD, chosen_S[:, None], 1)[:, 0] / fresh_SD.min(1)
    return Effect(
        median(1 - ratio_S),
        "1 - squared error / least squared error of any degree in the same repeat, fresh points; "
        "the median, its interval between order statistics",
        f"the degree that {folds}-fold cross-validation chose against the best",
        "notes L198-200",
        note=f"by the same measure the chosen degree is more than a tenth worse in "
        f"{(ratio_S > 1.1).mean():.0%} of repeats; the worst has {ratio_S.max():.0f} times the "
        "least error",
    )


def _coverage(fold_SK: np.ndarray, error_S: np.ndarray, degree: int) -> Effect:
    """Count how often the t interval over folds holds the error on fresh points."""
    K = fold_SK.shape[1]
    half_S = _stats.t_quantile((1 + COVERAGE) / 2, K - 1) * fold_SK.std(1, ddof=1) / np.sqrt(K)
    return Effect(
        rate(np.abs(fold_SK.mean(1) - error_S) <= half_S),
        f"share of the {len(error_S)} repeats",
        f"{COVERAGE:.0%} t interval over {K} folds of degree {degree} against the error of the "
        "fit to all rows on fresh points",
        "ours",
    )


def _fresh_error(trained: Trained, degree: int, fresh: Rows) -> np.ndarray:
    """Return the mean squared error (S,) of each repeat's fit on fresh points."""
    x_R, y_R = fresh
    coefficients_SP = torch.from_numpy(trained.weights[f"degree {degree}/coefficients"])
    basis_PR = polynomial.predict(torch.eye(degree + 1, dtype=torch.float64), x_R, EXTENT)
    found: np.ndarray = (coefficients_SP @ basis_PR - y_R).square_().mean(1).numpy()
    return found


def overfitting(settings: Evaluate, train: Train, trained: Trained, seed: int) -> Evaluated:
    """Compare a net at its best epoch and at its last, and two ways to hold rows back."""
    setup = train.overfit
    net = mlp(overfit_sizes(setup), torch.Generator())
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "data")
    clean = flipped_rows(setup.model_copy(update={"flipped": 0.0}), rng, settings.fresh_rows)
    noisy = flipped_rows(setup, rng, settings.fresh_rows)
    own = [noisy_rows(setup, seed, repeat)[0] for repeat in range(train.repeats)]
    at = split_at(setup)
    learned = [(x_NF[:at], y_N[:at]) for x_NF, y_N in own]
    held = [(x_NF[at:], y_N[at:]) for x_NF, y_N in own]
    return join(
        _past_the_best(net, trained, learned, clean, setup.flipped),
        _two_ways(net, trained, held, noisy),
    )


def _past_the_best(
    net: nn.Module, trained: Trained, learned: list[Rows], clean: Rows, flipped: float
) -> Evaluated:
    """Measure what training past the best epoch does to the rows learned and to new ones."""
    best, last = f"one split{BEST}", "one split"
    rise_S = _own(net, trained, last, learned) - _own(net, trained, best, learned)
    best_SR, last_SR = (_hit(net, trained, arm, clean) for arm in (best, last))
    fall_S = (best_SR - last_SR).mean(1)
    kept = 1 - flipped * CLASSES / (CLASSES - 1)
    effect = Effect(
        paired(np.minimum(rise_S, fall_S)),
        "accuracy: in each repeat the smaller of the rise on train and the fall on test",
        "the last epoch against the best epoch on dev, of the same net",
        "notes L202",
        note=f"train, with its wrong labels, rises by {rise_S.mean():.3f} to the table's value of "
        f"`one split`; fresh rows with true labels fall by {fall_S.mean():.3f}, which with as many "
        f"wrong labels is 1 - {flipped:g} - {flipped:g} / {CLASSES - 1} times that, "
        f"{kept * fall_S.mean():.3f}",
    )
    return Evaluated(
        effects={"overfit_helps_train_hurts_test": effect},
        headline={"overfit_fall_on_test": fall_S.mean()},
        rows={
            ("one split, best epoch", "accuracy on true labels"): best_SR,
            ("one split, last epoch", "accuracy on true labels"): last_SR,
        },
    )


def _two_ways(net: nn.Module, trained: Trained, held: list[Rows], noisy: Rows) -> Evaluated:
    """Compare what the test rows of either way of splitting promise with what fresh rows keep."""
    arms = ("new splits", "one split")
    promised = {arm: _own(net, trained, arm, held) for arm in arms}
    kept = {arm: _hit(net, trained, arm, noisy) for arm in arms}
    new_S, one_S = (promised[arm] - kept[arm].mean(1) for arm in arms)
    effect = Effect(
        paired(new_S),
        "accuracy",
        "the notebook's test rows, split anew in every epoch, minus fresh rows with as many wrong "
        "labels",
        "against course",
        note=f"with one split the difference is {one_S.mean():.3f}",
    )
    trials = pd.concat(numbers(a, "reported accuracy", "test", promised[a]) for a in arms)
    rows = {(arm, "fresh accuracy"): table_SR for arm, table_SR in kept.items()}
    return Evaluated({"resplitting_is_optimistic": effect}, {}, rows=rows, trials=trials)


def _hit(net: nn.Module, trained: Trained, arm: str, rows: Rows) -> np.ndarray:
    return hits(net, trained.states(arm), rows[0].numpy(), rows[1].numpy())


def _own(net: nn.Module, trained: Trained, arm: str, rows: list[Rows]) -> np.ndarray:
    """Return the accuracy (S,) of each repeat's net on rows of its own."""
    states = trained.states(arm)
    return np.array(
        [
            hits(net, {k: v[s : s + 1] for k, v in states.items()}, x.numpy(), y.numpy()).mean()
            for s, (x, y) in enumerate(rows)
        ]
    )


def bounds(train: Train, trained: Trained, inputs: Inputs) -> Evaluated:
    """Test nets that were trained on either collection of digits on both."""
    net = mlp(bounds_sizes(train.bounds), torch.Generator())
    places = {role: small_digits(inputs[role]["test"]) for role in ("home", "away")}
    right = {
        (f"trained {there}, tested {here}", "accuracy"): _hit(
            net, trained, f"trained {there}", rows
        )
        for there in places
        for here, rows in places.items()
    }
    native = right["trained away, tested away", "accuracy"]
    foreign = right["trained home, tested away", "accuracy"]
    return Evaluated(
        effects={
            "holds_inside_its_bounds": Effect(
                paired(native - foreign),
                TEST,
                "on the away digits: nets trained on them minus nets trained on the home digits",
                "notes L204",
            )
        },
        headline={"foreign_net_accuracy": foreign.mean()},
        rows=right,
    )


def flowers(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Compare shares of rows and kinds of outputs on one common test set per source."""
    setup = train.flowers
    net = mlp(flower_sizes(setup), torch.Generator())
    iris = inputs["flowers"]["test"]
    tests = {
        "generated": generated_flowers(setup, seed, _seeds.FRESH, settings.fresh_rows),
        "iris": (torch.from_numpy(iris.scaled()), torch.from_numpy(iris.y)),
    }
    right = {
        arm: _hit(net, trained, arm, rows)
        for source, rows in tests.items()
        for arm in [sigmoid_arm(source), *(share_arm(source, s) for s in setup.train_shares)]
    }
    least, most = (
        share_arm("generated", s) for s in (min(setup.train_shares), max(setup.train_shares))
    )
    softmax, on_iris = (share_arm(s, setup.share_for_outputs) for s in ("generated", "iris"))
    ahead = (right[on_iris] - right[sigmoid_arm("iris")]).mean()
    return Evaluated(
        effects={
            "train_fraction_matters": Effect(
                paired(right[most] - right[least]), TEST, f"{most} minus {least}", "against course"
            ),
            "three_sigmoids_against_softmax": Effect(
                paired(right[softmax] - right[sigmoid_arm("generated")]),
                TEST,
                f"{softmax} (softmax, cross-entropy) minus {sigmoid_arm('generated')} (binary "
                "cross-entropy), trained on the same rows",
                "notes L164",
                note=f"on the {len(iris.y)} test rows of iris, which are too few to decide, the "
                f"softmax is ahead by {ahead:.3f}",
            ),
        },
        headline={"iris_accuracy": right[on_iris].mean()},
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
    )
