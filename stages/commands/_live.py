"""The trainings that go on beside the tracker: what they have told, and whether they still live.

In: .work/live/<process>.jsonl (stages/_live.py). Out: their points, piece by piece.
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stages._live import FOLDER, is_alive
from stages.commands import _arms
from stages.commands._arms import Point
from stages.commands._groups import Run
from stages.commands._store import Store

TAG, PLACE, SENT = "live", "live_place", "live_sent"


@dataclass(frozen=True)
class Live:
    """A training that has told something.

    Attributes:
        path: where; its stem is the process.
        stage, key: what trains.
        start: when it began, in milliseconds since 1970.
    """

    path: Path
    stage: str
    key: str
    start: int

    def run(self) -> Run:
        """Return the run that a store shows of it meanwhile."""
        name = f"{self.stage}@{self.key}"
        tags = {"stage": self.stage, "key": self.key, TAG: self.path.stem, PLACE: place()}
        source = {"mlflow.source.name": f"python -m stages.{self.stage} {self.key}"}
        return Run(name, self.start, self.start, {**tags, **source, "mlflow.source.type": "LOCAL"})


def place() -> str:
    """Return what tells this folder on this machine from others that share a store."""
    return f"{socket.gethostname()}:{Path.cwd()}".replace("'", "_")


def found() -> list[Live]:
    """Return the trainings that have told something, those of dead processes too."""
    return [live for path in sorted(FOLDER.glob("*.jsonl")) if (live := _read(path))]


def _read(path: Path) -> Live | None:
    try:
        with path.open(encoding="utf-8") as file:
            head = json.loads(file.readline())
        start = round(1000 * datetime.fromisoformat(head["started"]).timestamp())
        return Live(path, head["stage"], head["key"], start)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sight() -> frozenset[tuple[str, int, int]]:
    """Return what changes when a training tells more or ends: file, size, whether it lives."""
    seen = set()
    for path in FOLDER.glob("*.jsonl"):
        try:
            seen.add((path.as_posix(), path.stat().st_size, int(is_alive(path.stem))))
        except OSError:
            continue
    return frozenset(seen)


def going_on() -> bool:
    """Return whether a training that tells something still lives."""
    return any(alive for _, _, alive in sight())


def news(live: Live, sent: int) -> tuple[list[Point], int, int]:
    """Return the points that follow the first `sent` bytes, their time, and the bytes then sent."""
    with live.path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(sent if sent <= size else 0)
        text = file.read()
        end = file.tell() - len(text) + text.rfind(b"\n") + 1
    whole = text[: text.rfind(b"\n") + 1].splitlines()
    lines = [line for line in map(json.loads, whole) if "points" in line]
    points = [point for line in lines for point in _points(line, live.start)]
    return points, lines[-1]["at"] if lines else live.start, end


def _points(line: Mapping[str, Any], start: int) -> list[Point]:
    told = [
        Point(_arms.key(f"live {split} {metric}", arm), value, step)
        for arm, metric, split, step, value in line["points"]
    ]
    return [Point("live/share_done", line["done"], (line["at"] - start) // 1000), *told]


def alive() -> set[str]:
    """Return the processes that tell something and still live."""
    return {live.path.stem for live in found() if is_alive(live.path.stem)}


def follow(store: Store, processes: set[str]) -> None:
    """Send what trainings have told since; end the runs of those that are gone.

    Args:
        store: where to.
        processes: those that lived before the records were looked at: any other one has left its
            record by now, and so a finished run, or never will.
    """
    for live in found():
        if live.path.stem in processes:
            _send_news(store, live)
    for run in store.unfinished(place()):
        if run.data.tags[TAG] not in processes:
            store.end(run.info.run_id, "KILLED", round(1000 * time.time()))
    for live in found():
        if live.path.stem not in processes and not is_alive(live.path.stem):
            live.path.unlink(missing_ok=True)


def _send_news(store: Store, live: Live) -> None:
    experiment = store.experiment(live.key)
    run = next(iter(store.find(experiment, f"tags.{TAG} = '{live.path.stem}'")), None)
    if run and ("record" in run.data.tags or run.info.lifecycle_stage != "active"):
        return
    run_id = run.info.run_id if run else store.start(experiment, live.run(), {})
    points, when, sent = news(live, int(run.data.tags.get(SENT, 0)) if run else 0)
    store.log(run_id, points, when, tags={SENT: str(sent)})


def continued(store: Store, experiment: str, run: Run) -> str | None:
    """Return the id of the run that showed a stage while it went on here, if there was one."""
    if run.tags["stage"] != "train":
        return None
    query = (
        f"tags.{PLACE} = '{place()}' and tags.key = '{run.tags['key']}' "
        f"and attributes.start_time >= {run.start} and attributes.start_time <= {run.end}"
    )
    found = [run for run in store.find(experiment, query) if "record" not in run.data.tags]
    active = [run.info.run_id for run in found if run.info.lifecycle_stage == "active"]
    return active[0] if active else None
