"""Does it matter which numbers the weights of a net start from, and where?

The notes (L252-254) say that they must be random and different, and that a special choice matters
little for simple problems and much for large ones. Here: Xavier's and Kaiming's schemes with
normal and uniform draws, 25 standard deviations, constants and a layer of zeros, on clusters in
the plane and on digits, with three and with eight hidden layers. About 50 s on two cores.

Shapes: S repeats, N rows, L layers, B bins.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from stages import _seeds, _training
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run
from stages.experiments.weight_init.params import Digits, Train
from stages.models.initial_weights import Constant, Deviation, Scheme, Start, ZeroLayer, weights
from stages.models.mlp import mlp
from stages.samplers import qwerties
from stages.sweep import Optimizer, Task, generator

CLUSTERS = "clusters"
BINS = 60
SECONDS_PER_STEP = {"clusters": 3e-6, "digits": 6.5e-5}  # of one model, measured on two cores
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every net, and look at their weights and their first gradients."""
    digits = inputs["digits"]
    runs = [
        *cluster_runs(settings, seed),
        *start_runs(settings, digits),
        *scheme_runs(settings, digits, seed),
    ]
    trained = fit(runs)
    seen = {
        **untrained(settings, digits["train"], seed),
        **histograms(settings, digits["train"], trained, seed),
    }
    return join(trained, Trained(weights=seen))


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; it does not depend on `rows`."""
    setup, digits, all_starts = settings.clusters, settings.digits, len(starts(settings))
    batches = -(-setup.per_class * len(setup.centres) // setup.batch_size)
    schemes = len(settings.schemes) * len(digits.rates) * len(digits.rows)
    per_depth = all_starts * digits.long_steps + schemes * digits.steps
    steps = {
        "clusters": all_starts * setup.epochs * batches,
        "digits": len(digits.depths) * per_depth,
    }
    return settings.repeats * sum(n * SECONDS_PER_STEP[name] for name, n in steps.items())


def deviations(settings: Train) -> list[Deviation]:
    """Return the starts with all parameters from a normal distribution, the narrowest first."""
    grid = settings.deviations
    values = np.geomspace(grid.smallest, grid.largest, grid.number)
    return [Deviation(float(f"{value:.3g}")) for value in values]


def constants(settings: Train) -> list[Constant]:
    """Return the starts with all parameters equal."""
    return [Constant(value) for value in settings.constants]


def starts(settings: Train) -> list[Start]:
    """Return all starts."""
    schemes = map(Scheme, settings.schemes)
    zero = ZeroLayer(settings.zero_layer)
    return [*schemes, *deviations(settings), *constants(settings), zero]


def problem(digits: Digits, depth: int) -> str:
    """Return where every start is trained: digits, 3 hidden layers, 700 steps."""
    return f"digits, {depth} hidden layers, {digits.long_steps} steps"


def arm(where: str, start: Start) -> str:
    """Return the name of a start's arm, such as clusters, constant 0.1."""
    return f"{where}, {start}"


def cell(digits: Digits, depth: int, rows: int | None) -> str:
    """Return where schemes are compared: digits, 3 hidden layers, 280 steps, 500 rows."""
    return f"digits, {depth} hidden layers, {digits.steps} steps, {rows or 'all'} rows"


def scheme_arm(digits: Digits, depth: int, rows: int | None, name: str, rate: float) -> str:
    """Return the name of the arm of a scheme at one of several rates."""
    return f"{cell(digits, depth, rows)}, {name}, rate {rate:g}"


def net(shape: tuple[int, ...], generator: torch.Generator, start: Start) -> nn.Sequential:
    """Build a net and give it its start."""
    return start(mlp(shape, generator), generator)


def adam(settings: Train, rate: float, epochs: int) -> Optimizer:
    """Return Adam with a rate that falls near the end."""
    every = max(1, round(settings.decay_after * epochs))
    return Optimizer("adam", rate, gamma=settings.decay, every=every)


def cluster_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Train every start on each repeat's own clusters."""
    setup = settings.clusters
    for repeat in range(settings.repeats):
        rows, dev = clusters(settings, seed, repeat)
        task = Task(*rows, {"dev": dev})
        for start in starts(settings):
            yield Run(
                arm(CLUSTERS, start),
                repeat,
                partial(net, cluster_sizes(settings), start=start),
                adam(settings, settings.rate, setup.epochs),
                task,
                setup.epochs,
                setup.batch_size,
                watch_every=setup.epochs,
            )


def cluster_sizes(settings: Train) -> tuple[int, ...]:
    """Return inputs, hidden layers and classes of the net for clusters."""
    return 2, *settings.clusters.hidden, len(settings.clusters.centres)


def clusters(settings: Train, seed: int, repeat: int) -> tuple[Rows, Rows]:
    """Draw a repeat's train and dev points."""
    setup, rng = settings.clusters, _seeds.numpy_generator(seed, repeat, "data")
    counts = setup.per_class, setup.dev_per_class
    rows, dev = (points(qwerties.draw(rng, setup.centres, count)) for count in counts)
    return rows, dev


def points(drawn: tuple[np.ndarray, np.ndarray]) -> Rows:
    """Return drawn points as tensors."""
    return torch.from_numpy(drawn[0]), torch.from_numpy(drawn[1])


def start_runs(settings: Train, splits: Mapping[str, Split]) -> Iterator[Run]:
    """Train every start at every depth on all digits; their loss is watched with the shallowest."""
    setup, rows = settings.digits, flat(splits["train"], settings.digits.pixels)
    dev = {"dev": flat(splits["dev"], setup.pixels)}
    tasks = {depth: Task(*rows, dev) for depth in setup.depths}
    tasks[min(setup.depths)] = Task(*rows, dev | {"train": rows})
    for repeat, depth in product(range(settings.repeats), setup.depths):
        shape, task = digit_sizes(settings, splits["dev"], depth), tasks[depth]
        for start in starts(settings):
            build = partial(net, shape, start=start)
            run = partial(Run, arm(problem(setup, depth), start), repeat, build)
            yield _budgeted(settings, run, settings.rate, task, setup.long_steps)


def scheme_runs(settings: Train, splits: Mapping[str, Split], seed: int) -> Iterator[Run]:
    """Train every scheme at every depth and rate on other digits in each repeat."""
    setup = settings.digits
    rows, dev = (flat(splits[name], setup.pixels) for name in ("train", "dev"))
    arms = list(product(setup.depths, settings.schemes, setup.rates))
    for number, repeat in product(setup.rows, range(settings.repeats)):
        task = Task(*some(rows, number, seed, repeat), {"dev": dev})
        for depth, name, rate in arms:
            build = partial(net, digit_sizes(settings, splits["dev"], depth), start=Scheme(name))
            run = partial(Run, scheme_arm(setup, depth, number, name, rate), repeat, build)
            yield _budgeted(settings, run, rate, task, setup.steps)


def _budgeted(settings: Train, run: Callable[..., Run], rate: float, task: Task, steps: int) -> Run:
    """Give a run the epochs that come nearest to a number of steps."""
    batch = settings.digits.batch_size
    epochs = max(1, round(steps / -(-len(task.x) // batch)))
    return run(adam(settings, rate, epochs), task, epochs, batch, watch_every=epochs)


def digit_sizes(settings: Train, split: Split, depth: int) -> tuple[int, ...]:
    """Return inputs, hidden layers and classes of a net for digits."""
    setup = settings.digits
    return setup.pixels**2, *[setup.width] * depth, split.num_classes


def sizes(settings: Train, split: Split) -> dict[str, tuple[int, ...]]:
    """Return the sizes of the nets on each problem on which every start is trained."""
    depths = settings.digits.depths
    shapes = {problem(settings.digits, d): digit_sizes(settings, split, d) for d in depths}
    return {CLUSTERS: cluster_sizes(settings), **shapes}


def flat(split: Split, pixels: int) -> Rows:
    """Return a split's images as vectors, averaged down to so many pixels a side."""
    images = torch.from_numpy(split.scaled())[:, None]
    return nn.functional.adaptive_avg_pool2d(images, pixels).flatten(1), torch.from_numpy(split.y)


def some(rows: Rows, number: int | None, seed: int, repeat: int) -> Rows:
    """Return that many rows, other ones in each repeat; all of them if `number` is None."""
    if number is None:
        return rows
    order_N = _seeds.numpy_generator(seed, repeat, "split").permutation(len(rows[1]))
    chosen = torch.from_numpy(order_N[:number])
    return rows[0][chosen], rows[1][chosen]


def untrained(settings: Train, digits: Split, seed: int) -> dict[str, np.ndarray]:
    """Return, per scheme, the gradient norms of a deepest net's layers before training.

    An array is (S, L), the first layer first, and is called "untrained <scheme>/norms".
    """
    seeds = [_training.streams(seed, repeat).init for repeat in range(settings.repeats)]
    x_NF, y_N = flat(digits, settings.digits.pixels)
    batch = x_NF[: settings.gradient_rows], y_N[: settings.gradient_rows]
    deepest = digit_sizes(settings, digits, max(settings.digits.depths))
    found = {}
    for name in settings.schemes:
        nets = [net(deepest, generator(start), Scheme(name)) for start in seeds]
        norms = [gradient_norms(built, batch) for built in nets]
        found[f"untrained {name}/norms"] = np.array(norms, np.float32)
    return found


def gradient_norms(built: nn.Module, batch: Rows) -> list[float]:
    """Return the norm of the mean loss's gradient with regard to each layer's weights."""
    x_NF, y_N = batch
    loss = nn.functional.cross_entropy(built(x_NF), y_N)
    gradients = torch.autograd.grad(loss, list(weights(built)))
    return [gradient.norm().item() for gradient in gradients]


def drawn(settings: Train) -> list[Start]:
    """Return the starts whose weights are drawn: schemes, two deviations and a constant."""
    grid, values = deviations(settings), constants(settings)
    schemes = [Scheme(name) for name in settings.schemes if "uniform" not in name]
    return [*schemes, grid[len(grid) // 3], grid[-len(grid) // 4], values[len(values) // 2]]


def histograms(
    settings: Train, digits: Split, trained: Trained, seed: int
) -> dict[str, np.ndarray]:
    """Return, per start, how the second layer's weights lie before and after training.

    "histogram <start>/edges" is (B + 1,), ".../before" and ".../after" are densities, (B,).
    """
    depth, found = min(settings.digits.depths), {}
    place = problem(settings.digits, depth)
    shape = digit_sizes(settings, digits, depth)
    seeds = [_training.streams(seed, repeat).init for repeat in range(settings.repeats)]
    for start in drawn(settings):
        nets = [net(shape, generator(number), start) for number in seeds]
        before = torch.stack([list(weights(built))[1] for built in nets]).detach().numpy()
        after = trained.states(arm(place, start))["3.weight"]
        limit = max(np.abs(before).max(), np.abs(after).max()) or 1.0
        edges = np.linspace(-limit, limit, BINS + 1)
        found[f"histogram {start}/edges"] = edges
        for word, values in (("before", before), ("after", after)):
            found[f"histogram {start}/{word}"] = np.histogram(values, edges, density=True)[0]
    return found
