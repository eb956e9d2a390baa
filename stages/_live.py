"""What a long training tells on its way, for the tracker to follow: an observer of the engine.

In: the engine's events. Out, once the process is 30 s old and if a sync is wanted at all:
.work/live/<process>.jsonl, a line that says what trains and then a line per event, at most one per
chunk and five seconds: {"at", "done", "points": [[arm, metric, split, step, value], ...]}.

A point is the mean over those repeats of an arm that are trained together first, so that a curve
only ever grows. What goes wrong here is not the training's concern.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import psutil

from stages import _sync

if TYPE_CHECKING:  # the tracker reads what is told without waiting for torch
    from stages.sweep import Event

FOLDER = Path(".work/live")
WATCHED = "dev"  # where there is such a split, it alone is told of
LONG, PAUSE, RING = 30.0, 5.0, 300.0  # seconds

Show = Callable[["Event"], None]
Point = tuple[str, str, str, int, float]  # arm, metric, split, batches, value


@contextmanager
def telling(title: str, total: int) -> Iterator[Show]:
    """Yield a function that tells of each event of a sweep.

    Args:
        title: the experiment.
        total: epochs of all models together.
    """
    if not _sync.wanted():
        yield lambda event: None
        return
    teller = _Teller(title, total)

    def show(event: "Event") -> None:
        with suppress(Exception):  # a full disk, a folder that is a file: never the sweep's end
            teller.tell(event)

    yield show


def process() -> str:
    """Return a name for this process that no other one gets, even after a restart."""
    this = psutil.Process()
    return f"{this.pid}-{round(1000 * this.create_time())}"


def is_alive(name: str) -> bool:
    """Return whether the process of a name still runs."""
    pid, _, born = name.partition("-")
    try:
        return bool(abs(1000 * psutil.Process(int(pid)).create_time() - int(born)) < 1000)
    except (psutil.Error, ValueError):
        return False


class _Teller:
    def __init__(self, title: str, total: int) -> None:
        self._path = FOLDER / f"{process()}.jsonl"
        self._started = datetime.now(UTC)
        self._born = psutil.Process().create_time()
        self._title, self._total = title, total
        self._trained: dict[int, int] = {}
        self._first: dict[str, int] = {}
        self._told: dict[int, float] = {}
        self._waiting: list[str] = []
        self._rung = -RING

    def tell(self, event: "Event") -> None:
        """Keep an event's numbers, and write them down if the training is a long one."""
        self._trained[event.chunk] = event.epoch * len(event.names)
        now = time.monotonic()
        if event.epoch < event.epochs and now - self._told.get(event.chunk, -PAUSE) < PAUSE:
            return
        self._told[event.chunk] = now
        self._waiting.append(json.dumps(self._line(event)))
        if time.time() - self._born > LONG:
            self._write()
            if now - self._rung > RING:
                self._rung = now
                _sync.start_background()

    def _line(self, event: "Event") -> Mapping[str, object]:
        done = sum(self._trained.values()) / self._total
        return {"at": round(1000 * time.time()), "done": done, "points": self._points(event)}

    def _points(self, event: "Event") -> Sequence[Point]:
        arms: dict[str, list[int]] = {}
        for place, name in enumerate(event.names):
            arms.setdefault(name.rpartition("#")[0], []).append(place)
        return [
            (arm, metric, split, event.step, fmean(values[place] for place in places))
            for arm, places in arms.items()
            if self._first.setdefault(arm, event.chunk) == event.chunk
            for (metric, split), values in event.metrics.items()
            if split == WATCHED or all(other != WATCHED for _, other in event.metrics)
        ]

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            if not file.tell():
                head = {"stage": "train", "key": self._title, "started": self._started.isoformat()}
                file.write(json.dumps(head) + "\n")
            file.writelines(line + "\n" for line in self._waiting)
        self._waiting.clear()
