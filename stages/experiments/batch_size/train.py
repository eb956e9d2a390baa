"""What does the size of a batch change: learning by epoch, by step, or by second?

The notes (L227-231) say that feeding data batch by batch raises a net's efficiency strikingly, and
(L109) that to optimise the loss of single rows costs much and overfits. The course's notebooks hold
epochs and rate fixed, so that small batches get many more steps. Here each size has its own best
rate, at equal epochs and at equal steps; time is that of the plain loop. About 25 s on two cores.

Shapes: N rows, F features, B batch, S repeats.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from stages import _device
from stages._inputs import Inputs, Split
from stages._trained import Trained, join
from stages._training import Fit, Run
from stages.experiments.batch_size.params import Train
from stages.models.mlp import mlp
from stages.sweep import Optimizer, Task

EQUAL_LOSS = "full batch, equal loss"
SECONDS_PER_STACKED_STEP = 1e-3  # of all models of a batch size, measured on two cores
SECONDS_PER_ROW = 5e-7  # of one model's step, per row of its batch
SECONDS_PER_PLAIN_STEP = 6e-4
Rows = tuple[Tensor, Tensor]


def train(settings: Train, inputs: Inputs, seed: int, fit: Fit) -> Trained:
    """Train every size at every rate, then longer at its best rate on dev; then time the loop."""
    task = digits_task(settings, inputs["digits"])
    by_epoch = fit(list(epoch_runs(settings, task)))
    by_step = fit(list(step_runs(settings, task, by_epoch)))
    by_loss = fit(list(loss_runs(settings, task, by_epoch, by_step)))
    time_the_loop(settings, (task.x, task.y), seed, fit)
    return join(by_epoch, by_step, by_loss)


def expected_seconds(settings: Train, rows: Mapping[str, int]) -> float:
    """Return the expected time on two cores; of the stored rows only some are used."""
    sizes, timing = all_sizes(settings), settings.timing
    epochs = [settings.rows / size * settings.epochs for size in sizes]
    stacked = (sum(epochs) + settings.rows * (len(sizes) + 1)) * SECONDS_PER_STACKED_STEP
    seen = sum(sizes) + settings.rows + settings.epochs * len(sizes) * len(settings.rates)
    by_row = seen * settings.rows * settings.repeats * SECONDS_PER_ROW
    plain = timing.steps * (len(sizes) + 1) + 2 * timing.epochs * settings.rows / timing.batch_size
    return (stacked + by_row) / 2 + timing.repeats * plain * SECONDS_PER_PLAIN_STEP


def all_sizes(settings: Train) -> list[int]:
    """Return the batch sizes, the full batch last."""
    return [*settings.sizes, settings.rows]


def epoch_arm(size: int, rate: float) -> str:
    """Return the name of an arm of equal epochs, such as batch 8 at 0.063."""
    return f"batch {size} at {rate:g}"


def step_arm(size: int) -> str:
    """Return the name of the arm of equal steps of a batch size."""
    return f"batch {size}, equal steps"


def digits_task(settings: Train, digits: Mapping[str, Split]) -> Task:
    """Return the first rows, which are also watched, and all dev rows."""
    x_NF, y_N = small_pictures(settings, digits["train"])
    rows = x_NF[: settings.rows], y_N[: settings.rows]
    return Task(*rows, {"dev": small_pictures(settings, digits["dev"]), "train": rows})


def small_pictures(settings: Train, split: Split) -> Rows:
    """Return pictures with fewer pixels, as rows."""
    x_NHW = torch.from_numpy(split.scaled())
    x_NF = functional.adaptive_avg_pool2d(x_NHW, settings.pixels).flatten(1)
    return x_NF, torch.from_numpy(split.y)


def layer_sizes(settings: Train) -> list[int]:
    """Return inputs, hidden layers and classes."""
    return [settings.pixels**2, *settings.hidden, 10]


def epoch_runs(settings: Train, task: Task) -> Iterator[Run]:
    """Yield every size at every rate for equal epochs."""
    for size in all_sizes(settings):
        for rate in settings.rates:
            yield from _repeats(settings, task, epoch_arm(size, rate), size, rate, settings.epochs)


def step_runs(settings: Train, task: Task, by_epoch: Trained) -> Iterator[Run]:
    """Yield every size at its best rate for as many steps as there are rows."""
    for size in all_sizes(settings):
        rate = best_rate(settings, by_epoch, size)
        yield from _repeats(settings, task, step_arm(size), size, rate, epochs=size)


def loss_runs(settings: Train, task: Task, by_epoch: Trained, by_step: Trained) -> Iterator[Run]:
    """Yield the full batch, trained until its train loss is that of batches of the least size."""
    least, full = settings.sizes[0], settings.rows
    arm = epoch_arm(least, best_rate(settings, by_epoch, least))
    level = by_epoch.values("loss", "train")[arm].mean()
    epochs = epochs_to_loss(by_step, step_arm(full), level)
    rate = best_rate(settings, by_epoch, full)
    yield from _repeats(settings, task, EQUAL_LOSS, full, rate, epochs)


def best_rate(settings: Train, by_epoch: Trained, size: int) -> float:
    """Return the rate with the best dev accuracy after equal epochs; a diverged one is none."""
    dev = by_epoch.values("accuracy", "dev")
    mean = {
        rate: np.nan_to_num(dev[epoch_arm(size, rate)].mean(), nan=-1) for rate in settings.rates
    }
    return max(settings.rates, key=mean.__getitem__)


def epochs_to_loss(trained: Trained, arm: str, level: float) -> int:
    """Return the epoch at which the mean train loss first meets the level, else the last.

    Between two watched epochs the loss is taken to fall evenly.
    """
    curve = trained.curves.query("arm == @arm and metric == 'loss' and split == 'train'")
    mean = curve.groupby("epoch", sort=True)["value"].mean()
    below = np.flatnonzero(mean <= level)
    if not len(below):
        return int(mean.index[-1])
    around = mean.iloc[max(below[0] - 1, 0) : below[0] + 1]
    return round(float(np.interp(-level, -around.to_numpy(), around.index)))


def _repeats(
    settings: Train, task: Task, arm: str, size: int, rate: float, epochs: int
) -> Iterator[Run]:
    build = partial(mlp, layer_sizes(settings))
    every = max(1, epochs // settings.watches)
    for repeat in range(settings.repeats):
        rule = Optimizer("sgd", rate)
        yield Run(arm, repeat, build, rule, task, epochs, size, watch_every=every)


def time_the_loop(settings: Train, rows: Rows, seed: int, fit: Fit) -> None:
    """Time steps of the plain loop by batch size, and its epochs from memory and from a loader."""
    timing = settings.timing
    sizes = sorted({*all_sizes(settings), timing.batch_size})
    fit.time(
        "steps",
        {
            f"batch {size}": PlainLoop(settings, from_memory(rows, size, seed), timing.steps)
            for size in sizes
        },
        timing.repeats,
    )
    steps = timing.epochs * -(-settings.rows // timing.batch_size)
    feeds = {"memory": from_memory, "loader": from_loader}
    fit.time(
        "feeding",
        {
            name: PlainLoop(settings, feed(rows, timing.batch_size, seed), steps)
            for name, feed in feeds.items()
        },
        timing.repeats,
    )


class PlainLoop:
    """Some steps of one net, as the lecture writes them, with batches from an endless feed."""

    def __init__(self, settings: Train, feed: Iterator[Rows], steps: int) -> None:
        self._device = _device.device()
        self._feed, self._steps = feed, steps
        self._net = mlp(layer_sizes(settings), torch.Generator().manual_seed(0)).to(self._device)
        self._optimizer = torch.optim.SGD(self._net.parameters(), settings.rates[0])
        self._loss = nn.CrossEntropyLoss()

    def __call__(self) -> None:
        """Take the steps."""
        for x_BF, y_B in islice(self._feed, self._steps):
            loss = self._loss(self._net(x_BF.to(self._device)), y_B.to(self._device))
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()


def from_memory(rows: Rows, size: int, seed: int) -> Iterator[Rows]:
    """Yield shuffled batches of two tensors on the device, epoch after epoch."""
    x_NF, y_N = (part.to(_device.device()) for part in rows)
    generator = torch.Generator().manual_seed(seed)
    while True:
        order_N = torch.randperm(len(y_N), generator=generator)
        for chosen_B in torch.split(order_N, size):
            yield x_NF[chosen_B], y_N[chosen_B]


def from_loader(rows: Rows, size: int, seed: int) -> Iterator[Rows]:
    """Yield the same from torch's DataLoader, as the lecture does."""
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(*rows), size, shuffle=True, generator=generator)
    while True:
        yield from loader
