"""Where computation runs and how it is timed: device, workers, compiler, clock, peak memory.

The environment holds deployment only: LECTURES_DEVICE (auto, cuda, mps or cpu) and
LECTURES_WORKERS (processes on the CPU; all cores it may use unless set).
"""

import os
import shutil
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from stages._entry import UserError

DEVICE, WORKERS = "LECTURES_DEVICE", "LECTURES_WORKERS"
KNOWN = ("auto", "cuda", "mps", "cpu")
T = TypeVar("T")


class DeviceError(UserError):
    """A device or number of workers that cannot be used."""


def device() -> str:
    """Return the device type: the one asked for, else CUDA, then MPS, then the CPU."""
    asked = os.environ.get(DEVICE, "auto")
    if asked not in KNOWN:
        raise DeviceError(f"{DEVICE}: {asked!r} is not one of {', '.join(KNOWN)}")
    there = ["cuda"] if torch.cuda.is_available() else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    there += ["cpu"]
    if asked == "auto":
        return there[0]
    if asked not in there:
        raise DeviceError(f"{DEVICE}: there is no {asked} device on this machine")
    return asked


def workers() -> int:
    """Return how many processes train at once on the CPU."""
    asked = os.environ.get(WORKERS)
    if asked is None:
        return _cores()
    if not asked.isdigit() or int(asked) < 1:
        raise DeviceError(f"{WORKERS}: {asked!r} is not a whole number of at least 1")
    return int(asked)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def settle() -> None:
    """Make this process's own sums independent of the number of cores: one thread adds them up.

    Parallel work is for worker processes; see `stages/sweep`.
    """
    torch.set_num_threads(1)


def in_parallel(works: Sequence[Callable[[], T]]) -> list[T]:
    """Do works on one thread each, as many at once as there are workers; results in order.

    For what is long, lies outside the engine and leaves Python's lock alone, such as convolutions.
    """
    with ThreadPoolExecutor(workers(), initializer=settle) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


def has_compiler() -> bool:
    """Return whether there is what torch.compile needs on the CPU: C++ and Python's headers."""
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return shutil.which(os.environ.get("CXX", "g++")) is not None and headers.exists()


def describe(kind: str) -> dict[str, Any]:
    """Return device, workers and determinism for a record."""
    found: dict[str, Any] = {
        "type": kind,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }
    if kind == "cuda":
        return {**found, "name": torch.cuda.get_device_name()}
    return {**found, "workers": workers()}


@contextmanager
def stopwatch(kind: str) -> Iterator[Callable[[], float]]:
    """Yield a function that returns, after the block, how many seconds the block took.

    On CUDA two events and a synchronisation measure it, elsewhere the process's clock.
    """
    if kind == "cuda":
        first: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        last: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        torch.cuda.reset_peak_memory_stats()
        first.record()
        yield lambda: first.elapsed_time(last) / 1e3
        last.record()
        torch.cuda.synchronize()
        return
    start = time.perf_counter()
    end: list[float] = []
    yield lambda: end[0]
    end.append(time.perf_counter() - start)


def peak_memory_mb(kind: str) -> dict[str, float]:
    """Return the device's peak memory since the stopwatch started, where there is a device."""
    if kind != "cuda":
        return {}
    return {"device_peak_memory_mb": round(torch.cuda.max_memory_allocated() / 1e6, 1)}
