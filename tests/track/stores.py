"""What a store holds, in a form that tests compare, and a client that breaks off."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from stages.commands import _outcome, track

ARMS = ["sgd lr=0.1", "adam lr=0.01", "None"]
STAGES = ["fetch@mnist", "prepare@mnist", "site@site"]
RUNS = sorted([*STAGES, *(f"{s}@optimizers" for s in ("gather", "train", "evaluate", "report"))])


def copy(store: Path) -> None:
    with closing(sqlite3.connect(store)) as old, closing(sqlite3.connect("mlflow.db")) as new:
        old.backup(new)


def sync() -> _outcome.Outcome:
    return track.Tracker(track.store()).sync()


def runs(client: Any = None) -> dict[str, Any]:
    """Return the active runs by name; a name that comes twice is an error."""
    client = client or track.connect(track.store())
    experiments = [found.experiment_id for found in client.search_experiments()]
    found = list(client.search_runs(experiments, max_results=5000))
    by_name = {run.info.run_name: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def history(client: Any, run: Any) -> dict[str, list[tuple[int, float]]]:
    return {
        name: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }


def contents(client: Any = None) -> dict[str, Any]:
    """Return all that matters of all runs, comparable between stores."""
    client = client or track.connect(track.store())
    found = runs(client)
    names = {run.info.run_id: name for name, run in found.items()}
    return {
        name: {
            "params": run.data.params,
            "metrics": history(client, run),
            "tags": {k: v for k, v in run.data.tags.items() if k != "mlflow.parentRunId"},
            "parent": names.get(run.data.tags.get("mlflow.parentRunId")),
            "times": (run.info.status, run.info.start_time, run.info.end_time),
            "inputs": sorted((i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs),
            "artifacts": sorted(f.path for f in client.list_artifacts(run.info.run_id)),
        }
        for name, run in found.items()
    }


class Failing:
    """A client that breaks off at the n-th call that writes, as a kill would."""

    WRITES = (
        *("create_run", "log_batch", "log_inputs", "log_artifacts", "set_terminated", "set_tag"),
        *("create_logged_model", "log_model_artifacts", "finalize_logged_model", "log_outputs"),
        *("create_model_version", "set_registered_model_alias"),
    )

    def __init__(self, client: Any, calls: int, strike: Callable[[], None] | None = None) -> None:
        self._client, self._left, self._strike = client, calls, strike

    def __getattr__(self, name: str) -> Any:
        if name in self.WRITES:
            self._left -= 1
            if self._left == 0 and self._strike:
                self._strike()
            elif self._left <= 0 and not self._strike:
                raise ConnectionError("gone")
        return getattr(self._client, name)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "stages.commands.track", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)
