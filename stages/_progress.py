"""What a person sees while a sweep trains: an observer that changes no result.

On a terminal a bar with arm, epoch and time left; elsewhere a plain line now and then.
LECTURES_PROGRESS=off silences it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stages.sweep import Event

SWITCH = "LECTURES_PROGRESS"
SECONDS_BETWEEN_LINES = 10.0
Show = Callable[[Event], None]


@contextmanager
def training(title: str, models: int, total: int) -> Iterator[Show]:
    """Yield a function that shows each event of a sweep.

    Args:
        title: the experiment.
        models: how many models train.
        total: epochs of all models together.
    """
    trained: dict[int, int] = {}

    def count(event: Event) -> int:
        trained[event.chunk] = event.epoch * len(event.names)
        return sum(trained.values())

    if os.environ.get(SWITCH, "").lower() == "off":
        yield lambda event: None
    elif sys.stdout.isatty():
        yield from _bar(f"{title}: {models} models", total, count)
    else:
        yield _lines(f"{title}: {models} models", total, count)


def say(line: str) -> None:
    """Print a line that a person should see, unless it is empty."""
    if line:
        print(line, flush=True)


def _bar(title: str, total: int, count: Callable[[Event], int]) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[now]}"),
    )
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task(title, total=total, now="")
        yield lambda event: progress.update(task, completed=count(event), now=_now(event))


def _lines(title: str, total: int, count: Callable[[Event], int]) -> Show:
    start = last = time.monotonic()

    def show(event: Event) -> None:
        nonlocal last
        done, now = count(event), time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            left = (now - start) * (total - done) / done
            print(f"{title}, {done / total:.0%}, {left:.0f} s left, {_now(event)}", flush=True)

    return show


def _now(event: Event) -> str:
    arms = sorted({name.rpartition("#")[0] for name in event.names})
    others = f" and {len(arms) - 1} more" if len(arms) > 1 else ""
    return f"{arms[0]}{others}, epoch {event.epoch} of {event.epochs}"
