"""The claims about initial weights, tested on fresh clusters and on held-out digits.

Shapes: S repeats, R test rows, L layers.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import numpy as np
import torch

from stages import _seeds, _training
from stages._claims import Best, Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages.experiments.weight_init import train as made
from stages.experiments.weight_init.params import Draws, Equal, Evaluate, Train
from stages.models import units
from stages.models.initial_weights import Scheme, ZeroLayer, promised, weights
from stages.models.mlp import linear, mlp
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
    gains = {cell: gain(train, dev, chosen, *cell) for cell in cells(train)}
    deep, shallow = max(train.digits.depths), min(train.digits.depths)
    few = min(rows for rows in train.digits.rows if rows is not None)
    small, large = gains[shallow, None], gains[deep, None]
    more = (large[1] - gains[deep, few][1]).mean()
    note = f"with {deep} hidden layers that is {more:.3f}"
    first = made.problem(shallow)
    return Evaluated(
        effects={
            "weight_shapes_are_out_in": shapes(settings.sizes),
            "deviations_match_the_formulas": formulas(settings.draws, train, seed),
            "equal_units_stay_equal": equal_units(settings.equal, train, seed),
            "constant_init_cannot_learn": constants(train, dev, found, first),
            "constants_learn_something_when_easy": above_guessing(train, dev, found),
            "one_zero_layer_still_learns": zero_layer(train, found, first),
            "std_has_a_plateau": plateau(settings.plateau, train, dev, found, first),
            "init_matters_little_when_easy": easy(train, dev, found),
            "init_matters_with_size": grows(small, gains[shallow, few], "notes L254", note),
            "init_matters_with_depth": grows(large, small, "ours"),
            "kaiming_lowers_train_loss": kaiming(trained, first),
            "default_shrinks_gradients": gradients(trained, deep),
        },
        headline={
            "default_accuracy": found[made.arm(first, DEFAULT)].mean(),
            "best_constant_accuracy": found[best_constant(train, dev, first).arm].mean(),
            "default_deepest_accuracy": chosen[scheme(deep, None, "default")][1].mean(),
            "kaiming_deepest_accuracy": chosen[scheme(deep, None, "kaiming_normal")][1].mean(),
            "trivial_accuracy": np.bincount(test.y).max() / len(test.y),
        },
        rows={(name, "accuracy"): right_SR for name, right_SR in found.items()}
        | {(name, "accuracy"): right_SR for name, (_, right_SR) in chosen.items()}
        | {(made.cell(*cell), "gain"): gain_SR for cell, (_, gain_SR) in gains.items()},
        arrays={
            name: value
            for name, value in trained.weights.items()
            if name.startswith(("untrained ", "histogram "))
        },
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


Net = tuple[Best[str], np.ndarray]  # the arm chosen on dev, and where it is right, (S, R)


def scheme(depth: int, rows: int | None, name: str) -> str:
    """Return the name of a scheme at the rate that was best on dev."""
    return f"{made.cell(depth, rows)}, {name}"


def cells(train: Train) -> list[tuple[int, int | None]]:
    """Return every depth with every number of rows."""
    return list(product(train.digits.depths, train.digits.rows))


def best_rates(train: Train, trained: Trained, dev: Dev, test: Split) -> dict[str, Net]:
    """Choose the rate of every scheme on dev and classify the test rows."""
    rows, found = made.flat(test, train.digits.pixels), {}
    for (depth, number), name in product(cells(train), train.schemes):
        grid = [made.scheme_arm(depth, number, name, rate) for rate in train.digits.rates]
        best = _best(dev, grid)
        sizes = made.digit_sizes(train, test, depth)
        found[scheme(depth, number, name)] = best, right(trained, best.arm, sizes, rows)
    return found


def _best(dev: Dev, grid: list[str]) -> Best[str]:
    return best_on_dev({arm: dev[arm] for arm in grid}, grid=grid)


Gain = tuple[tuple[Best[str], Best[str]], np.ndarray]


def gain(train: Train, dev: Dev, chosen: Mapping[str, Net], depth: int, rows: int | None) -> Gain:
    """Return what the special scheme that is best on dev gains over the default, (S, R)."""
    nets = {name: chosen[scheme(depth, rows, name)] for name in train.schemes}
    special = {name: dev[best.arm] for name, (best, _) in nets.items() if name != "default"}
    (best, best_SR), (default, default_SR) = nets[best_on_dev(special).arm], nets["default"]
    return (best, default), best_SR - default_SR


def grows(large: Gain, small: Gain, source: str, note: str | None = None) -> Effect:
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
    default = found[made.arm(made.CLUSTERS, DEFAULT)].mean()
    return Effect(
        paired(found[best.arm] - 1 / len(train.clusters.centres)),
        TEST,
        f"the constant that is best on dev, {best.arm}, minus the trivial predictor",
        "ours",
        undecided=best.edge,
        note=f"the default reaches {default:.3f}",
    )


def zero_layer(train: Train, found: Hits, place: str) -> Effect:
    """Compare a layer of zeros with the default."""
    zero, default = (made.arm(place, s) for s in (ZeroLayer(train.zero_layer), DEFAULT))
    return Effect(paired(found[zero] - found[default]), TEST, f"{zero} minus {default}", "course")


def plateau(length: int, train: Train, dev: Dev, found: Hits, place: str) -> Effect:
    """Compare the middle of the neighbouring deviations that are best on dev with their ends."""
    arms = [made.arm(place, start) for start in made.deviations(train)]
    start = window([float(np.mean(dev[arm])) for arm in arms], length)
    chosen = arms[start : start + length]
    means = [found[arm].mean() for arm in chosen]
    inner, quarter = np.stack([found[arm] for arm in chosen]), length // 4
    ends = np.concatenate([inner[:quarter], inner[-quarter:]])
    return Effect(
        paired(inner[quarter:-quarter].mean(0) - ends.mean(0)),
        TEST,
        f"the middle {length // 2} of {length} neighbouring deviations minus the outer "
        f"{length // 2}, {chosen[0]} to {chosen[-1]}, chosen on dev",
        "course",
        note=f"on test the means of the {length} lie within {np.ptp(means):.3f}",
    )


def window(values: Sequence[float], length: int) -> int:
    """Return where the neighbours with the best mean begin; what is not finite counts as 0."""
    clean = np.nan_to_num(np.asarray(values, dtype=np.float64))
    return int(np.convolve(clean, np.ones(length), "valid").argmax())


def easy(train: Train, dev: Dev, found: Hits) -> Effect:
    """Compare the best with the worst scheme on clusters."""
    arms = [made.arm(made.CLUSTERS, Scheme(n)) for n in train.schemes]
    top, bottom = (
        best_on_dev({arm: dev[arm] for arm in arms}, largest=largest).arm
        for largest in (True, False)
    )
    spread = np.ptp([found[arm].mean() for arm in arms])
    return Effect(
        paired(found[top] - found[bottom]),
        TEST,
        f"the best scheme on dev, {top}, minus the worst, {bottom}",
        "notes L254",
        note=f"on test the means of the {len(arms)} lie within {spread:.3f}",
    )


def kaiming(trained: Trained, place: str) -> Effect:
    """Compare the last train losses of the two schemes of the course."""
    loss = trained.values("loss", "train")
    xavier, other = (made.arm(place, Scheme(n)) for n in ("xavier_normal", "kaiming_uniform"))
    return Effect(
        paired(np.log10(loss[xavier] / loss[other])),
        "log10 of the ratio of train losses",
        f"{xavier} over {other}, at one rate",
        "course",
    )


def gradients(trained: Trained, depth: int) -> Effect:
    """Compare how much the gradient shrinks on its way to the first layer."""
    norms = (trained.weights[f"untrained {n}/norms"] for n in ("default", "kaiming_normal"))
    default, other = (np.log10(norm_SL[:, -1] / norm_SL[:, 0]) for norm_SL in norms)
    return Effect(
        paired(default - other),
        "log10 of the norm in the last layer over that in the first",
        f"untrained nets with {depth} hidden layers, default minus kaiming_normal",
        "ours",
    )


def shapes(sizes: Sequence[int]) -> Effect:
    """Compare the shapes of a net's weights with (outputs, inputs), and what it gives with rows."""
    built = mlp(sizes, torch.Generator())
    wanted = [(outputs, inputs) for inputs, outputs in pairwise(sizes)]
    cases = [tuple(w.shape) != shape for w, shape in zip(weights(built), wanted, strict=True)]
    cases.append(built(torch.zeros(7, sizes[0])).shape != (7, sizes[-1]))
    text = ", ".join(map(str, wanted))
    return Effect(errors(cases), "shapes that differ", text, "notes L247-250")


def formulas(settings: Draws, train: Train, seed: int) -> Effect:
    """Compare the deviations of drawn weights with what the schemes promise."""
    cases = []
    for (inputs, outputs), name, number in product(
        settings.layers, train.schemes, range(settings.nets)
    ):
        draws = generator(_seeds.integer(seed, number, "init"))
        layer = Scheme(name)(linear(inputs, outputs, draws), draws)
        cases.append(float(layer.weight.detach().std()) / promised(name, inputs, outputs) - 1)
    return Effect(
        errors(cases),
        "relative error of the standard deviation",
        "variance, default: 1 / (3 inputs), Xavier: 2 / (inputs + outputs), Kaiming: 2 / inputs",
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
    return Effect(
        errors(cases),
        "largest difference between units over the largest weight",
        f"hidden units after {settings.steps} steps from each constant",
        "ours",
    )
