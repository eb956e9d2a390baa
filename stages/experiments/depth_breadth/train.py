"""What do more units per layer give, and what do more layers?

The notes (L176-194) read off one figure that width hardly matters to learning, that shallow nets
learn sooner and deep ones can do more, and that the number of parameters does not tell how good a
net is. Here: the course's iris nets, from several seeds and for longer, and nets of several depths
with equally many parameters on points in the plane and on digits. About 40 s on two cores.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from torch import Tensor

from stages import _seeds
from stages._inputs import Inputs, Split
from stages._trained import Trained
from stages._training import Fit, Run, kept_arm
from stages.experiments.depth_breadth.params import Grid, Points, Shapes, Train
from stages.models.mlp import mlp
from stages.samplers import doughnuts, spiral
from stages.sweep import Optimizer, Task

PROBLEMS = ("doughnuts", "spiral")
IRIS, PLANE, DIGITS = (4, 3), (2, 2), (784, 10)  # inputs and outputs
SECONDS_PER_STEP = 3.2e-5  # of one small model, measured on two cores
SECONDS_PER_PARAMETER = {"full batch": 7e-9, "digits": 2.5e-9}  # and step
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every net; those of the grid leave their weights after the course's steps as well."""
    grid, digits = grid_runs(settings, inputs["flowers"]), digits_runs(settings, inputs["digits"])
    runs = [*grid, *points_runs(settings, seed), *digits]
    return fit(runs, keep=settings.grid.short_steps)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores, `rows` being the train rows of each role."""
    grid, points, digits = settings.grid, settings.points_shapes, settings.digits_shapes
    share = SECONDS_PER_PARAMETER["full batch"]
    step = sum(SECONDS_PER_STEP + share * number for number in grid_parameters(grid))
    point_steps = points.epochs * -(-2 * settings.points.per_class // points.batch_size)
    digit_steps = digits.epochs * -(-rows["digits"] // digits.batch_size)
    digit_step = SECONDS_PER_PARAMETER["digits"] * digits.parameters
    return settings.repeats * (
        grid.long_steps * step
        + len(PROBLEMS) * _arms(points) * point_steps * SECONDS_PER_STEP
        + _arms(digits) * digit_steps * digit_step
    )


def _arms(setup: Shapes) -> int:
    return len(setup.depths) * len(setup.rates)


def grid_runs(settings: Train, flowers: Mapping[str, Split]) -> Iterator[Run]:
    """Train iris nets of every width and depth for more than the course's steps."""
    grid = settings.grid
    learned = rows(flowers["train"])
    task, rule = Task(*learned, {"train": learned}), Optimizer("sgd", grid.rate)
    for (width, blocks), repeat in product(shapes(grid), range(settings.repeats)):
        build = partial(mlp, tuple(grid_sizes(width, blocks)))
        arm, steps = grid_arm(grid, width, blocks, grid.long_steps), grid.long_steps
        yield Run(arm, repeat, build, rule, task, steps, watch_every=grid.watch_every)


def shapes(grid: Grid) -> list[tuple[int, int]]:
    """Return every width with every number of blocks."""
    return list(product(grid.widths, grid.blocks))


def grid_parameters(grid: Grid) -> list[int]:
    """Return the number of parameters of every net of the grid, in the order of `shapes`."""
    return [count(grid_sizes(*shape)) for shape in shapes(grid)]


def grid_sizes(width: int, blocks: int) -> list[int]:
    """Return the layer sizes of an iris net: a hidden layer, then `blocks` more."""
    inputs, outputs = IRIS
    return [inputs, *[width] * (blocks + 1), outputs]


def grid_arm(grid: Grid, width: int, blocks: int, steps: int) -> str:
    """Return the name of an iris arm, or of what it was after the course's steps."""
    arm = f"iris, width {width}, blocks {blocks}, {grid.long_steps} steps"
    return arm if steps == grid.long_steps else kept_arm(arm, steps)


def points_runs(settings: Train, seed: int) -> Iterator[Run]:
    """Train nets of equal size on doughnuts and on the spiral, each repeat on its own points."""
    for problem, repeat in product(PROBLEMS, range(settings.repeats)):
        rng = _seeds.numpy_generator(seed, repeat, "data")
        learned = draw(settings.points, problem, rng, settings.points.per_class)
        dev = draw(settings.points, problem, rng, settings.points.dev_per_class)
        task = Task(*learned, {"dev": dev})
        yield from shape_runs(settings.points_shapes, problem, PLANE, [repeat], task)


def draw(points: Points, problem: str, rng: np.random.Generator, per_class: int) -> Rows:
    """Draw points of a problem, in units of about one."""
    if problem == "doughnuts":
        x_NF, y_N = doughnuts.draw(rng, per_class)
        x_NF = x_NF / np.float32(points.doughnuts_unit)
    else:
        turns, noise = points.spiral_turns, points.spiral_noise
        x_NF, y_N = spiral.draw(rng, per_class, turns=turns, noise=noise)
    return torch.from_numpy(x_NF), torch.from_numpy(y_N)


def digits_runs(settings: Train, digits: Mapping[str, Split]) -> Iterator[Run]:
    """Train nets of equal size on digits."""
    task = Task(*rows(digits["train"]), {"dev": rows(digits["dev"])})
    repeats = range(settings.repeats)
    return shape_runs(settings.digits_shapes, "digits", DIGITS, repeats, task)


def shape_runs(
    setup: Shapes, problem: str, ends: tuple[int, int], repeats: Iterable[int], task: Task
) -> Iterator[Run]:
    """Train a net of every depth at every rate, with Adam."""
    for depth, rate, repeat in product(setup.depths, setup.rates, repeats):
        build = partial(mlp, tuple(equal_sizes(ends, depth, setup.parameters)))
        arm, rule, epochs = shape_arm(problem, depth, rate), Optimizer("adam", rate), setup.epochs
        yield Run(arm, repeat, build, rule, task, epochs, setup.batch_size, watch_every=epochs)


def shape_arm(problem: str, depth: int, rate: float) -> str:
    """Return the name of an arm with a number of parameters."""
    return f"{problem}, {depth} hidden, rate {rate:.2e}"


def equal_sizes(ends: tuple[int, int], depth: int, parameters: int) -> list[int]:
    """Return the layer sizes of the net of a depth whose number of parameters comes closest."""
    inputs, outputs = ends
    widths = range(1, parameters // (inputs + 1) + 1)
    options = ([inputs, *[width] * depth, outputs] for width in widths)
    return min(options, key=lambda sizes: abs(count(sizes) - parameters))


def count(sizes: Iterable[int]) -> int:
    """Return the number of weights and biases between layers of these sizes."""
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(sizes))


def rows(split: Split) -> Rows:
    """Return the rows of a split, each as one line of numbers."""
    return torch.from_numpy(split.scaled()).flatten(1), torch.from_numpy(split.y)
