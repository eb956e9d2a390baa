"""Small sweeps for the engine's tests, and how two results are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from stages.models.mlp import mlp
from stages.sweep import Event, Member, Optimizer, Result, Streams, Task, generator, plan, run

OPTIMIZERS = [
    Optimizer("adam", 0.01),
    Optimizer("sgd", 0.1, momentum=0.9),
    Optimizer("rmsprop", 0.001),
    Optimizer("adamw", 0.01, weight_decay=0.1),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Several threads on tiny tensors wait for each other more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def task(seed: int = 0) -> Task:
    g = generator(seed)
    y = torch.randint(0, 3, (45,), generator=g)
    x = torch.randn(45, 6, generator=g) + y[:, None]
    return Task(x, y, watch={"train": (x, y), "dev": (x[:20], y[:20])})


TASKS = {"one": task(1), "two": task(2)}


def sweep(rates: Sequence[float] = (0.0, 0.3), **settings: object) -> list[Member]:
    """Four optimizers x dropout rates x three seeds, one of them on data of its own."""
    common = {"epochs": 4, "batch_size": 8, **settings}
    return [
        Member(
            f"{o.name}/{p}/{seed}",
            partial(mlp, (6, 7, 5, 3), dropout=p),
            Streams(seed, 10 + seed, 20 + seed),
            o,
            "two" if seed == 2 else "one",
            **common,
        )
        for o in OPTIMIZERS
        for p in rates
        for seed in range(3)
    ]


def finished(events: Iterable[Event]) -> dict[str, Result]:
    return {result.name: result for event in events for result in event.results}


def trained(
    members: Sequence[Member], *, workers: int = 1, **settings: object
) -> dict[str, Result]:
    return finished(run(plan(members, TASKS, workers=workers), members, TASKS, **settings))


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def equal(a: Result, b: Result) -> bool:
    """Bit for bit, NaN like NaN."""
    return same(a.weights, b.weights) and repr(replace(a, weights={}, kept={})) == repr(
        replace(b, weights={}, kept={})
    )


def closeness(a: Result, b: Result) -> float:
    return max(float((a.weights[k] - b.weights[k]).abs().max()) for k in a.weights)
