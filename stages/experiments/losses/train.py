"""What are softmax, entropy, the losses and backpropagation? Formulas, checked one by one.

The notes (L23-54, L88-122, L142-172, L608-673) give formulas and numbers; `evaluate` compares them
with autograd, torch, SciPy, pandas and scikit-learn. Here the course's net for three clusters
(2-4-3) descends by backpropagation by hand, once with a softmax and once, as in the notebook, with
two of them. Below a second on two cores.

Shapes: S repeats, N rows, F features, C classes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from stages import _seeds
from stages._inputs import Inputs
from stages._trained import CURVES, Trained, numbers
from stages._training import Fit
from stages.experiments.losses.params import Evaluate, Train
from stages.models import by_hand, by_torch
from stages.models.by_hand import Weights
from stages.samplers import qwerties

SECONDS_PER_STEP = 1e-4  # of one model
ARMS = {"one softmax": "cross-entropy", "two softmaxes": "cross-entropy of a softmax"}
ACTIVATION = "relu"


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Descend with either loss, from the same weights on the same rows."""
    (x_SNF, y_SNC), start = clusters(settings, seed), initial(settings, seed)
    curves, trials = [], []
    kept: dict[str, np.ndarray] = {}
    for arm, loss in ARMS.items():
        watched = list(descend(start, x_SNF, y_SNC, loss, settings))
        steps, costs, _ = zip(*watched, strict=True)
        curves.append(curve(arm, steps, costs))
        _, cost_S, weights = watched[-1]
        z_SNC = by_hand.outputs(weights, x_SNF, ACTIVATION)[1]
        right_SN = z_SNC.argmax(-1) == y_SNC.argmax(-1)
        trials += [
            numbers(arm, "loss", "train", cost_S.numpy()),
            numbers(arm, "accuracy", "train", right_SN.double().mean(1).numpy()),
        ]
        kept |= {f"{arm}/{name}": value.numpy() for name, value in weights.items()}
    kept |= {f"start/{name}": value.numpy() for name, value in start.items()}
    kept |= twins(settings, start, x_SNF, y_SNC)
    return Trained(pd.concat(trials), pd.concat(curves)[CURVES], kept)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores."""
    return 0.2 + len(ARMS) * settings.repeats * settings.steps * SECONDS_PER_STEP


def clusters(settings: Train, seed: int) -> tuple[Tensor, Tensor]:
    """Draw each repeat's clusters: rows (S, N, F) and one-hot classes (S, N, C)."""
    generators = [_seeds.numpy_generator(seed, s, "data") for s in range(settings.repeats)]
    draws = [qwerties.draw(rng, settings.centres, settings.per_class) for rng in generators]
    x_SNF, y_SN = (torch.from_numpy(np.stack(part)) for part in zip(*draws, strict=True))
    return x_SNF.double(), functional.one_hot(y_SN, len(settings.centres)).double()


def initial(settings: Train, seed: int) -> Weights:
    """Draw each repeat's first weights, (S, ...)."""
    sizes = len(settings.centres[0]), settings.hidden, len(settings.centres)
    nets = []
    for repeat in range(settings.repeats):
        generator = torch.Generator().manual_seed(_seeds.integer(seed, repeat, "init"))
        nets.append(by_hand.draw(generator, *sizes))
    return {name: torch.stack([net[name] for net in nets]) for name in nets[0]}


def descend(
    weights: Weights, x_SNF: Tensor, y_SNC: Tensor, loss: str, settings: Train
) -> Iterator[tuple[int, Tensor, Weights]]:
    """Take full-batch steps; yield step, cost (S,) and weights now and then, and at the end."""
    for step in range(settings.steps + 1):
        cost_S, slope = by_hand.backpropagate(weights, x_SNF, y_SNC, ACTIVATION, loss)
        if step % settings.watch_every == 0 or step == settings.steps:
            yield step, cost_S, weights
        weights = {name: value - settings.rate * slope[name] for name, value in weights.items()}


def curve(arm: str, steps: Sequence[int], costs_TS: Sequence[Tensor]) -> pd.DataFrame:
    """Return the loss of every repeat (S,) at every step that was watched."""
    loss = numbers(arm, "loss", "train", torch.cat([*costs_TS]).numpy())
    repeats = len(costs_TS[0])
    step = np.repeat(steps, repeats)
    return loss.assign(seed=loss["seed"] % repeats, epoch=step, step=step)


def twins(settings: Train, start: Weights, x_SNF: Tensor, y_SNC: Tensor) -> dict[str, np.ndarray]:
    """Train a few steps by hand; then by torch as it is, reordered, and with a constant input."""
    few = settings.model_copy(update={"steps": settings.twin_steps})
    *_, (_, _, by_hand_S) = descend(start, x_SNF, y_SNC, ARMS["one softmax"], few)
    found = {"twin by hand": by_hand_S}
    one_SN1 = torch.ones_like(x_SNF[..., :1])
    for arm, first, x in (
        ("twin by torch", start, x_SNF),
        ("twin reordered", by_torch.reordered(start), x_SNF),
        ("twin with constant", start, torch.cat([x_SNF, one_SN1], -1)),
    ):
        make = by_torch.with_constant if "constant" in arm else by_torch.net
        nets = []
        for s in range(settings.repeats):
            net = make({name: value[s] for name, value in first.items()}, ACTIVATION)
            by_torch.descend(net, x[s], y_SNC[s], settings.rate, settings.twin_steps)
            nets.append(by_torch.weights_of(net))
        found[arm] = {name: torch.stack([net[name] for net in nets]) for name in nets[0]}
    return {f"{arm}/{n}": value.numpy() for arm, net in found.items() for n, value in net.items()}


def drawings(settings: Evaluate, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the curves of the figures."""
    a_N, p_N = (
        torch.linspace(grid.low, grid.high, grid.points, dtype=torch.float64)
        for grid in (settings.activations, settings.predictions)
    )
    q_N = torch.linspace(0.001, 0.999, settings.predictions.points, dtype=torch.float64)
    z_K = torch.from_numpy(rng.integers(-5, 15, settings.whole_numbers)).double()
    one_N = torch.ones_like(q_N)
    found = {
        "activations/x": a_N,
        **{f"activations/{name}": f(a_N) for name, f in by_hand.ACTIVATIONS.items()},
        "predictions/x": p_N,
        "predictions/squared error": (p_N - settings.target) ** 2,
        "predictions/half squared error": (p_N - settings.target) ** 2 / 2,
        "predictions/absolute error": (p_N - settings.target).abs(),
        "shares/x": q_N,
        "shares/target 0": by_hand.binary_cross_entropy(q_N, 0 * one_N),
        "shares/target 1": by_hand.binary_cross_entropy(q_N, one_N),
        "shares/nats": by_hand.entropy(q_N),
        "shares/bits": by_hand.entropy(q_N) / math.log(2),
        "softmax/x": z_K,
        "softmax/probability": by_hand.softmax(z_K),
    }
    return {name: value.numpy() for name, value in found.items()}
