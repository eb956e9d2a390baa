"""The sweep engine against the lecture's loop, skorch, Lightning and JAX, in one run.

    python -m benchmarks.sweep [--only a b] [--out FILE]

Four workloads go through every contestant that is installed (skorch, Lightning and JAX are no part
of the main install: ``pip install`` what the extra ``bench`` names). Milliseconds per model and
step, ratios to the loop and shares of the measured matmul peak come out, as text and JSON.
Training alone is timed, without start-up, compiling and evaluation. Repeats are interleaved, the
first is a warm-up, the median counts. All cores are used: one worker of one thread on each by the
engine, intra-op threads by the others. The site shows ``reports/speed.json``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks import peers
from benchmarks.engine import Engine
from stages import _device
from stages._records import processor
from stages.models.mlp import mlp
from stages.sweep import Optimizer, Task

REPEATS = 3
LOOP, LOOPS = "the lecture's loop", "the loop, once on each core"
LIMIT = "(limit: the batched products alone)"


@dataclass(frozen=True)
class Workload:
    """A sweep: ``models`` of each of ``builds``; ``flops`` are those of one model's mean step."""

    name: str
    builds: tuple[Callable[[torch.Generator], nn.Module], ...]
    models: int
    task: Task
    optimizer: Optimizer
    batch_size: int | None
    epochs: int
    loop_epochs: int
    flops: float
    kinds: tuple[str, ...]
    sizes: tuple[tuple[int, ...], ...] = ()
    limited: bool = False

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return -(-len(self.task.x) // (self.batch_size or len(self.task.x)))


def flops(sizes: tuple[int, ...], rows: int) -> float:
    """Two per multiply-add: forward, weight gradients, and input gradients but the first."""
    products = [a * b for a, b in pairwise(sizes)]
    return 2.0 * rows * (3 * sum(products) - products[0])


def pixels(rows: int, shape: tuple[int, ...]) -> Task:
    """Random images: what they show does not change the time of a step."""
    g = torch.Generator().manual_seed(0)
    x = torch.rand(rows, *shape, generator=g)
    return Task(x, torch.randint(0, 10, (rows,), generator=g))


def points(rows: int, features: int, classes: int) -> Task:
    """Gaussian clusters; one output for two classes."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(rows) % classes
    x = torch.randn(rows, features, generator=g) + 2 * y[:, None]
    return Task(x, y.float(), loss="bce_with_logits") if classes == 2 else Task(x, y)


def mcnn(g: torch.Generator) -> nn.Module:
    """The course's CNN for digits, 30 840 parameters."""
    net = nn.Sequential(
        *(nn.Conv2d(1, 10, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(500, 50), nn.ReLU(), nn.Linear(50, 10)),
    )
    with torch.no_grad():
        for p in net.parameters():
            p.uniform_(-0.05, 0.05, generator=g)
    return net


def workloads() -> dict[str, Workload]:
    """The four of the goals."""
    digits, tiny = (784, 64, 32, 32, 10), (2, 1, 1)
    grid = [(4, *[n] * (depth + 1), 3) for n in range(4, 101, 24) for depth in range(1, 6)]
    conv = 32 * 2.0 * (3 * (250 * 20 * 121 + 25500) + 2 * 250 * 676)
    return {
        "a": Workload(
            "optimizers sweep: 784-64-32-32-10, Adam, batch 32", (partial(mlp, digits),), 60,
            pixels(3500, (784,)), Optimizer("adam", 1e-3), 32, 6, 1, flops(digits, 32),
            ("stacked", "compiled"), (digits,), limited=True,
        ),
        "b": Workload(
            "2000 nets of 2-1-1, SGD, 200 points", (partial(mlp, tiny),), 2000, points(200, 2, 2),
            Optimizer("sgd", 0.01), None, 1000, 1000, flops(tiny, 200), ("stacked", "compiled"),
            (tiny,),
        ),
        "c": Workload(
            "iris: 5 widths x 5 depths x 10 seeds, SGD, full batch",
            tuple(partial(mlp, sizes) for sizes in grid), 10, points(150, 4, 3),
            Optimizer("sgd", 0.01), None, 300, 100,
            statistics.mean(flops(sizes, 150) for sizes in grid), ("stacked",), tuple(grid),
            limited=True,
        ),
        "d": Workload(
            "MNIST CNN x 6 seeds, Adam, batch 32", (mcnn,), 6, pixels(1600, (1, 28, 28)),
            Optimizer("adam", 1e-3), 32, 3, 1, conv, ("sequential", "stacked"),
        ),
    }  # fmt: skip


def loop(work: Workload) -> float:
    """The lecture's loop, one net of each build after the other."""
    return statistics.mean(peers.loop(work, build) for build in work.builds)


def contestants(work: Workload, engine: Engine) -> dict[str, Callable[[], float]]:
    """Everyone who can run a workload; each call gives seconds per model and step."""
    own: dict[str, Callable[[], float]] = {
        f"engine, {kind}": lambda kind=kind: engine.cost(work, kind).seconds for kind in work.kinds
    }
    if work.limited:
        own[LIMIT] = lambda: engine.products(work).seconds
    loops = {LOOP: partial(loop, work), LOOPS: lambda: engine.loops(work).seconds}
    return {**loops, **peers.available(work), **own}


def matmul_peak() -> float:
    """FLOP per second of the best batched matmul, all cores."""
    best = 0.0
    for m, a, b, c in ((1, 2048, 2048, 2048), (30, 64, 784, 32), (1, 1920, 784, 32)):
        x, y = torch.rand(m, a, b), torch.rand(m, b, c)
        for _ in range(20):
            start = time.perf_counter()
            torch.bmm(x, y)
            best = max(best, 2.0 * m * a * b * c / (time.perf_counter() - start))
    return best


def measure(work: Workload, peak: float, engine: Engine) -> list[dict[str, float | str]]:
    """One row per contestant."""
    field = contestants(work, engine)
    seconds: dict[str, list[float]] = {name: [] for name in field}
    for _ in range(REPEATS + 1):
        for name, once in field.items():
            seconds[name].append(once())
    kept = {name: sorted(values[1:]) for name, values in seconds.items()}
    medians = {name: statistics.median(values) for name, values in kept.items()}
    return [
        {
            "contestant": name,
            "ms": 1e3 * median,
            "times the loop's speed": medians[LOOP] / median,
            "share of peak": work.flops / median / peak,
            "spread": (kept[name][-1] - kept[name][0]) / median,
        }
        for name, median in medians.items()
    ]


def by_models(work: Workload, engine: Engine) -> list[dict[str, float | str]]:
    """Cost per model and step by the number of models."""
    numbers = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
    return [{"models": n, "ms": 1e3 * engine.cost(work, "stacked", n).seconds} for n in numbers]


def machine() -> dict[str, Any]:
    """Say where and when this runs."""
    today = datetime.now(UTC).date().isoformat()
    return {"cpu": processor(), "cores": len(os.sched_getaffinity(0)), "date": today}


def show(title: str, rows: list[dict[str, float | str]]) -> None:
    """Print a table."""
    print(f"\n{title}\n" + "".join(f"{head:>23}" for head in rows[0]))
    for row in rows:
        cells = (v if isinstance(v, str) else f"{v:.4g}" for v in row.values())
        print("".join(f"{cell:>23}" for cell in cells), flush=True)


def main() -> None:
    """Run the chosen workloads; ``n`` is the cost by number of models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=["a", "b", "c", "d", "n"])
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    logging.getLogger("torch").setLevel(logging.ERROR)
    peak, works = matmul_peak(), workloads()
    workers = _device.workers()
    engine = Engine(workers)
    found: dict[str, Any] = {
        "torch": torch.__version__, "workers": workers, "peak_gflops": peak / 1e9,
        "machine": machine(), "workloads": {},
    }  # fmt: skip
    print(f"matmul peak {peak / 1e9:.0f} GFLOP/s on {torch.get_num_threads()} threads")
    for key in chosen.only:
        work = works["b" if key == "n" else key]
        rows = by_models(work, engine) if key == "n" else measure(work, peak, engine)
        title = "cost by number of models: " * (key == "n") + work.name
        show(f"({key}) {title}", rows)
        found["workloads"][key] = {"title": title, "rows": rows}
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
