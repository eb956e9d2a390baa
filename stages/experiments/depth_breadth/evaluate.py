"""The claims about depth and breadth, tested on iris, on fresh points and on held-out digits.

Shapes: S repeats, R test rows, W widths, L numbers of blocks, C = W L nets, E watched epochs,
K predictors.
"""

import numpy as np
import torch
from scipy import stats

from stages import _seeds, _stats
from stages._claims import Best, Effect, best_on_dev, errors, paired
from stages._evaluation import Evaluated, join
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import hits
from stages.experiments.depth_breadth import train as arms
from stages.experiments.depth_breadth.params import Evaluate, Grid, Shapes, Train
from stages.models.mlp import mlp

TEST = "test accuracy"
WIDE, DEEP = ([2, 4, 3], 27), ([2, 2, 2, 3], 21)  # the course's two nets of seven nodes
Net = tuple[Best[str], np.ndarray]  # the arm chosen on dev, and where it is right, (S, R)
Chosen = dict[int, Net]  # by depth
COUNTED = [WIDE, DEEP, (arms.grid_sizes(12, 4), 723), (arms.grid_sizes(100, 5), 51303)]


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Test the grid of iris nets, then the nets of equal size on each problem."""
    return join(
        Evaluated({"same_nodes_different_parameters": parameter_counts(train.grid)}, {}),
        grid(settings, train.grid, trained, inputs),
        equal_size(settings, train, trained, inputs, seed),
    )


def parameter_counts(setup: Grid) -> Effect:
    """Count the parameters of built nets against the course's numbers and its formula."""
    formula = [
        (arms.grid_sizes(n, blocks), 4 * n + n + blocks * (n**2 + n) + 3 * n + 3)
        for n, blocks in arms.shapes(setup)
    ]
    nodes = sum(WIDE[0][1:]) - sum(DEEP[0][1:])
    nets = [(mlp(sizes, torch.Generator()), number) for sizes, number in [*COUNTED, *formula]]
    wrong = [sum(p.numel() for p in net.parameters()) - number for net, number in nets]
    return Effect(
        errors([nodes, *wrong]),
        "parameters too many or too few",
        "built nets against the course's numbers: 2-4-3 has 27, 2-2-2-3 has 21, both seven nodes "
        "(a case of its own); 12 units and 4 blocks have 723, 100 and 5 have 51 303; its formula, "
        f"4n + n + b(n² + n) + 3n + 3 for n units and b blocks, for the {len(formula)} nets of the "
        "grid",
        "notes L181",
    )


def grid(settings: Evaluate, setup: Grid, trained: Trained, inputs: Inputs) -> Evaluated:
    """Compare iris nets by width, by blocks, by steps and by parameters."""
    test, budgets = inputs["flowers"]["test"], (setup.short_steps, setup.long_steps)
    right = {steps: _right(setup, trained, test, steps) for steps in budgets}
    short_SWLR, long_SWLR = right.values()
    at_E, accuracy_SWLE = learning(setup, trained)
    steps_SWL = steps_to(at_E, accuracy_SWLE, settings.level)
    first_SWL = accuracy_SWLE[..., at_E <= setup.short_steps][..., -1]
    return Evaluated(
        effects={
            "width_changes_little": _width(setup, short_SWLR),
            "width_changes_speed_little": _speed(setup, steps_SWL, settings.level),
            "shallow_learns_sooner": _sooner(setup, steps_SWL, settings.level),
            "deep_needs_more_steps": _catch_up(setup, short_SWLR, long_SWLR),
            **_predictors(setup, long_SWLR),
        },
        headline={
            "shallowest_short_accuracy": short_SWLR[:, :, 0].mean(),
            "shallowest_long_accuracy": long_SWLR[:, :, 0].mean(),
            "deepest_long_accuracy": long_SWLR[:, :, -1].mean(),
        },
        rows={
            (arms.grid_arm(setup, width, blocks, steps), "accuracy"): right[steps][:, w, b]
            for steps in budgets
            for w, width in enumerate(setup.widths)
            for b, blocks in enumerate(setup.blocks)
        },
        arrays={
            "steps_to_level_WL": np.median(steps_SWL, axis=0),
            "notebook_r_S": correlation(
                np.array(arms.grid_parameters(setup)), first_SWL.reshape(len(first_SWL), -1)
            ),
        },
    )


def _right(setup: Grid, trained: Trained, test: Split, steps: int) -> np.ndarray:
    """Return 1 where a net is right about a test row after a number of steps, (S, W, L, R)."""

    def one(width: int, blocks: int) -> np.ndarray:
        net = mlp(arms.grid_sizes(width, blocks), torch.Generator())
        states = trained.states(arms.grid_arm(setup, width, blocks, steps))
        return hits(net, states, test.scaled(), test.y)

    return _fold(setup, [one(*shape) for shape in arms.shapes(setup)])


def learning(setup: Grid, trained: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Return the watched steps (E,) and the nets' accuracy on their training rows, (S, W, L, E)."""
    wanted = trained.curves.query("metric == 'accuracy' and split == 'train'")
    by_arm = {
        str(arm): table.pivot(index="seed", columns="step", values="value")
        for arm, table in wanted.groupby("arm")
    }
    names = [arms.grid_arm(setup, *shape, setup.long_steps) for shape in arms.shapes(setup)]
    tables = [by_arm[name] for name in names]
    return tables[0].columns.to_numpy(), _fold(setup, [table.to_numpy() for table in tables])


def _fold(setup: Grid, by_net: list[np.ndarray]) -> np.ndarray:
    """Lay the nets' arrays (S, ...) out by width and blocks, (S, W, L, ...)."""
    split = (len(setup.widths), len(setup.blocks))
    stacked = np.stack(by_net, axis=1)
    return stacked.reshape(len(stacked), *split, *stacked.shape[2:])


def steps_to(at_E: np.ndarray, accuracy_SWLE: np.ndarray, level: float) -> np.ndarray:
    """Return the first watched step at a level, (S, W, L); the last one if it is never reached."""
    there_SWLE = accuracy_SWLE >= level
    first_SWL = np.where(there_SWLE.any(-1), there_SWLE.argmax(-1), len(at_E) - 1)
    return np.asarray(at_E[first_SWL])


def _halves(setup: Grid) -> tuple[slice, slice, str]:
    """Return the narrow and the wide half of the widths, and their names."""
    half = len(setup.widths) // 2
    narrow, wide = (", ".join(map(str, w)) for w in (setup.widths[:half], setup.widths[half:]))
    return slice(None, half), slice(half, None), f"{wide} units against {narrow}"


def _width(setup: Grid, short_SWLR: np.ndarray) -> Effect:
    narrow, wide, names = _halves(setup)
    return Effect(
        paired(short_SWLR[:, wide].mean((1, 2)) - short_SWLR[:, narrow].mean((1, 2))),
        TEST,
        f"{names} after {setup.short_steps} steps, mean over all depths",
        "notes L189",
    )


def _speed(setup: Grid, steps_SWL: np.ndarray, level: float) -> Effect:
    narrow, wide, names = _halves(setup)
    ratio_S = steps_SWL[:, wide].mean((1, 2)) / steps_SWL[:, narrow].mean((1, 2))
    return Effect(
        paired(ratio_S - 1),
        f"ratio of a repeat's mean steps to {level:.0%} on the training rows, minus 1",
        f"{names}, all depths",
        "notes L189",
        note=_unreached(setup, steps_SWL[:, wide], steps_SWL[:, narrow]),
    )


def _sooner(setup: Grid, steps_SWL: np.ndarray, level: float) -> Effect:
    ratio_S = steps_SWL[:, :, 0].mean(1) / steps_SWL[:, :, 1:].mean((1, 2))
    return Effect(
        paired(1 - ratio_S),
        f"share of a repeat's mean steps to {level:.0%} on the training rows that is saved",
        f"{setup.blocks[0]} block against {setup.blocks[1]} to {setup.blocks[-1]}, all widths",
        "notes L189, L193",
        note=_unreached(setup, steps_SWL[:, :, 0], steps_SWL[:, :, 1:]),
    )


def _unreached(setup: Grid, *steps: np.ndarray) -> str:
    first, second = ((part >= setup.long_steps).mean() for part in steps)
    return (
        f"{first:.0%} of the former, {second:.0%} of the latter do not get there and count with "
        f"{setup.long_steps} steps: the true difference is likely larger (of means, not medians)"
    )


def _catch_up(setup: Grid, short_SWLR: np.ndarray, long_SWLR: np.ndarray) -> Effect:
    """Compare what more steps give to the deepest nets with what they give to the shallowest."""
    gain_SLR = (long_SWLR - short_SWLR).mean(1)
    left = (long_SWLR[:, :, 0] - long_SWLR[:, :, -1]).mean()
    return Effect(
        paired(gain_SLR[:, -1] - gain_SLR[:, 0]),
        TEST,
        f"gain by {setup.long_steps} steps instead of {setup.short_steps}: {setup.blocks[-1]} "
        f"blocks minus {setup.blocks[0]}, mean over all widths",
        "course",
        note=f"after {setup.long_steps} steps the deepest nets are still {left:.3f} behind",
    )


def _predictors(setup: Grid, long_SWLR: np.ndarray) -> dict[str, Effect]:
    """Ask how well accuracy follows from the number of parameters, and from depth and width."""
    parameters_C = np.array(arms.grid_parameters(setup))
    long_SCR = long_SWLR.reshape(len(long_SWLR), len(parameters_C), -1)
    width_C, blocks_C = np.array(arms.shapes(setup)).T
    size_CK = np.log(parameters_C)[:, None]
    shape_CK = np.stack([np.log(width_C), blocks_C], 1)

    def rho(accuracy_SC: np.ndarray) -> np.ndarray:
        return correlation(*(stats.rankdata(x, axis=-1) for x in (parameters_C, accuracy_SC)))

    def gain(accuracy_SC: np.ndarray) -> np.ndarray:
        return np.asarray(explained(shape_CK, accuracy_SC) - explained(size_CK, accuracy_SC))

    by_size, by_shape = (explained(x, long_SCR.mean(-1)).mean() for x in (size_CK, shape_CK))
    nets = f"{len(parameters_C)} iris nets after {setup.long_steps} steps"
    return {
        "parameters_do_not_predict_accuracy": Effect(
            paired(_stats.influence(rho, long_SCR)),
            "Spearman's rank correlation with test accuracy, within a repeat",
            f"number of parameters, {nets}",
            "notes L194",
            note="a stricter reading of the notes, which only say: not necessarily; test rows "
            "enter the interval by the jackknife",
        ),
        "shape_predicts_accuracy": Effect(
            paired(_stats.influence(gain, long_SCR)),
            "share of the variance of test accuracy that a linear fit explains, within a repeat",
            f"log width and number of blocks minus log number of parameters, {nets}",
            "ours",
            note=f"width and blocks explain {by_shape:.2f}, the number of parameters {by_size:.2f}",
        ),
    }


def correlation(x_C: np.ndarray, y_SC: np.ndarray) -> np.ndarray:
    """Return Pearson's r of x with each repeat's y, (S,); 0 where y is constant."""
    x_C, y_SC = x_C - x_C.mean(), y_SC - y_SC.mean(1, keepdims=True)
    scale_S = np.linalg.norm(x_C) * np.linalg.norm(y_SC, axis=1)
    return np.asarray((y_SC @ x_C) / np.where(scale_S > 0, scale_S, 1))


def explained(x_CK: np.ndarray, y_SC: np.ndarray) -> np.ndarray:
    """Return R2 of least squares of each repeat's y on x, (S,); 0 where y is constant."""
    x_CK, y_SC = x_CK - x_CK.mean(0), y_SC - y_SC.mean(1, keepdims=True)
    fitted_SC = (x_CK @ np.linalg.lstsq(x_CK, y_SC.T)[0]).T
    total_S = (y_SC**2).sum(1)
    return np.asarray((fitted_SC**2).sum(1) / np.where(total_S > 0, total_S, 1))


def equal_size(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Compare depths at equal numbers of parameters, each at its best rate on dev."""
    rng = _seeds.numpy_generator(seed, _seeds.FRESH, "data")
    per_class = settings.fresh_rows // 2
    tests = {problem: arms.draw(train.points, problem, rng, per_class) for problem in arms.PROBLEMS}
    plane, digits = train.points_shapes, arms.rows(inputs["digits"]["test"])
    found = {name: depths(plane, trained, name, arms.PLANE, test) for name, test in tests.items()}
    found["digits"] = depths(train.digits_shapes, trained, "digits", arms.DIGITS, digits)
    (_, shallow_SR), (_, deep_SR) = _ends(found["doughnuts"])
    spiral = dict(zip(("shallowest", "deepest"), _ends(found["spiral"]), strict=True))
    gain = (deep_SR - shallow_SR).mean()
    chosen = ", ".join({best.arm.split(", ")[-1]: 0 for best, _ in found["doughnuts"].values()})
    note = f"on the doughnuts, an easy problem, the same nets differ by {gain:.3f}, at {chosen}"
    return Evaluated(
        effects={
            "depth_solves_harder_problems": _deeper(found["spiral"], "notes L193", note),
            "depth_changes_little_on_digits": _deeper(found["digits"], "ours"),
        },
        headline={f"spiral_{end}_accuracy": net[1].mean() for end, net in spiral.items()},
        rows={
            (f"{name}, {depth} hidden", "accuracy"): right_SR
            for name, nets in found.items()
            for depth, (_, right_SR) in nets.items()
        },
    )


def depths(
    setup: Shapes, trained: Trained, problem: str, ends: tuple[int, int], test: arms.Rows
) -> Chosen:
    """Choose every depth's rate on dev and classify the test rows with the nets it gave."""
    dev = trained.values("accuracy", "dev")
    chosen = {}
    for depth in setup.depths:
        by_rate = [arms.shape_arm(problem, depth, rate) for rate in setup.rates]
        best = best_on_dev({arm: dev[arm] for arm in by_rate}, grid=by_rate)
        net = mlp(arms.equal_sizes(ends, depth, setup.parameters), torch.Generator())
        right_SR = hits(net, trained.states(best.arm), test[0].numpy(), test[1].numpy())
        chosen[depth] = best, right_SR
    return chosen


def _deeper(nets: Chosen, source: str, note: str | None = None) -> Effect:
    (shallow, shallow_SR), (deep, deep_SR) = _ends(nets)
    return Effect(
        paired(deep_SR - shallow_SR),
        TEST,
        f"{deep.arm} minus {shallow.arm}, equally many parameters, rates chosen on dev",
        source,
        undecided=deep.edge or shallow.edge,
        note=note,
    )


def _ends(nets: Chosen) -> tuple[Net, Net]:
    """Return the shallowest and the deepest net."""
    return nets[min(nets)], nets[max(nets)]
