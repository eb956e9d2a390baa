"""The claims about activations, tested on the held-out rows of the table and on held-out digits.

Shapes: S repeats, R test rows, D depths, L layers.
"""

from collections.abc import Mapping

import numpy as np
import torch

from stages._claims import Best, Effect, best_on_dev, paired
from stages._evaluation import Evaluated
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import hits
from stages.experiments.activations import train as made
from stages.experiments.activations.params import Evaluate, Train

TEST = "test accuracy"
SLOW = "sigmoid"
Net = tuple[Best[str], np.ndarray]  # the arm chosen on dev, and where it is right, (S, R)
Nets = dict[tuple[str, int], Net]  # by activation and depth


def evaluate(
    settings: Evaluate, train: Train, trained: Trained, inputs: Inputs, seed: int
) -> Evaluated:
    """Choose every net's rate on dev, classify the test rows and compare the activations."""
    tests = {role: inputs[role]["test"] for role in made.ROLES}
    found = {role: choose(train, trained, role, tests[role]) for role in made.ROLES}
    long = longer(train, trained, tests["digits"])
    digits, deepest = found["digits"], max(train.depths)
    norms = {str(name): trained.weights[f"untrained {name}/norms"] for name in train.activations}
    trivial = {role: np.bincount(test.y).max() / len(test.y) for role, test in tests.items()}
    return Evaluated(
        effects={
            "sigmoid_is_slow_in_depth": _slow(train, digits),
            "more_steps_rescue_sigmoid": _rescue(train, digits, long),
            **_families(settings, train, trained, found),
            "sigmoid_is_enough_when_shallow": _difference(digits, "relu", min(train.depths)),
            "tanh_learns_in_depth": _difference(digits, "tanh", deepest),
            "sigmoid_shrinks_gradients": _gradients(norms),
        },
        headline={
            "relu_middle_accuracy": digits["relu", made.middle(train)][1].mean(),
            "relu_deepest_accuracy": digits["relu", deepest][1].mean(),
            "sigmoid_deepest_accuracy": digits[SLOW, deepest][1].mean(),
            "sigmoid_longer_accuracy": long[1].mean(),
            "trivial_accuracy": trivial["digits"],
        },
        rows={
            (chosen(role, *net), "accuracy"): right_SR
            for role, nets in found.items()
            for net, (_, right_SR) in nets.items()
        }
        | {(f"{chosen('digits', SLOW, deepest)}, longer", "accuracy"): long[1]},
        arrays=_for_figures(train, digits, long, norms, trivial["table"]),
    )


def _for_figures(
    train: Train, digits: Nets, long: Net, norms: Mapping[str, np.ndarray], trivial: float
) -> dict[str, np.ndarray]:
    """Return the untrained nets' gradients, and which of the deepest nets' arms were chosen."""

    def rate(best: Best[str]) -> np.ndarray:
        rates = train.digits.rates
        return np.array(next(r for r in rates if f"rate {r:.2e}" in best.arm))

    return {
        "table trivial": np.array(trivial),
        "rate longer": rate(long[0]),
        **{
            f"rate {name}": rate(best)
            for (name, depth), (best, _) in digits.items()
            if depth == max(train.depths)
        },
        **{f"norms {name}": table_SL for name, table_SL in norms.items()},
    }


def chosen(role: str, activation: str, depth: int) -> str:
    """Return the name of a net at the rate that was best on dev."""
    return f"{role}, {activation} x{depth}" if depth else f"{role}, {activation}"


def choose(train: Train, trained: Trained, role: str, test: Split) -> Nets:
    """Choose every net's rate on dev and classify the test rows with the nets it gave."""
    rates = made.budget_of(train, role).rates
    return {
        (name, depth): _best(
            train, trained, [made.arm(role, name, depth, rate) for rate in rates], name, depth, test
        )
        for name, depth in made.nets(train)
    }


def longer(train: Train, trained: Trained, test: Split) -> Net:
    """Choose the rate of the deepest sigmoid net that was trained for longer, and classify."""
    depth = max(train.depths)
    grid = [made.arm("digits", SLOW, depth, rate, train.longer) for rate in train.digits.rates]
    return _best(train, trained, grid, SLOW, depth, test)


def _best(
    train: Train, trained: Trained, grid: list[str], name: str, depth: int, test: Split
) -> Net:
    best = best_on_dev(_dev(trained, grid), grid=grid)
    build = made.net(train, test, name, depth)
    x_RF, y_R = made.rows(test)
    return best, hits(build(torch.Generator()), trained.states(best.arm), x_RF.numpy(), y_R.numpy())


def _dev(trained: Trained, arms: list[str]) -> Mapping[str, np.ndarray]:
    accuracy = trained.values("accuracy", "dev")
    return {arm: accuracy[arm] for arm in arms}


def _difference(nets: Nets, better: str, depth: int) -> Effect:
    """Compare an activation with sigmoid."""
    (first, first_SR), (second, second_SR) = nets[better, depth], nets[SLOW, depth]
    return Effect(
        paired(first_SR - second_SR),
        TEST,
        f"{first.arm} minus {second.arm}, rates chosen on dev",
        "ours",
        undecided=first.edge or second.edge,
    )


def _slow(train: Train, nets: Nets) -> Effect:
    """Compare what sigmoid loses to ReLU in the deepest nets and in the shallowest."""
    shallow, middle, deep = min(train.depths), made.middle(train), max(train.depths)
    gap = {d: nets["relu", d][1] - nets[SLOW, d][1] for d in (shallow, deep)}
    used = [nets[name, depth][0] for name in ("relu", SLOW) for depth in gap]
    return Effect(
        paired(gap[deep] - gap[shallow]),
        TEST,
        f"digits: ReLU minus sigmoid with {deep} hidden layers, minus the same with {shallow}, "
        "rates chosen on dev",
        "ours",
        undecided=next((best.edge for best in used if best.edge), None),
        note=f"sigmoid is behind by {gap[deep].mean():.3f} and by {gap[shallow].mean():.3f}; with "
        f"the course's {middle} hidden layers by {_behind(nets, middle):.3f}",
    )


def _behind(nets: Nets, depth: int) -> float:
    return float((nets["relu", depth][1] - nets[SLOW, depth][1]).mean())


def _rescue(train: Train, nets: Nets, long: Net) -> Effect:
    """Measure how much of the deepest sigmoid's gap to ReLU longer training closes, above half."""
    deep = max(train.depths)
    (relu, relu_SR), (short, short_SR) = nets["relu", deep], nets[SLOW, deep]
    return Effect(
        paired(long[1] - (short_SR + relu_SR) / 2),
        TEST,
        f"{long[0].arm} minus the middle between {short.arm} and {relu.arm}, rates chosen on dev",
        "ours",
        undecided=long[0].edge or short.edge or relu.edge,
    )


def _families(
    settings: Evaluate, train: Train, trained: Trained, found: Mapping[str, Nets]
) -> dict[str, Effect]:
    return {
        "relu_family_is_alike": _alike(settings, train, trained, found["digits"]),
        "relu_family_is_alike_on_the_table": _alike(settings, train, trained, found["table"]),
    }


def _alike(settings: Evaluate, train: Train, trained: Trained, nets: Nets) -> Effect:
    """Compare the best with the worst member of ReLU's family on dev, at the middle depth."""
    depth = made.middle(train)
    members = {nets[name, depth][0].arm: nets[name, depth] for name in settings.family}
    dev = _dev(trained, list(members))
    top, bottom = (members[best_on_dev(dev, largest=largest).arm] for largest in (True, False))
    edges = [best.edge for best, _ in members.values() if best.edge]
    spread = np.ptp([right_SR.mean() for _, right_SR in members.values()])
    return Effect(
        paired(top[1] - bottom[1]),
        TEST,
        f"best on dev ({top[0].arm}) minus worst on dev ({bottom[0].arm}), of {len(members)}; of "
        "equals the first",
        "course",
        undecided=edges[0] if edges else None,
        note=f"on test, the means of the {len(members)} lie within {spread:.3f}",
    )


def _gradients(norms: Mapping[str, np.ndarray]) -> Effect:
    """Compare how much smaller the gradient is in the first layer than in the last."""
    shrink = {name: np.log10(norms[name][:, -1] / norms[name][:, 0]) for name in ("relu", SLOW)}
    return Effect(
        paired(shrink[SLOW] - shrink["relu"]),
        "powers of ten",
        "log10 of the gradient norm of the last layer's weights over that of the first (figure "
        "3), untrained deepest nets on digits: sigmoid minus ReLU, mean over nets",
        "ours",
        note=f"sigmoid {shrink[SLOW].mean():.1f}, ReLU {shrink['relu'].mean():.1f}",
    )
