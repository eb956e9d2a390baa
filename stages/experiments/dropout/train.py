"""What does dropout cost and gain, on small problems and where nets overfit?

The notes (L720-726) say that it switches off about half of the units, makes them independent,
prevents overfitting and leaves fewer parameters to compute. The course's notebooks swept the rate
on doughnuts and on iris and found no help there. Here: both again, and a net with far more
parameters than digits to learn from. About 40 s on two cores.

Shapes: S repeats, N rows, F features, C outputs.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages import _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained, join, numbers
from stages._training import Fit, Run
from stages.experiments.dropout.params import Digits, Doughnuts, Train
from stages.models.mlp import mlp
from stages.samplers import doughnuts as rings
from stages.sweep import Optimizer, Task, logits

DROPPED = "accuracy, dropout on"
SECONDS_PER_STEP = {"doughnuts": 1e-4, "flowers": 1e-5, "digits": 4e-4}  # of one model
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every problem at every rate; look at the train rows with dropout on as well."""
    flowers = _flowers(inputs["flowers"])
    runs = [
        *doughnut_runs(settings, seed),
        *flower_runs(settings, flowers),
        *digit_runs(settings, inputs["digits"], seed),
    ]
    trained = fit(runs)
    own = [split_rows(settings.doughnuts, seed, s)[0] for s in range(settings.repeats)]
    doughnuts = torch.stack([x for x, _ in own]), torch.stack([y for _, y in own])
    dropped = [
        numbers(
            arm, DROPPED, "train", with_dropout(settings, trained.states(arm), rate, rows, seed)
        )
        for problem, rows in (("doughnuts", doughnuts), ("flowers", flowers))
        for rate in settings.dropout
        for arm in [arm_name(problem, rate)]
    ]
    return join(trained, Trained(trials=pd.concat(dropped)))


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, `rows` being the train rows of each role."""
    doughnuts, flowers, digits = settings.doughnuts, settings.flowers, settings.digits
    points = 2 * round(doughnuts.train_share * doughnuts.per_class)
    arms = len(settings.dropout)
    steps = {
        "doughnuts": (arms + len(doughnuts.adam_dropout)) * _steps(doughnuts, points),
        "flowers": arms * flowers.epochs * -(-rows["flowers"] // flowers.batch_size),
        "digits": len(digits.dropout) * _steps(digits, digits.rows),
    }
    return settings.repeats * sum(n * SECONDS_PER_STEP[name] for name, n in steps.items())


def _steps(block: Doughnuts | Digits, rows: int) -> int:
    return block.epochs * -(-rows // block.batch_size)


def arm_name(problem: str, rate: float) -> str:
    """Return the name of an arm, such as digits@0.5."""
    return f"{problem}@{rate:g}"


def doughnut_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Train the wide net on doughnuts by SGD at every dropout rate, by Adam at some."""
    setup = settings.doughnuts
    every = round(setup.decay_after * setup.epochs)
    sgd = Optimizer("sgd", setup.sgd_rate, gamma=setup.decay, every=every)
    adam = Optimizer("adam", setup.adam_rate, gamma=setup.decay, every=every)
    arms = [
        *(("doughnuts", sgd, rate) for rate in settings.dropout),
        *(("doughnuts, Adam", adam, rate) for rate in setup.adam_dropout),
    ]
    for repeat in range(settings.repeats):
        (x_NF, y_N), (held_NF, held_N) = split_rows(setup, seed, repeat)
        watch = {"dev": (held_NF, held_N.float()), "train": (x_NF, y_N.float())}
        task = Task(x_NF, y_N.float(), watch, loss="bce_with_logits")
        for problem, optimizer, rate in arms:
            yield Run(
                arm_name(problem, rate),
                repeat,
                partial(mlp, doughnut_sizes(setup), dropout=rate),
                optimizer,
                task,
                setup.epochs,
                setup.batch_size,
                watch_every=max(1, setup.epochs // 10),
            )


def doughnut_sizes(setup: Doughnuts) -> tuple[int, ...]:
    """Return inputs, hidden layers and the one output of the net for doughnuts."""
    return 2, *setup.hidden, 1


def split_rows(setup: Doughnuts, seed: int, repeat: int) -> tuple[Rows, Rows]:
    """Draw a repeat's rings; return train and dev rows, as many of either ring in each."""
    x_NF, y_N = rings.draw(_seeds.numpy_generator(seed, repeat, "data"), setup.per_class)
    rng = _seeds.numpy_generator(seed, repeat, "split")
    at = round(setup.train_share * setup.per_class)
    orders = [rng.permutation(np.flatnonzero(y_N == label)) for label in range(2)]
    parts = (np.concatenate([o[:at] for o in orders]), np.concatenate([o[at:] for o in orders]))
    x, y = torch.from_numpy(x_NF), torch.from_numpy(y_N)
    return (x[parts[0]], y[parts[0]]), (x[parts[1]], y[parts[1]])


def fresh_rings(rows: int, seed: int) -> Rows:
    """Draw new points of both rings, half of them of either."""
    x_NF, y_N = rings.draw(_seeds.numpy_generator(seed, _seeds.FRESH, "data"), rows // 2)
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def flower_runs(settings: Train, rows: Rows) -> Iterator[Run]:
    """Train the small net on all iris rows that are not for the test, at every dropout rate."""
    setup = settings.flowers
    task = Task(*rows, {"train": rows})
    for repeat in range(settings.repeats):
        for rate in settings.dropout:
            yield Run(
                arm_name("flowers", rate),
                repeat,
                partial(mlp, (rows[0].shape[1], *setup.hidden, 3), dropout=rate),
                Optimizer("sgd", setup.sgd_rate),
                task,
                setup.epochs,
                setup.batch_size,
                watch_every=max(1, setup.epochs // 10),
            )


def _flowers(splits: dict[str, Split]) -> Rows:
    x_NF = np.concatenate([splits[name].scaled() for name in ("train", "dev")])
    y_N = np.concatenate([splits[name].y for name in ("train", "dev")])
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def digit_runs(settings: Train, splits: dict[str, Split], seed: int) -> Iterator[Run]:
    """Train on few digits, other ones in each repeat."""
    setup = settings.digits
    x_NF, y_N = flat(splits["train"])
    dev = flat(splits["dev"])
    for repeat in range(settings.repeats):
        order_N = _seeds.numpy_generator(seed, repeat, "split").permutation(len(y_N))
        few = torch.from_numpy(order_N[: setup.rows])
        task = Task(x_NF[few], y_N[few], {"dev": dev, "train": (x_NF[few], y_N[few])})
        for rate in setup.dropout:
            yield Run(
                arm_name("digits", rate),
                repeat,
                partial(mlp, digit_sizes(setup, splits["train"]), dropout=rate),
                Optimizer("adam", setup.adam_rate),
                task,
                setup.epochs,
                setup.batch_size,
                watch_every=max(1, setup.epochs // 10),
            )


def digit_sizes(setup: Digits, split: Split) -> tuple[int, ...]:
    """Return inputs, hidden layers and classes of the net for digits."""
    return split.x[0].size, *setup.hidden, split.num_classes


def flat(split: Split) -> Rows:
    """Return a split's rows as vectors."""
    return torch.from_numpy(split.scaled()).flatten(1), torch.from_numpy(split.y)


def layers(
    states: Mapping[str, np.ndarray],
    x: Tensor,
    rate: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[Tensor]:
    """Return the hidden layers (S, N, H) and the outputs (S, N, C) of ReLU nets.

    Args:
        states: weights of `mlp`, stacked by repeat.
        x: rows, (N, F) for all repeats or (S, N, F) for each its own.
        rate: of dropout; without a `generator` it is off, as in a prediction.
        generator: draws the masks.
    """
    found, h = [], x
    for number in _numbers(states):
        weight, bias = (torch.from_numpy(states[f"{number}.{part}"]) for part in ("weight", "bias"))
        h = h @ weight.transpose(1, 2) + bias[:, None]
        if number != _numbers(states)[-1]:
            h = torch.relu(h)
            if generator is not None:
                h = h * (torch.rand(h.shape, generator=generator) >= rate) / (1 - rate)
        found.append(h)
    return found


def _numbers(states: Mapping[str, np.ndarray]) -> list[int]:
    """Return the places of the linear layers in their net, in order."""
    return sorted({int(name.split(".")[0]) for name in states})


def outputs(states: Mapping[str, np.ndarray], x_NF: Tensor) -> Tensor:
    """Return the outputs (S, N, C) of nets with dropout off, a block of rows at a time."""
    weights = [states[f"{number}.weight"] for number in _numbers(states)]
    sizes = [weights[0].shape[2], *(weight.shape[1] for weight in weights)]
    net = mlp(sizes, torch.Generator(), dropout=0.0)
    return logits(net, {name: torch.from_numpy(value) for name, value in states.items()}, x_NF)


def right(outputs_SNC: Tensor, y: Tensor) -> Tensor:
    """Return where each net is right, (S, N); one output is a logit of the second class."""
    one = outputs_SNC.shape[-1] == 1
    return (outputs_SNC[..., 0] > 0 if one else outputs_SNC.argmax(-1)) == y


def with_dropout(
    settings: Train, states: Mapping[str, np.ndarray], rate: float, rows: Rows, seed: int
) -> np.ndarray:
    """Return each net's accuracy (S,) on rows it was trained on, with dropout left on."""
    generator = torch.Generator().manual_seed(_seeds.integer(seed, _seeds.FRESH, "mask"))
    passes = [
        right(layers(states, rows[0], rate, generator)[-1], rows[1]).double().mean(1)
        for _ in range(settings.passes)
    ]
    return torch.stack(passes).mean(0).numpy()
