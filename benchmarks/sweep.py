"""The sweep engine against the loop that the course's notebooks use, in one run.

    python -m benchmarks.sweep

Two sweeps: the 784-64-32-32-10 net with Adam in batches of 32, and the 2-1-1 net with SGD in full
batches. Out: a table of milliseconds per model and step, and the ratio to the loop. All on one
process with one thread, so that the ratios hold when the machine is shared; a stage adds workers.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from stages.models.mlp import mlp
from stages.sweep import Member, Optimizer, Streams, Task, generator, plan, run

REPEATS = 3


def main() -> None:
    """Time both sweeps and print the table."""
    torch.set_num_threads(1)
    table = Table("sweep", "way", "models", "ms per model and step", "times the loop's speed")
    for name, sizes, rows, batch_size, optimizer, models, epochs in (
        ("784-64-32-32-10, Adam, batch 32", (784, 64, 32, 32, 10), 1600, 32, "adam", 30, 2),
        ("2-1-1, SGD, 200 rows at once", (2, 1, 2), 200, None, "sgd", 2000, 100),
    ):
        task = _task(sizes, rows)
        rule = Optimizer(optimizer, 1e-3)
        steps = epochs * (-(-rows // batch_size) if batch_size else 1)
        loop = _best(partial(_loop, task, sizes, batch_size or rows, rule, epochs)) / steps
        table.add_row(name, "the notebooks' loop", "1", f"{1e3 * loop:.4f}", "1")
        for kind, count in (("sequential", min(models, 20)), ("stacked", models)):
            members = _members(count, sizes, rule, batch_size, epochs)
            seconds = _best(partial(_sweep, members, task, kind)) / (steps * count)
            table.add_row(name, kind, str(count), f"{1e3 * seconds:.4f}", f"{loop / seconds:.1f}")
    Console(width=120).print(table)


def _task(sizes: tuple[int, ...], rows: int) -> Task:
    draw = torch.Generator().manual_seed(0)
    x_NF = torch.rand(rows, sizes[0], generator=draw)
    return Task(x_NF, torch.randint(sizes[-1], (rows,), generator=draw))


def _members(
    count: int, sizes: tuple[int, ...], rule: Optimizer, batch_size: int | None, epochs: int
) -> list[Member]:
    build = partial(mlp, sizes)
    return [
        Member(
            str(i), build, Streams(i, 0, i), rule, "task", epochs, batch_size, watch_every=epochs
        )
        for i in range(count)
    ]


def _sweep(members: list[Member], task: Task, kind: str) -> None:
    tasks = {"task": task}
    for _ in run(plan(members, tasks, kind=kind, workers=1), members, tasks):
        pass


def _loop(
    task: Task, sizes: tuple[int, ...], batch_size: int, rule: Optimizer, epochs: int
) -> None:
    """Train one model as the notebooks do: a DataLoader, zero_grad, backward, step."""
    net = mlp(sizes, generator(0))
    loss_of = nn.CrossEntropyLoss()
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    optimizer = kinds[rule.name](net.parameters(), lr=rule.lr)
    loader = DataLoader(TensorDataset(task.x, task.y), batch_size, shuffle=True)
    for _ in range(epochs):
        for x, y in loader:
            loss = loss_of(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _best(work: Callable[[], None]) -> float:
    """Return the least process seconds of some runs, after one that does not count."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
