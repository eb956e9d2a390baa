"""What it costs to bring a large sweep to MLflow, and whether it comes back as it was.

    python -m benchmarks.track [--arms 1000] [--epochs 100]

A record of *evaluate* with made-up curves (4 metrics per arm and epoch) is synced into an empty
SQLite store in a temporary folder; then every curve is asked for again and compared, value by
value. Seconds per arm come out, of the clock and of the processor (the share of a busy machine
does not count there); exit code 1 if a value differs or an arm costs more than 0.12 s of processor.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages import _files
from stages.commands import track

KEY, BATCHES, MOST = "wide", 125, 0.12
CURVES = list(product(("loss", "accuracy"), ("train", "dev")))


def main() -> int:
    """Sync, ask again, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arms", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        curves = write(given.arms, given.epochs)
        tracker = track.Tracker(track.store())
        clock, processor = time.perf_counter(), time.process_time()
        outcome = tracker.sync()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        print(outcome, *outcome.problems, sep="\n")
        wrong = differences(curves)
        size = Path("mlflow.db").stat().st_size
        os.chdir("/")
    print(f"per arm: {clock / given.arms:.3f} s, {processor / given.arms:.3f} s of processor")
    print(f"mlflow.db: {size / given.arms / 1e3:.0f} kB per arm")
    print(f"{len(wrong)} of {given.arms * len(CURVES)} curves differ", *wrong[:5], sep="\n")
    return int(bool(wrong) or processor / given.arms > MOST)


def write(arms: int, epochs: int) -> pd.DataFrame:
    """Write the record and the tables of a sweep; return its curves."""
    draw = np.random.default_rng(0)
    epoch = np.tile(np.arange(1, epochs + 1), arms * len(CURVES))
    names = pd.DataFrame(
        [(f"arm {i}", metric, split) for i in range(arms) for metric, split in CURVES],
        columns=["arm", "metric", "split"],
    )
    curves = names.loc[names.index.repeat(epochs)].reset_index(drop=True)
    curves = curves.assign(epoch=epoch, step=BATCHES * epoch, mean=draw.random(len(epoch)))
    test = names[names["split"] == "dev"].assign(split="test", mean=0.5, sd=0.1, n=10)
    _files.write_csv(Path(f"reports/curves/{KEY}.csv"), curves.assign(low=0, high=1, n=10))
    _files.write_csv(Path(f"reports/arms/{KEY}.csv"), test)
    outputs = [Path(f"reports/{part}/{KEY}.csv") for part in ("arms", "curves")]
    record: dict[str, Any] = {
        **{"schema": 1, "stage": "evaluate", "key": KEY, "started": "2026-01-01T00:00:00+00:00"},
        **{"seconds": 1.0, "profile": "default", "params": {}, "params_hash": None},
        **{"git_commit": None, "dvc_experiment": None, "device": {}, "versions": {}},
        **{"inputs": {}, "timing": {}, "details": {}},
        "outputs": {p.as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in outputs},
    }
    path = Path(f"data/records/evaluate/{KEY}.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(record))
    return pd.read_csv(f"reports/curves/{KEY}.csv", dtype={"arm": str})


def differences(curves: pd.DataFrame) -> list[str]:
    """Return the curves that the store gives back otherwise."""
    client = track.connect(track.store())
    place = client.get_experiment_by_name(KEY).experiment_id
    by_arm = {run.data.tags["arm"]: run.info.run_id for run in arms_of(client, place)}
    wrong = []
    for (arm, metric, split), rows in curves.groupby(["arm", "metric", "split"]):
        sent = client.get_metric_history(by_arm[arm], f"{split}/{metric}") if arm in by_arm else []
        expected = list(zip(rows["step"], rows["mean"], strict=True))
        if [(point.step, point.value) for point in sent] != expected:
            wrong.append(f"{arm} {split}/{metric}")
    return wrong


def arms_of(client: Any, place: str) -> list[Any]:
    """Return all runs of arms."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_runs([place], "tags.arm != ''", page_token=token)
        found.extend(page)
        token = page.token
        if not token:
            return found


if __name__ == "__main__":
    sys.exit(main())
