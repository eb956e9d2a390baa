"""Where does gradient descent end, and what do its rate and its start decide?

The notes (L56-83) say that a minimum is where the slope goes from minus to plus, that descent ends
near it and perhaps not on it, that rate and number of steps go together, that a start may lead to
a local minimum, against which restarts help and many dimensions too, and that flat places hold it
up and steep ones throw it out. Steps are taken by hand. About 2 s on two cores.

Shapes: S starts or repeats, K restarts, T steps, F coordinates, D dimensions.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from stages import _seeds
from stages._inputs import Inputs
from stages._trained import CURVES, Trained
from stages._training import Fit
from stages.experiments.gradient_descent.params import Hessians, Schedules, Starts, Sweep, Train
from stages.models.landscapes import HILLY, LANDSCAPES, Function, Landscape, grid

SECONDS_PER_STEP = 5e-8  # of one point, averaged over the landscapes
NOISE = ", noise"
DISTANCE = "distance to the minimum"
Rate = Callable[[int, Tensor], Tensor | float]  # step, slope (..., F) -> rate


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Descend from shown starts, over the grid of rates, from random starts and by schedules."""
    noises = {"": 0.0, NOISE: settings.schedules.noise}
    by_schedule = {
        f"{name}{suffix}": path_ST
        for suffix, noise in noises.items()
        for name, path_ST in schedule_paths(settings.schedules, seed, noise).items()
    }
    weights = {
        **shown_paths(settings),
        "sweep/path": sweep_path(settings.sweep).numpy(),
        **random_starts(settings, seed),
        **{f"{arm}/path": path_ST for arm, path_ST in by_schedule.items()},
        "hessians/minimum": leading_minima(settings.hessians, seed),
    }
    return Trained(curves=pd.concat(map(_curve, by_schedule.items())), weights=weights)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores."""
    points = settings.starts.repeats * settings.starts.restarts + settings.starts.grid
    return 1 + len(HILLY) * points * settings.steps * SECONDS_PER_STEP


def descend(
    slope: Function, start: Tensor, rate: Rate | float, steps: int, noise: Tensor | None = None
) -> Iterator[Tensor]:
    """Yield the start and the point after each step: point - rate x slope.

    `noise` (T, ...) is added to the slopes.
    """
    point = start
    yield point
    for step in range(steps):
        down = slope(point) if noise is None else slope(point) + noise[step]
        point = point - (rate(step, down) if callable(rate) else rate) * down
        yield point


def path(
    slope: Function, start: Tensor, rate: Rate | float, steps: int, noise: Tensor | None = None
) -> Tensor:
    """Return all points of descents from starts (S, F): (S, T + 1, F)."""
    return torch.stack(list(descend(slope, start, rate, steps, noise)), 1)


def end(slope: Function, start: Tensor, rate: float, steps: int) -> Tensor:
    """Return the last points of descents, without the way there."""
    return deque(descend(slope, start, rate, steps), maxlen=1).pop()


def rate_paths(name: str, start: float, rate_S: Tensor, steps: int) -> Tensor:
    """Descend a line from one start at each of several rates: (S, T + 1, 1)."""
    rate_SF = rate_S[:, None]
    start_SF = torch.full_like(rate_SF, start)
    return path(LANDSCAPES[name].slope, start_SF, lambda step, slope: rate_SF, steps)


def shown_paths(settings: Train) -> dict[str, np.ndarray]:
    """Descend each landscape from the starts that the figures show."""
    paths = {}
    for name, points in settings.shown:
        steps = settings.parabola_steps if name == "parabola" else settings.steps
        start_SF = torch.tensor(points, dtype=torch.float64)
        path_STF = path(LANDSCAPES[name].slope, start_SF, settings.rate, steps)
        paths[f"shown {name}/path"] = path_STF.numpy()
    return paths


def sweep_rates(sweep: Sweep) -> Tensor:
    """Return the course's learning rates."""
    rate_S = np.linspace(sweep.smallest_rate, sweep.largest_rate, sweep.rates)
    return torch.from_numpy(rate_S)


def sweep_counts(sweep: Sweep) -> np.ndarray:
    """Return the course's numbers of steps."""
    return np.linspace(sweep.fewest_steps, sweep.most_steps, sweep.counts).round().astype(int)


def sweep_path(sweep: Sweep) -> Tensor:
    """Descend the sine at every rate; a path holds the ends of all numbers of steps."""
    return rate_paths("sine", sweep.start, sweep_rates(sweep), sweep.most_steps)


def random_starts(settings: Train, seed: int) -> dict[str, np.ndarray]:
    """Descend each landscape of several minima from random starts and from a regular grid."""
    found = {}
    for name in HILLY:
        land = LANDSCAPES[name]
        starts = {
            "random": draw_starts(land, settings.starts, seed),
            "grid": grid(land.start, land.axes, settings.starts.grid),
        }
        for arm, start in starts.items():
            last = end(land.slope, start, settings.rate, settings.steps)
            found[f"{name} {arm}/start"] = start.numpy()
            found[f"{name} {arm}/end"] = last.numpy()
    return found


def draw_starts(land: Landscape, starts: Starts, seed: int) -> Tensor:
    """Draw K starts for each repeat, (S, K, F)."""
    size = (starts.restarts, land.axes)
    draws = [
        _seeds.numpy_generator(seed, repeat, "init").uniform(-land.start, land.start, size)
        for repeat in range(starts.repeats)
    ]
    return torch.from_numpy(np.stack(draws))


def schedule_rates(schedules: Schedules) -> Tensor:
    """Return the course's falling rates, from nearly the first rate to zero, (T,)."""
    steps = schedules.steps
    return schedules.first_rate * (1 - torch.arange(1, steps + 1, dtype=torch.float64) / steps)


def schedule_paths(schedules: Schedules, seed: int, noise: float) -> dict[str, np.ndarray]:
    """Descend the parabola by every schedule, with the same starts and noise: (S, T + 1).

    All but `by slope` have the same mean rate; `shuffled` has another order in every repeat.
    """
    land = LANDSCAPES["parabola"]
    start_SF, noise_TSF, order_ST = schedule_draws(land, schedules, seed)
    decay_T = schedule_rates(schedules)
    shuffled_ST = decay_T[order_ST]
    ways: dict[str, Rate] = {
        "decay": lambda step, slope: decay_T[step],
        "reversed": lambda step, slope: decay_T.flip(0)[step],
        "shuffled": lambda step, slope: shuffled_ST[:, step, None],
        "fixed": lambda step, slope: decay_T.mean(),
        "by slope": lambda step, slope: schedules.rate_per_slope * slope.abs(),
    }
    paths = {}
    for name, rate in ways.items():
        path_STF = path(land.slope, start_SF, rate, schedules.steps, noise * noise_TSF)
        paths[name] = path_STF[..., 0].numpy()
    return paths


def schedule_draws(
    land: Landscape, schedules: Schedules, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw each repeat's start (S, 1), noise (T, S, 1) and order of the rates (S, T)."""
    starts, noises, orders = [], [], []
    for repeat in range(schedules.repeats):
        init, mask, order = (
            _seeds.numpy_generator(seed, repeat, stream) for stream in ("init", "mask", "order")
        )
        starts.append(init.uniform(-land.start, land.start, 1))
        noises.append(mask.standard_normal((schedules.steps, 1)))
        orders.append(order.permutation(schedules.steps))
    stacked = np.stack(starts), np.stack(noises, 1), np.stack(orders)
    start_SF, noise_TSF, order_ST = map(torch.from_numpy, stacked)
    return start_SF, noise_TSF, order_ST


def schedule_arms() -> list[str]:
    """Return the names of all schedules, without noise and with it."""
    names = ("decay", "reversed", "shuffled", "fixed", "by slope")
    return [f"{name}{suffix}" for suffix in ("", NOISE) for name in names]


def leading_minima(hessians: Hessians, seed: int) -> np.ndarray:
    """Draw symmetric Gaussian Hessians; return whether the leading blocks are minima's, (S, D).

    The leading d x d block of one is a Hessian of d dimensions; it is a minimum's if all its
    eigenvalues are positive.
    """
    D = hessians.dimensions
    rng = _seeds.numpy_generator(seed, 0, "data")
    square_SDD = rng.standard_normal((hessians.repeats, D, D))
    hessian_SDD = square_SDD + square_SDD.transpose(0, 2, 1)
    blocks = [np.linalg.eigvalsh(hessian_SDD[:, :d, :d]) for d in range(1, D + 1)]
    return np.stack([least_Sd[:, 0] > 0 for least_Sd in blocks], 1)


def drawings(settings: Train, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the figures need: the landscapes, the paths, the sweep's ends, the rates."""
    arrays = {name: weights[name] for name in weights if name.startswith("shown ")}
    for name, land in LANDSCAPES.items():
        wide = 1.2 * land.extent if land.axes == 1 else land.extent
        x_NF = grid(wide, land.axes, 401 if land.axes == 1 else 201**2)
        arrays[f"{name}/x"], arrays[f"{name}/value"] = x_NF.numpy(), land.value(x_NF).numpy()
    counts = sweep_counts(settings.sweep)
    decay_T = schedule_rates(settings.schedules).numpy()
    return arrays | {
        "sine/start": weights["sine grid/start"],
        "sine/end": weights["sine grid/end"],
        "sweep/rates": sweep_rates(settings.sweep).numpy(),
        "sweep/counts": counts,
        "sweep/ends": weights["sweep/path"][:, counts, 0],
        "decay/rates": decay_T,
    }


def _curve(item: tuple[str, np.ndarray]) -> pd.DataFrame:
    """Return the distance of each repeat to the parabola's minimum by step."""
    arm, path_ST = item
    S, T = path_ST.shape
    columns = {
        "arm": arm,
        "seed": np.repeat(np.arange(S), T),
        "epoch": np.tile(np.arange(T), S),
        "step": np.tile(np.arange(T), S),
        "metric": DISTANCE,
        "split": "train",
        "value": np.abs(path_ST - 0.5).ravel(),
    }
    return pd.DataFrame(columns)[CURVES]
