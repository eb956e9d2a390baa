"""The engine's part of the sweep benchmark: a workload goes in, its steady cost comes out.

As in a real run there is one process of one thread per worker, all at work at the same time. A
chunk's clock starts with its first event, so that start-up and compiling are told apart from
training.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from benchmarks import peers
from stages.sweep import Member, Streams, plan, run

if TYPE_CHECKING:
    from benchmarks.sweep import Workload

PRODUCT_SECONDS = 3.0
_BARRIER: Any = None


@dataclass(frozen=True)
class Cost:
    """Seconds per model and step with all workers busy, and seconds until a first event."""

    seconds: float
    warm_up: float


class Engine:
    """Worker processes that live as long as the benchmark, so that they compile once."""

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.workers = workers
        self._pool = ProcessPoolExecutor(
            workers, context, initializer=_begin, initargs=(context.Barrier(workers),)
        )

    def cost(self, work: Workload, kind: str, models: int | None = None) -> Cost:
        """Train ``models`` nets of each shape, each worker its part of the plan's chunks."""
        train = partial(_train, work, kind, models or work.models, self.workers)
        return _sum(list(self._pool.map(train, range(self.workers))))

    def loops(self, work: Workload) -> Cost:
        """Run the lecture's loop in each worker: what more processes alone would give."""
        return _sum(list(self._pool.map(_loop, [work] * self.workers)))

    def products(self, work: Workload) -> Cost:
        """Compute a workload's matrix products and nothing else: the limit of any stack."""
        return _sum(list(self._pool.map(_multiply, [work] * self.workers)))


def _sum(busy: list[tuple[float, float, float]]) -> Cost:
    rate = sum(steps / seconds for steps, seconds, _ in busy if steps)
    return Cost(1 / rate, max(warm_up for *_, warm_up in busy))


def _begin(barrier: Any) -> None:
    global _BARRIER
    _BARRIER = barrier
    torch.set_num_threads(1)


def _train(
    work: Workload, kind: str, models: int, workers: int, worker: int
) -> tuple[float, float, float]:
    """Return model steps, the seconds they took, and the seconds until the first event."""
    members, tasks = _members(work, models), {"rows": work.task}
    whole = plan(members, tasks, kind=kind, compiler=True)
    own = replace(whole, chunks=whole.chunks[worker::workers])
    _BARRIER.wait()
    start, begun, steps, seconds, warm_up = time.perf_counter(), 0.0, 0.0, 0.0, 0.0
    for event in run(own, members, tasks):
        now = time.perf_counter()
        if event.epoch == _every(work):
            begun, warm_up = now, warm_up or now - start
        if event.epoch == event.epochs:
            seconds += now - begun
            steps += work.epochs * work.steps * len(event.names)
    return steps, seconds, warm_up


def _loop(work: Workload) -> tuple[float, float, float]:
    """Return one model step, its mean seconds, and no warm-up."""
    _BARRIER.wait()
    return 1.0, statistics.mean(peers.loop(work, build) for build in work.builds), 0.0


def _multiply(work: Workload) -> tuple[float, float, float]:
    """Return model steps, the seconds of their batched products, and no warm-up."""
    rows = work.batch_size or len(work.task.x)
    _BARRIER.wait()
    nets = [_products(sizes, rows, min(work.models, 30)) for sizes in work.sizes]
    start, rounds = time.perf_counter(), 0
    while time.perf_counter() - start < PRODUCT_SECONDS:
        for pairs in nets:
            for left, right in pairs:
                torch.matmul(left, right)
        rounds += 1
    models = sum(min(work.models, 30) for _ in work.sizes)
    return rounds * models, time.perf_counter() - start, 0.0


def _products(sizes: tuple[int, ...], rows: int, models: int) -> list[tuple[Tensor, Tensor]]:
    """Return the factors of a stack's step; the first layer has one input for all models."""
    inputs, first, *_ = sizes
    x, g = torch.rand(rows, inputs), torch.rand(models * first, rows)
    pairs = [(torch.rand(models * first, inputs), x.T), (g, x)]
    for a, b in pairwise(sizes[1:]):
        weight, x, g = (
            torch.rand(models, b, a),
            torch.rand(models, a, rows),
            torch.rand(models, b, rows),
        )
        pairs += [(weight, x), (g, x.mT), (weight.mT, g)]
    return pairs


def _members(work: Workload, models: int) -> list[Member]:
    epochs = work.epochs + _every(work)
    return [
        Member(
            f"{number}/{i}", build, Streams(i, 0, i), work.optimizer, "rows", epochs,
            work.batch_size, watch_every=_every(work),
        )
        for number, build in enumerate(work.builds)
        for i in range(models)
    ]  # fmt: skip


def _every(work: Workload) -> int:
    return max(1, work.epochs // 10)
