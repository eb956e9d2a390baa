"""The claims about dropout, tested on fresh doughnuts and on held-out flowers and digits.

Shapes: S repeats, R test rows, U units, K masks.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages import _seeds
from stages._claims import Effect, Measured, best_on_dev, errors, paired
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs
from stages._stats import Interval
from stages._trained import Trained, numbers
from stages.experiments.dropout.params import Evaluate, Scaling, Train
from stages.experiments.dropout.train import (
    DROPPED,
    Rows,
    arm_name,
    digit_sizes,
    flat,
    fresh_rings,
    layers,
    outputs,
    right,
)
from stages.models.mlp import mlp

TEST = "test accuracy"
GAP = "train minus test accuracy"
GAP_ON = "train with dropout on minus test accuracy"


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Test every problem; the identities need no training."""
    flowers, digits = inputs["flowers"]["test"], inputs["digits"]["test"]
    fresh = fresh_rings(settings.fresh_rows, seed)
    trivial = [1 / 2, *(np.bincount(split.y).max() / len(split.y) for split in (flowers, digits))]
    identities = {
        "inverted_scaling": inverted_scaling(settings.scaling, seed),
        "parameters_stay": parameters_stay(train, digit_sizes(train.digits, digits)),
    }
    return join(
        Evaluated(identities, {}, arrays={"trivial": np.array(trivial)}),
        doughnuts(settings, train, trained, fresh),
        small_flowers(settings, train, trained, flat(flowers)),
        few_digits(settings, train, trained, flat(digits)),
    )


def inverted_scaling(settings: Scaling, seed: int) -> Effect:
    """Check what dropout makes of ones, in training and in evaluation mode, and on average."""
    generator = torch.Generator().manual_seed(_seeds.integer(seed, _seeds.FRESH, "init"))
    weight = torch.randn(5, settings.units, generator=generator, dtype=torch.float64)
    ones = torch.ones(settings.units, dtype=torch.float64)
    cases = []
    for rate in settings.rates:
        layer = nn.Dropout(rate)
        with torch.random.fork_rng(devices=[]):
            kept = layer.train()(ones)
            ignored = functional.dropout(torch.ones(1000), rate)
        nearest = torch.minimum(kept.abs(), (kept - 1 / (1 - rate)).abs()).max()
        asleep = (layer.eval()(ones) - ones).abs().max()
        mean = (weight @ mean_of_all_masks(ones, rate) - weight @ ones).abs().max()
        cases += [float(nearest), float(asleep), float(mean), float((ignored == 1).all())]
    return Effect(
        errors(cases),
        "largest difference; True counts as 1",
        f"`nn.Dropout` on {settings.units} ones, four cases at each of {len(settings.rates)} "
        f"rates, {min(settings.rates):g} to {max(settings.rates):g}: its outputs in training "
        "against 0 and 1/(1 - rate), its outputs in evaluation against its inputs, a layer's mean "
        "over all masks, each weighted by its probability, against the layer without dropout; and "
        "whether `functional.dropout` stops by itself",
        "course",
    )


def mean_of_all_masks(x_U: Tensor, rate: float) -> Tensor:
    """Return the expected output of dropout: each of the 2^U masks times its probability."""
    units = len(x_U)
    mask_KU = ((torch.arange(2**units)[:, None] >> torch.arange(units)) % 2).double()
    chance_K = (mask_KU * (1 - rate) + (1 - mask_KU) * rate).prod(1)
    return chance_K @ (mask_KU * x_U / (1 - rate))


def parameters_stay(train: Train, sizes: tuple[int, ...]) -> Effect:
    """Count the parameters of a net without dropout and with each rate above 0."""
    plain, *nets = (mlp(sizes, torch.Generator(), dropout=p) for p in train.digits.dropout)
    count = _count(plain)
    against = f"the net for digits with each dropout rate against the net without ({count})"
    return Effect(errors([_count(net) - count for net in nets]), "parameters", against, "ours")


def _count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def doughnuts(settings: Evaluate, train: Train, trained: Trained, fresh: Rows) -> Evaluated:
    """Compare rates and optimizers on the course's small problem."""
    half = settings.half
    adam = [arm_name("doughnuts, Adam", rate) for rate in train.doughnuts.adam_dropout]
    arms = [arm_name("doughnuts", rate) for rate in train.dropout]
    hits = {arm: _hits(trained, arm, fresh) for arm in [*arms, *adam]}
    off, some, most = arms[0], arm_name("doughnuts", half), arms[-1]
    dev = trained.values("accuracy", "dev")
    best = best_on_dev({arm: dev[arm] for arm in arms[1:]}, grid=arms[1:])
    on, asleep = (trained.values(metric, "train")[some] for metric in (DROPPED, "accuracy"))
    effects = {
        "does_not_help_small_problem": Effect(
            paired(hits[best.arm] - hits[off]),
            TEST,
            f"doughnuts: the best rate above 0 on dev ({_rate(best.arm):g}) minus no dropout",
            "course",
            note=f"the change is {100 * (hits[best.arm] - hits[off]).mean():+.1f} points",
            undecided=best.edge if best.arm == most else None,
        ),
        "too_much_kills": Effect(
            paired(hits[off] - hits[most]), TEST, f"doughnuts: 0 minus {_rate(most):g}", "course"
        ),
        "collapse_is_switching_off": Effect(
            paired(on - asleep),
            "train accuracy",
            f"doughnuts at dropout rate {half:g}: the same nets with dropout on minus off",
            "ours",
        ),
        "adam_avoids_the_collapse": Effect(
            paired(hits[arm_name("doughnuts, Adam", half)] - hits[some]),
            TEST,
            f"doughnuts at dropout rate {half:g}: Adam minus SGD, as many steps",
            "ours",
        ),
    }
    headline = {"doughnuts_without": hits[off].mean(), "doughnuts_at_half": hits[some].mean()}
    return _problem(trained, hits, effects, headline)


def small_flowers(settings: Evaluate, train: Train, trained: Trained, rows: Rows) -> Evaluated:
    """Look at iris as the notebook did: its train accuracy was taken with dropout on."""
    arms = [arm_name("flowers", rate) for rate in train.dropout]
    half = arm_name("flowers", settings.half)
    on, off = trained.values(DROPPED, "train")[half], trained.values("accuracy", "train")[half]
    compared = f"iris at dropout rate {settings.half:g}: the same nets with dropout off minus on"
    effect = Effect(paired(off - on), "train accuracy", compared, "ours")
    hits = {arm: _hits(trained, arm, rows) for arm in arms}
    return _problem(trained, hits, {"training_with_dropout_on_looks_worse": effect}, {})


def few_digits(settings: Evaluate, train: Train, trained: Trained, rows: Rows) -> Evaluated:
    """Compare rates where nets overfit: accuracy, loss, gaps, parameters and hidden units."""
    arms = [arm_name("digits", rate) for rate in train.digits.dropout]
    off, half = arms[0], arm_name("digits", settings.half)
    hits = {arm: _hits(trained, arm, rows) for arm in arms}
    losses = {arm: _losses(trained, arm, rows) for arm in arms}
    found = _problem(
        trained,
        hits,
        {
            **_gaps(settings, trained, hits, losses, (off, half)),
            "reduces_parameters": _fewer(trained, off, half),
        },
        {"digits_without": hits[off].mean(), "digits_at_half": hits[half].mean()},
    )
    loss_rows = {(arm, "cross-entropy"): table_SR for arm, table_SR in losses.items()}
    return join(found, Evaluated({}, {}, rows=loss_rows), _units(trained, arms, (off, half), rows))


def _gaps(
    settings: Evaluate,
    trained: Trained,
    hits: Mapping[str, np.ndarray],
    losses: Mapping[str, np.ndarray],
    pair: tuple[str, str],
) -> dict[str, Effect]:
    """Measure how far dropout brings test closer to train, in accuracy and in loss."""
    off, half = pair
    accuracy, loss = (trained.values(metric, "train") for metric in ("accuracy", "loss"))
    better_SR = hits[half] - hits[off]
    narrower_SR = better_SR + (accuracy[off] - accuracy[half])[:, None]
    loss_SR = losses[off] - losses[half] - (loss[off] - loss[half])[:, None]
    between = f"digits: dropout rate {settings.half:g} against no dropout"
    return {
        "narrows_gap_without_loss": Effect(
            both(narrower_SR, better_SR + settings.allowed_loss),
            "accuracy: the smaller of two means, that of the fall of the gap between train and "
            f"test, and that of the change of test plus {settings.allowed_loss:g}; both intervals "
            "range over repeats and test rows",
            between,
            "notes L723",
            note=f"the gap falls by {narrower_SR.mean():.4f}, test changes by "
            f"{better_SR.mean():+.4f}",
        ),
        "narrows_gap_in_loss": Effect(
            paired(loss_SR), "fall of the gap between test and train, nats", between, "ours"
        ),
    }


def both(*tables: np.ndarray) -> Measured:
    """Measure two things of which each must exceed the margin: the interval of the worse.

    An intersection-union test: its level is that of either interval.
    """
    parts = [paired(table_SR) for table_SR in tables]

    def interval(level: float) -> Interval:
        found = [part.interval(level) for part in parts]
        effect, low, high = (
            min(getattr(one, name) for one in found) for name in ("effect", "low", "high")
        )
        return Interval(effect, low, high, found[0].n, None)

    return Measured(parts[0].ran, parts[0].used, interval, rows=parts[0].rows)


def _fewer(trained: Trained, off: str, half: str) -> Effect:
    """Compare how many numbers trained nets need for a prediction: those that are not zero."""
    off_S, half_S = (_nonzero(trained.states(arm)).sum(0) for arm in (off, half))
    return Effect(
        paired(1 - half_S / off_S),
        "share of the parameters that a prediction no longer needs",
        f"digits: nets trained with dropout rate {_rate(half):g} against nets without",
        "ours",
        note="exact: no weight becomes zero; the notes (L724) may mean training steps",
    )


def _nonzero(states: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.stack([np.count_nonzero(v.reshape(len(v), -1), axis=1) for v in states.values()])


def _units(trained: Trained, arms: list[str], pair: tuple[str, str], rows: Rows) -> Evaluated:
    """Measure how much the units of each hidden layer correlate over the test rows."""
    by_arm = {}
    for arm in arms:
        hidden = layers(trained.states(arm), rows[0])[:-1]
        by_arm[arm] = [np.array([correlation(h.numpy()) for h in h_SRU]) for h_SRU in hidden]
    off_S, half_S = (np.mean(by_arm[arm], axis=0) for arm in pair)
    off_L, half_L = (np.mean(by_arm[arm], axis=1) for arm in pair)
    chance = np.sqrt(2 / np.pi / len(rows[1]))
    effect = Effect(
        paired(off_S - half_S),
        "mean |correlation| of two units of a hidden layer, mean over layers",
        f"digits: no dropout minus dropout rate {_rate(pair[1]):g}",
        "notes L723",
        note=f"it falls by {off_L[0] - half_L[0]:.3f} from {off_L[0]:.3f} in layer 1, by "
        f"{off_L[1] - half_L[1]:.3f} from {off_L[1]:.3f} in layer 2; independent units would show "
        f"{chance:.3f} by chance",
    )
    tables = [
        numbers(arm, f"mean |correlation|, hidden layer {number}", "test", values_S)
        for arm, found in by_arm.items()
        for number, values_S in enumerate(found, start=1)
    ]
    effects, trials = {"units_become_independent": effect}, pd.concat(tables)
    return Evaluated(effects, {}, trials=trials, arrays={"chance": np.array(chance)})


def correlation(h_RU: np.ndarray) -> float:
    """Return the mean |correlation| of two units; units that never change are left out."""
    r_UU = np.abs(np.corrcoef(h_RU[:, h_RU.std(0) > 0], rowvar=False))
    return float(r_UU[np.triu_indices(len(r_UU), 1)].mean())


def _problem(
    trained: Trained,
    hits: dict[str, np.ndarray],
    effects: dict[str, Effect],
    headline: dict[str, float],
) -> Evaluated:
    """Add every arm's test accuracy and its gap to train."""
    off = trained.values("accuracy", "train")
    gaps = [
        numbers(arm, name, "test", values[arm] - hits[arm].mean(1))
        for name, values in ((GAP, off), (GAP_ON, trained.values(DROPPED, "train")))
        for arm in hits
        if arm in values
    ]
    rows = {(arm, "accuracy"): table_SR for arm, table_SR in hits.items()}
    return Evaluated(effects, headline, rows=rows, trials=pd.concat(gaps))


def _hits(trained: Trained, arm: str, rows: Rows) -> np.ndarray:
    return right(outputs(trained.states(arm), rows[0]), rows[1]).float().numpy()


def _losses(trained: Trained, arm: str, rows: Rows) -> np.ndarray:
    outputs_SCR = outputs(trained.states(arm), rows[0]).transpose(1, 2)
    y_SR = rows[1].expand(len(outputs_SCR), -1)
    return functional.cross_entropy(outputs_SCR, y_SR, reduction="none").numpy()


def _rate(arm: str) -> float:
    return float(arm.split("@")[1])
