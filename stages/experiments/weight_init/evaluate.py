"""The claims about initial weights, tested on fresh clusters and on held-out digits.

Shapes: S repeats, R test rows, L layers.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import numpy as np
import torch

from stages import _numbers, _seeds, _training
from stages._claims import Best, Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages.experiments.weight_init import train as made
from stages.experiments.weight_init.params import Digits, Draws, Equal, Evaluate, Train
from stages.models import units
from stages.models.initial_weights import Scheme, ZeroLayer, deviation_error, weights
from stages.models.mlp import mlp
from stages.samplers import qwerties
from stages.sweep import generator

TEST = "test accuracy"
DEFAULT = Scheme("default")
Dev = Mapping[str, np.ndarray]  # arm -> accuracy by seed, (S,)
Hits = dict[str, np.ndarray]  # arm -> where its nets are right, (S, R)


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Classify the test rows with every start, compare them, and check three exact statements."""
    test = inputs["digits"]["test"]
    dev = trained.values("accuracy", "dev")
    found = hits(settings, train, trained, test, seed)
    chosen = best_rates(train, trained, dev, test)
    cells = product(train.digits.depths, train.digits.rows)
    gains = {cell: gain(train, dev, chosen, *cell) for cell in cells}
    deep = max(train.digits.depths)
    first, last = (made.problem(train.digits, n) for n in (min(train.digits.depths), deep))
    return Evaluated(
        effects={
            "weight_shapes_are_out_in": shapes(settings.sizes),
            "deviations_match_the_formulas": formulas(settings.draws, train, seed),
            "equal_units_stay_equal": equal_units(settings.equal, train, seed),
            "constant_init_cannot_learn": constants(train, dev, found, first),
            "constants_learn_something_when_easy": above_guessing(train, dev, found),
            "one_zero_layer_still_learns": zero_layer(train, found, first, last),
            "std_has_a_plateau": plateau(settings.plateau, train, dev, found, first),
            "init_matters_little_when_easy": easy(train, dev, found),
            **growth(train, dev, found, gains),
            "kaiming_lowers_train_loss": kaiming(trained, first),
            "default_shrinks_gradients": gradients(trained, deep),
        },
        headline={
            "default_accuracy": found[made.arm(first, DEFAULT)].mean(),
            "best_constant_accuracy": found[best_constant(train, dev, first).arm].mean(),
            "default_deepest_accuracy": found[made.arm(last, DEFAULT)].mean(),
            "kaiming_deepest_accuracy": found[made.arm(last, Scheme("kaiming_uniform"))].mean(),
            "trivial_accuracy": np.bincount(test.y).max() / len(test.y),
        },
        rows={(name, "accuracy"): right_SR for name, right_SR in found.items()}
        | {(name, "accuracy"): right_SR for name, (_, right_SR) in chosen.items()}
        | {(made.cell(train.digits, *at), "gain"): gain_SR for at, (_, gain_SR) in gains.items()},
        arrays={n: v for n, v in trained.weights.items() if n.startswith(("untrained ", "hist"))},
    )


def hits(settings: Evaluate, train: Train, trained: Trained, test: Split, seed: int) -> Hits:
    """Return where the nets of every start are right."""
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "data")
    centres = train.clusters.centres
    fresh = made.points(qwerties.draw(rng, centres, settings.fresh_rows // len(centres)))
    sizes = made.sizes(train, test)
    rows = dict.fromkeys(sizes, made.flat(test, train.digits.pixels))
    rows[made.CLUSTERS] = fresh
    return {
        (arm := made.arm(place, start)): right(trained, arm, sizes[place], rows[place])
        for place, start in product(sizes, made.starts(train))
    }


def right(trained: Trained, arm: str, sizes: tuple[int, ...], rows: made.Rows) -> np.ndarray:
    """Return where an arm's nets are right, (S, R)."""
    build = mlp(sizes, torch.Generator())
    return _training.hits(build, trained.states(arm), rows[0].numpy(), rows[1].numpy())


Cell = tuple[int, int | None]  # hidden layers, rows
Net = tuple[Best[str], np.ndarray]  # the arm chosen on dev, and where it is right, (S, R)


def scheme(digits: Digits, depth: int, rows: int | None, name: str) -> str:
    """Return the name of a scheme at the rate that was best on dev."""
    return f"{made.cell(digits, depth, rows)}, {name}, best rate"


def best_rates(train: Train, trained: Trained, dev: Dev, test: Split) -> dict[str, Net]:
    """Choose the rate of every scheme on dev and classify the test rows."""
    rows, found = made.flat(test, train.digits.pixels), {}
    for depth, number, name in product(train.digits.depths, train.digits.rows, train.schemes):
        at = train.digits, depth, number, name
        grid = [made.scheme_arm(*at, rate) for rate in train.digits.rates]
        best = _best(dev, grid)
        sizes = made.digit_sizes(train, test, depth)
        found[scheme(*at)] = best, right(trained, best.arm, sizes, rows)
    return found


def _best(dev: Dev, grid: list[str]) -> Best[str]:
    return best_on_dev({arm: dev[arm] for arm in grid}, grid=grid)


Gain = tuple[tuple[Best[str], Best[str]], np.ndarray]


def gain(train: Train, dev: Dev, chosen: Mapping[str, Net], depth: int, rows: int | None) -> Gain:
    """Return what the special scheme that is best on dev gains over the default, (S, R)."""
    nets = {name: chosen[scheme(train.digits, depth, rows, name)] for name in train.schemes}
    special = {name: dev[best.arm] for name, (best, _) in nets.items() if name != "default"}
    (best, best_SR), (default, default_SR) = nets[best_on_dev(special).arm], nets["default"]
    return (best, default), best_SR - default_SR


def growth(train: Train, dev: Dev, found: Hits, gains: Mapping[Cell, Gain]) -> dict[str, Effect]:
    """Compare gains: on all digits with those on few, and in the deepest nets with the others."""
    deep, shallow = max(train.digits.depths), min(train.digits.depths)
    few = min(rows for rows in train.digits.rows if rows is not None)
    small, large = gains[shallow, None], gains[deep, None]
    more = _numbers.fixed(float((large[1] - gains[deep, few][1]).mean()), 3)
    long, names = {}, {}
    for depth in (deep, shallow):
        arms = {n: made.arm(made.problem(train.digits, depth), Scheme(n)) for n in train.schemes}
        default = arms.pop("default")
        best = best_on_dev({arm: dev[arm] for arm in arms.values()}).arm
        long[depth] = (found[best] - found[default]).mean()
        names[depth] = f"{best.rpartition(', ')[2]} with {depth}"
    note = f"with {deep} hidden layers {more}; the notes speak of very much data"
    later = (
        f"after {train.digits.long_steps} steps, at rate {train.rate:g}, "
        f"{long[deep] - long[shallow]:.3f}, {names[deep]} and {names[shallow]} hidden layers being "
        "best on dev"
    )
    return {
        "init_matters_with_size": grows(small, gains[shallow, few], "notes L254", note),
        "init_matters_with_depth": grows(large, small, "ours", later),
    }


def grows(large: Gain, small: Gain, source: str, note: str) -> Effect:
    """Compare a gain on the larger problem with that on the smaller."""
    (best, default), gain_SR = large
    used = (*large[0], *small[0])
    return Effect(
        paired(gain_SR - small[1]),
        TEST,
        f"({best.arm} minus {default.arm}) minus ({small[0][0].arm} minus {small[0][1].arm}), "
        "schemes and rates chosen on dev",
        source,
        undecided=next((choice.edge for choice in used if choice.edge), None),
        note=note,
    )


def best_constant(train: Train, dev: Dev, place: str) -> Best[str]:
    """Choose the constant on dev."""
    return _best(dev, [made.arm(place, constant) for constant in made.constants(train)])


def constants(train: Train, dev: Dev, found: Hits, place: str) -> Effect:
    """Compare the default with the best constant."""
    best, default = best_constant(train, dev, place), made.arm(place, DEFAULT)
    means = [f"{found[made.arm(place, c)].mean():.3f}" for c in made.constants(train)]
    return Effect(
        paired(found[default] - found[best.arm]),
        TEST,
        f"{default}, minus the constant that is best on dev, {best.arm}",
        "notes L253",
        undecided=best.edge,
        note=f"the constants, from the smallest: {', '.join(means)}",
    )


def above_guessing(train: Train, dev: Dev, found: Hits) -> Effect:
    """Compare the best constant on clusters with the trivial predictor."""
    best = best_constant(train, dev, made.CLUSTERS)
    note = f"the default reaches {found[made.arm(made.CLUSTERS, DEFAULT)].mean():.3f}"
    gain_SR = found[best.arm] - 1 / len(train.clusters.centres)
    arms = f"the constant that is best on dev, {best.arm}, minus the trivial predictor"
    return Effect(paired(gain_SR), TEST, arms, "ours", undecided=best.edge, note=note)


def zero_layer(train: Train, found: Hits, place: str, deepest: str) -> Effect:
    """Compare a layer of zeros with the default."""
    starts = ZeroLayer(train.zero_layer), DEFAULT
    zero, default, deep, other = (made.arm(at, s) for at in (place, deepest) for s in starts)
    lost = _numbers.fixed(float((found[deep] - found[other]).mean()), 3)
    note = f"with {max(train.digits.depths)} hidden layers {lost}"
    gain_SR, arms = found[zero] - found[default], f"{zero} minus {default}"
    return Effect(paired(gain_SR), TEST, arms, "course", note=note)


def plateau(length: int, train: Train, dev: Dev, found: Hits, place: str) -> Effect:
    """Compare the best with the worst of the neighbours that are best together, all on dev."""
    arms = [made.arm(place, start) for start in made.deviations(train)]
    start = window([float(np.mean(dev[arm])) for arm in arms], length)
    chosen = arms[start : start + length]
    top, bottom = extremes(dev, chosen)
    names = [a.removeprefix(f"{place}, ") for a in (chosen[0], chosen[-1], top, bottom)]
    spread = np.ptp([found[arm].mean() for arm in chosen])
    return Effect(
        paired(found[top] - found[bottom]),
        TEST,
        f"{place}: of the {length} neighbours with the best mean on dev, {names[0]} to {names[1]}, "
        f"the best on dev, {names[2]}, minus the worst, {names[3]}",
        "course",
        note=f"on test the means of the {length} lie within {spread:.3f}",
    )


def extremes(dev: Dev, arms: Sequence[str]) -> tuple[str, str]:
    """Return the best and the worst of some arms on dev."""
    means = {arm: dev[arm] for arm in arms}
    return best_on_dev(means).arm, best_on_dev(means, largest=False).arm


def window(values: Sequence[float], length: int) -> int:
    """Return where the neighbours with the best mean begin; what is not finite counts as 0."""
    clean = np.nan_to_num(np.asarray(values, dtype=np.float64))
    return int(np.convolve(clean, np.ones(length), "valid").argmax())


def easy(train: Train, dev: Dev, found: Hits) -> Effect:
    """Compare the best with the worst scheme on clusters."""
    arms = [made.arm(made.CLUSTERS, Scheme(n)) for n in train.schemes]
    top, bottom = extremes(dev, arms)
    spread = np.ptp([found[arm].mean() for arm in arms])
    what = f"the best scheme on dev, {top}, minus the worst, {bottom}"
    note = f"on test the means of the {len(arms)} lie within {spread:.3f}"
    return Effect(paired(found[top] - found[bottom]), TEST, what, "notes L254", note=note)


def kaiming(trained: Trained, place: str) -> Effect:
    """Compare the last train losses of the two schemes of the course."""
    loss = trained.values("loss", "train")
    xavier, other = (made.arm(place, Scheme(n)) for n in ("xavier_normal", "kaiming_uniform"))
    ratio_S = np.log10(loss[xavier] / loss[other])
    arms = f"{xavier} over {other}, at one rate: the pair of the course's notebook"
    metric = "log10 of the ratio of train losses, mean over repeats"
    return Effect(paired(ratio_S), metric, arms, "course")


def gradients(trained: Trained, depth: int) -> Effect:
    """Compare how much the gradient shrinks on its way to the first layer."""
    norms = (trained.weights[f"untrained {n}/norms"] for n in ("default", "kaiming_normal"))
    default, other = (np.log10(norm_SL[:, -1] / norm_SL[:, 0]) for norm_SL in norms)
    arms = (
        f"untrained nets with {depth} hidden layers on `train.gradient_rows` train digits, default "
        "minus kaiming_normal"
    )
    metric = "log10 of the norm of the last layer's gradient over the first's, weights alone"
    return Effect(paired(default - other), metric, arms, "ours")


def shapes(sizes: Sequence[int]) -> Effect:
    """Compare the shapes of a net's weights with (outputs, inputs), and what it gives with rows."""
    built = mlp(sizes, torch.Generator())
    wanted = [(outputs, inputs) for inputs, outputs in pairwise(sizes)]
    cases = [tuple(w.shape) != shape for w, shape in zip(weights(built), wanted, strict=True)]
    cases.append(built(torch.zeros(7, sizes[0])).shape != (7, sizes[-1]))
    text = ", ".join(map(str, wanted))
    return Effect(
        errors(cases),
        "shapes that differ (three of weights, one of outputs)",
        text,
        "notes L247-250",
    )


def formulas(settings: Draws, train: Train, seed: int) -> Effect:
    """Compare the deviations of drawn weights with what the schemes promise."""
    cases = [
        deviation_error(name, sizes, generator(_seeds.integer(seed, number, "init")))
        for sizes, name, number in product(settings.layers, train.schemes, range(settings.nets))
    ]
    return Effect(
        errors(cases),
        "relative error of the standard deviation",
        "variance, default: 1 / (3 inputs), Xavier: 2 / (inputs + outputs), Kaiming: 2 / inputs; "
        f"{len(settings.layers)} sizes, {len(train.schemes)} schemes, {settings.nets} draws each",
        "course",
    )


def equal_units(settings: Equal, train: Train, seed: int) -> Effect:
    """Compare the units of a layer that started from one constant, after some steps."""
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "init")
    x_NF = torch.from_numpy(rng.standard_normal((settings.rows, settings.sizes[0])))
    y_N = torch.from_numpy(rng.integers(0, settings.sizes[-1], settings.rows))
    cases: list[float] = []
    for start in made.constants(train):
        built = start(mlp(settings.sizes, torch.Generator()).double(), torch.Generator())
        units.descend(built, x_NF, y_N, settings.rate, settings.steps)
        cases += units.spreads(built)
    metric = "largest difference between units over the largest weight"
    arms = (
        f"weights into each layer of a net {'-'.join(map(str, settings.sizes))} after "
        f"{settings.steps} steps of gradient descent on random rows, from each constant"
    )
    return Effect(errors(cases), metric, arms, "ours")
