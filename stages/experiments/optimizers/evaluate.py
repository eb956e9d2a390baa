"""The claims about optimizers, tested on the held-out digits.

Shapes: S repeats, R test rows.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from stages import _seeds
from stages._claims import Best, Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs
from stages._trained import Trained
from stages._training import hits
from stages.experiments.optimizers.params import Evaluate, LossScale, Train
from stages.experiments.optimizers.train import arm_name, layer_sizes, rescue_name
from stages.models.mlp import mlp

ADAPTIVE = ("rmsprop", "adam")
TEST = "test accuracy"
LEAST_CHANGE = 1e-3
Rule = Callable[..., torch.optim.Optimizer]
RULES: dict[str, Rule] = {
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}
Hits = dict[str, np.ndarray]  # arm -> 1 where a repeat's net is right about a test row, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify the test rows with every net and compare the arms."""
    test = inputs["digits"]["test"]
    net = mlp(layer_sizes(train, test), torch.Generator())
    x_RF = test.scaled().reshape(len(test.y), -1)
    right = {arm: hits(net, trained.states(arm), x_RF, test.y) for arm in trained.arms()}
    best = {str(name): _best(trained, train, [name]) for name in train.optimizers}
    overall = _best(trained, train, train.optimizers)
    return Evaluated(
        effects={
            **_small_rates(right, train),
            **_choices(right, train, best),
            "more_steps_rescue_sgd": _rescue(right, train, overall.arm),
            "adaptive_step_ignores_loss_scale": _loss_scale(settings.loss_scale, seed),
        },
        headline={
            "best_accuracy": right[overall.arm].mean(),
            "best_adam_accuracy": right[best["adam"].arm].mean(),
            "smallest_rate_sgd_accuracy": right[arm_name("sgd", train.rates[0])].mean(),
            "trivial_accuracy": np.bincount(test.y).max() / len(test.y),
        },
        rows={(arm, "accuracy"): table_SR for arm, table_SR in right.items()},
    )


def _small_rates(right: Hits, train: Train) -> dict[str, Effect]:
    """Compare the smallest rate with the mean of all larger ones: nothing is chosen."""
    smallest, *larger = train.rates

    def gain(optimizer: str, against: Sequence[float] = larger) -> np.ndarray:
        rest_SR = np.mean([right[arm_name(optimizer, rate)] for rate in against], axis=0)
        gain_SR: np.ndarray = right[arm_name(optimizer, smallest)] - rest_SR
        return gain_SR

    adaptive_SR = np.mean([gain(optimizer) for optimizer in ADAPTIVE], axis=0)
    rmsprop, adam = (gain(optimizer, larger[:-1]).mean() for optimizer in ADAPTIVE)
    against = f"rate {smallest:.2g} against the mean of the {len(larger)} larger rates"
    return {
        "small_rate_hurts_sgd": Effect(
            paired(-gain("sgd")), TEST, f"SGD: loss at {against}", "notes L219-221"
        ),
        "small_rate_helps_adaptive": Effect(
            paired(adaptive_SR),
            TEST,
            f"RMSprop and Adam (mean of the two): gain at {against}",
            "notes L219-221",
            note=f"only because of the collapse at rate {larger[-1]:g}: against the other "
            f"{len(larger) - 1} larger rates the gain is {rmsprop:+.3f} with RMSprop, "
            f"{adam:+.3f} with Adam",
        ),
    }


def _choices(right: Hits, train: Train, best: dict[str, Best[str]]) -> dict[str, Effect]:
    """Compare arms with the best rate of each optimizer, chosen on dev."""
    small, large = train.rates[0], train.rates[-1]

    def below_best(rate: float) -> np.ndarray:
        gaps = [right[best[name].arm] - right[arm_name(name, rate)] for name in ADAPTIVE]
        gap_SR: np.ndarray = np.mean(gaps, axis=0)
        return gap_SR

    adaptive_SR = np.mean([right[best[name].arm] for name in ADAPTIVE], axis=0)
    edge = next((best[name].edge for name in ADAPTIVE if best[name].edge), None)
    sgd, rmsprop, adam = (f"{_rate(best[name].arm):.2g}" for name in ("sgd", *ADAPTIVE))
    chosen = f"the best rate on dev ({rmsprop} and {adam})"
    return {
        "adaptive_robust_to_small_rate": Effect(
            paired(-below_best(small)),
            TEST,
            f"RMSprop and Adam (mean of the two): rate {small:.2g} minus {chosen}",
            "notes L219-221",
            undecided=edge,
        ),
        "adaptive_collapse_at_large_rate": Effect(
            paired(below_best(large)),
            TEST,
            f"RMSprop and Adam (mean of the two): {chosen} minus rate {large:.2g}",
            "ours",
            undecided=edge,
        ),
        "best_rates_equalise": Effect(
            paired(right[best["sgd"].arm] - adaptive_SR),
            TEST,
            "SGD minus the mean of RMSprop and Adam, each at its best rate on dev "
            f"({sgd}, {rmsprop} and {adam})",
            "ours",
            undecided=best["sgd"].edge or edge,
        ),
    }


def _rescue(right: Hits, train: Train, best: str) -> Effect:
    """Measure how much of SGD's gap to the best arm longer training closes, above one half."""
    short_SR = right[arm_name("sgd", train.rescue.rate)]
    long_SR = right[rescue_name(train)]
    factor = train.rescue.times_the_epochs
    closed = (long_SR - short_SR).mean() / (right[best] - short_SR).mean()
    name, rate = best.split("@")[0], _rate(best)
    return Effect(
        paired(long_SR - (short_SR + right[best]) / 2.0),
        TEST,
        f"SGD at rate {train.rescue.rate:.2g} with {factor} times the epochs minus the middle "
        f"between itself with the usual epochs and the best on dev ({name} at {rate:.2g})",
        "ours",
        note=f"{closed:.0%} of the gap is closed; {(right[best] - long_SR).mean():.3f} of test "
        "accuracy is still missing",
    )


def _loss_scale(settings: LossScale, seed: int) -> Effect:
    """Compare the paths of nets whose loss is multiplied by a factor with those without."""

    def changes(name: str, **options: float) -> list[float]:
        rule = partial(RULES[name], lr=settings.rate, **options)
        return [_path_change(settings, rule, seed, index) for index in range(settings.nets)]

    adaptive = [change for name in ADAPTIVE for change in changes(name, eps=settings.eps)]
    usual = [change for name in ADAPTIVE for change in changes(name)]
    sgd = changes("sgd")
    return Effect(
        errors([*adaptive, *(change <= LEAST_CHANGE for change in sgd)]),
        "length of the change of the path / length of the path",
        f"loss x {settings.factor:g} against loss x 1, {settings.nets} nets 8-16-4 each: RMSprop "
        f"and Adam with eps {settings.eps:g}, and SGD, whose error counts as 0 if its path "
        f"changes by more than {LEAST_CHANGE:g}, else as 1",
        "ours",
        note="a path is one vector: all parameters after each step, less those at the start; its "
        "length is the root of its sum of squares. With the usual eps of 1e-8 the worst of the "
        f"{len(usual)} paths of RMSprop and Adam changes by {max(usual):.2g} of its length, beyond "
        f"the tolerance; SGD's {len(sgd)} change by {np.median(sgd):.2g} times theirs (median). "
        f"These nets see 64 normal points with random labels, {settings.steps} steps in float64, "
        "and are not among the models trained",
    )


def _rate(arm: str) -> float:
    return float(arm.split("@")[1])


def _path_change(settings: LossScale, rule: Rule, seed: int, index: int) -> float:
    plain, scaled = (_path(settings, rule, factor, seed, index) for factor in (1, settings.factor))
    return float((scaled - plain).norm() / plain.norm())


def _path(settings: LossScale, rule: Rule, factor: float, seed: int, index: int) -> torch.Tensor:
    """Return where a small net's parameters stand after each full-batch step, from their start."""
    generator = torch.Generator().manual_seed(_seeds.integer(seed, index, "init"))
    net = mlp([8, 16, 4], generator).double()
    x_NF = torch.randn(64, 8, generator=generator, dtype=torch.float64)
    y_N = torch.randint(4, (64,), generator=generator)
    optimizer = rule(net.parameters())
    places = [nn.utils.parameters_to_vector(net.parameters()).detach()]
    for _ in range(settings.steps):
        optimizer.zero_grad()
        loss = factor * nn.functional.cross_entropy(net(x_NF), y_N)
        torch.autograd.backward(loss)
        optimizer.step()
        places.append(nn.utils.parameters_to_vector(net.parameters()).detach())
    return torch.stack(places[1:]) - places[0]


def _best(trained: Trained, train: Train, optimizers: Sequence[str]) -> Best[str]:
    """Choose the arm that is best on dev; one optimizer's rates are a grid with edges."""
    accuracy = trained.values("accuracy", "dev")
    arms = [arm_name(name, rate) for name in optimizers for rate in train.rates]
    dev = {arm: accuracy[arm] for arm in arms}
    return best_on_dev(dev, grid=arms if len(optimizers) == 1 else None)
